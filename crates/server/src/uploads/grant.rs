//! Temporary credentials of an upload session.
//!
//! Nothing is stored for them: the SecretId names the session and the end of its life, and the SecretKey and the
//! token are derived from it with the master key. Any node can check them; none of them outlives its session,
//! because every use also looks at the session's row (`uploads::session_of`).

use reelgate_model::Time;
use subtle::ConstantTimeEq;

use crate::vault::Vault;

/// What a client gets to sign its requests on the object leg with.
#[derive(Clone)]
pub struct Grant {
    /// Access key, beginning with `AKIDrg`.
    pub secret_id: String,
    /// Signing key.
    pub secret_key: String,
    /// Security token that must come with every request.
    pub token: String,
    /// End of its life.
    pub expires_at: Time,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

const PREFIX: &str = "AKIDrg";

impl Grant {
    /// The grant of `session_id` (hexadecimal) that ends at `expires_at` (whole seconds).
    pub fn new(vault: &Vault, session_id: &str, expires_at: Time) -> Self {
        let secret_id = format!("{PREFIX}{:x}z{session_id}", expires_at.seconds());
        Self {
            secret_key: hex::encode(&vault.derive("grant key", &secret_id)[..20]),
            token: hex::encode(vault.derive("grant token", &secret_id)),
            expires_at: Time::from_seconds(expires_at.seconds()),
            secret_id,
        }
    }

    /// The grant behind an access key, with its session, or `None` if this server never made it. The caller
    /// still has to compare the token, verify the signature and look at the session.
    pub fn of_secret_id(vault: &Vault, secret_id: &str) -> Option<(Self, String)> {
        let (expiry, session_id) = secret_id.strip_prefix(PREFIX)?.split_once('z')?;
        let plain = session_id.len() == 32 && session_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let seconds =
            i64::from_str_radix(expiry, 16).ok().filter(|seconds| (0..1 << 40).contains(seconds))?;
        plain.then(|| (Self::new(vault, session_id, Time::from_seconds(seconds)), session_id.to_owned()))
    }

    /// Whether `token` is this grant's, in constant time.
    pub fn token_matches(&self, token: &str) -> bool {
        self.token.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// The opaque `vodSessionKey` of a session: its id and a proof that we made it.
pub fn session_key(vault: &Vault, session_id: &str) -> String {
    format!("{session_id}{}", hex::encode(&vault.derive("session key", session_id)[..16]))
}

/// The session behind a `vodSessionKey`, or `None` if this server never made it.
pub fn session_of_key<'a>(vault: &Vault, key: &'a str) -> Option<&'a str> {
    let session_id = key.get(..32).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    bool::from(session_key(vault, session_id).as_bytes().ct_eq(key.as_bytes())).then_some(session_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::open(Some(&"ab".repeat(32).into()), std::path::Path::new("/nonexistent")).unwrap()
    }

    #[test]
    fn a_grant_is_found_again_by_its_secret_id_alone() {
        let vault = vault();
        let grant = Grant::new(&vault, &"0f".repeat(16), Time::from_seconds(1_800_000_000));
        let (again, session) = Grant::of_secret_id(&vault, &grant.secret_id).unwrap();
        assert_eq!(
            (again.secret_key.as_str(), session.as_str()),
            (grant.secret_key.as_str(), "0f".repeat(16).as_str())
        );
        assert!(again.token_matches(&grant.token));
        assert!(!again.token_matches(&grant.token.to_uppercase()));
        for odd in
            ["", "AKIDrg", "AKIDrgz", "AKIDrg-1z00", &grant.secret_id[..20], "AKIDrgffffffffffffffffz0"]
        {
            assert!(Grant::of_secret_id(&vault, odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn session_keys_cannot_be_made_up() {
        let vault = vault();
        let key = session_key(&vault, &"0f".repeat(16));
        assert_eq!(session_of_key(&vault, &key), Some("0f".repeat(16).as_str()));
        for odd in ["", "é", &key[..40], &format!("{key}0"), &key.replace("0f", "0e")] {
            assert_eq!(session_of_key(&vault, odd), None);
        }
    }
}
