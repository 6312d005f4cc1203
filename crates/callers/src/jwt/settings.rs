//! What an operator says about one issuer of tokens. Plain data, made from the server's configuration.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::path::ClaimPath;

/// One issuer whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// How the operator calls it, for sentences and logs.
    pub name: String,
    /// What signatures are checked with.
    pub keys: JwtKeys,
    /// The claim `iss` must be this. Also tells several issuers apart.
    pub issuer: Option<String>,
    /// The claim `aud` must hold one of these. Empty: the claim is not looked at, so a token that the issuer made for
    /// another service is accepted too.
    pub audiences: Vec<String>,
    /// How far clocks may differ, both ways.
    pub leeway: Duration,
    /// The claim that names the user: a non-empty string or a whole number.
    pub user: ClaimPath,
    /// Tags and the claims they come from: a string, a number, a bool, or an array of those. A claim that is missing,
    /// has another form or holds control characters gives no value.
    pub tags: Vec<(String, ClaimPath)>,
}

/// What signatures are checked with. It also fixes the algorithm, whatever a token says.
#[derive(Clone)]
pub enum JwtKeys {
    /// A secret shared with the issuer, at least 32 bytes.
    Hs256(SecretString),
    /// One public key.
    Pem {
        /// What the key is for.
        algorithm: Algorithm,
        /// A `PUBLIC KEY` block (SubjectPublicKeyInfo), as `openssl pkey -pubout` writes it.
        pem: String,
    },
    /// The keys that the issuer publishes (RFC 7517): RSA for RS256 and P-256 for ES256. A token that names a key id is
    /// checked with keys of that id only, one that names none with all that fit its algorithm.
    Jwks {
        /// Where.
        url: String,
        /// Never fetched more often than this, also after a failure and whatever key ids tokens name.
        refresh_floor: Duration,
        /// Fetched again in the background when older.
        max_age: Duration,
        /// Longest wait for one fetch.
        timeout: Duration,
    },
}

impl fmt::Debug for JwtKeys {
    // By hand, because an operator may put a private key where the public one belongs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hs256(_) => f.write_str("Hs256(…)"),
            Self::Pem { algorithm, pem: _ } => {
                f.debug_struct("Pem").field("algorithm", algorithm).finish_non_exhaustive()
            }
            Self::Jwks { url, refresh_floor, max_age, timeout } => f
                .debug_struct("Jwks")
                .field("url", url)
                .field("refresh_floor", refresh_floor)
                .field("max_age", max_age)
                .field("timeout", timeout)
                .finish(),
        }
    }
}

/// Signature algorithms with a public key that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 8192 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The name in token headers and key sets (RFC 7518).
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256].into_iter().find(|algorithm| algorithm.name() == name)
    }
}
