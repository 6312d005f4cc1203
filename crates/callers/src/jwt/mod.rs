//! Tokens of one issuer (RFC 7519), checked here.
//!
//! What a token says of itself is never believed: the algorithm comes from the settings or the key, the time from the
//! server, the keys from the operator. What it must say: `exp`, a user, and `iss` and `aud` where they are configured.

mod claims;
mod key;
mod key_set;
mod path;
mod published;
mod refusal;
mod settings;
mod token;
mod verified;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use reelgate_model::Time;
use secrecy::ExposeSecret;
use serde::Deserialize;

pub use claims::Identity;
pub use path::ClaimPath;
pub use refusal::JwtRefusal;
pub use settings::{Algorithm, JwtKeys, JwtSettings};

use crate::object::Object;
use crate::settings::SettingsError;
use claims::Rules;
use key::PublicKey;
use key_set::KeySet;
use published::{NoKey, Published};
use token::{Header, Token};
use verified::{Entry, Verified};

/// Longest token.
const MAX_TOKEN: usize = 8 * 1024;
/// An HMAC key as long as its digest (RFC 7518 section 3.2).
const MIN_SECRET: usize = 32;

/// One issuer whose tokens are accepted. Share it behind an `Arc`; it keeps what it has learned.
pub struct Jwt {
    name: String,
    issuer: Option<String>,
    rules: Rules,
    keys: Keys,
}

enum Keys {
    Secret(Box<Secret>),
    Public { source: Source, verified: Verified },
}

struct Secret {
    /// aws-lc's own, and not that of `jsonwebtoken`, which would derive the pads anew for each token.
    key: hmac::Key,
    /// The encoded header of the first token that verified. An issuer writes the same one always, and what has been
    /// found good once need not be read again.
    usual_header: OnceLock<Box<str>>,
}

enum Source {
    Fixed(Algorithm, Arc<KeySet>),
    Published(Published),
}

impl Jwt {
    /// Ready to verify. Published keys are fetched when the first token needs them.
    ///
    /// Nothing has to be installed before, and no token can find a crypto provider missing: see the crate's page.
    pub fn new(settings: JwtSettings) -> Result<Self, SettingsError> {
        let rules = Rules::new(&settings);
        let name = settings.name;
        let public = |source| Keys::Public { source, verified: Verified::new() };
        let keys = match settings.keys {
            JwtKeys::Hs256(secret) => {
                let secret = secret.expose_secret().as_bytes();
                if secret.len() < MIN_SECRET {
                    return Err(SettingsError::ShortSecret { name, bytes: secret.len() });
                }
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Keys::Secret(Box::new(Secret { key, usual_header: OnceLock::new() }))
            }
            JwtKeys::Pem { algorithm, pem } => match PublicKey::from_pem(algorithm, &pem) {
                Ok(key) => public(Source::Fixed(algorithm, Arc::new(KeySet::fixed(key)))),
                Err(problem) => {
                    return Err(SettingsError::Key { name, algorithm: algorithm.name(), problem });
                }
            },
            JwtKeys::Jwks { url, refresh_floor, max_age, timeout } => {
                public(Source::Published(Published::new(&name, &url, refresh_floor, max_age, timeout)?))
            }
        };
        Ok(Self { name, issuer: settings.issuer, rules, keys })
    }

    /// How the operator calls this issuer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the token claims to be of this issuer: three segments, an algorithm that is used here, and the
    /// configured `iss`. Proves nothing; among several issuers, the first that recognises a token decides on it.
    pub fn recognises(&self, token: &str) -> bool {
        let Some(token) = Token::split(token) else { return false };
        self.is_used_here(&token)
            && token::is_base64url(token.signature)
            && token::decode(token.payload).is_some_and(|payload| self.is_issued_here(&payload))
    }

    /// Who the token speaks of. `now` is the server's clock; the machine's own is not read.
    ///
    /// Waits only while published keys are fetched: for the first token, and for one that names a new key.
    pub async fn verify(&self, token: &str, now: Time) -> Result<Arc<Identity>, JwtRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(self.rules.malformed("it is longer than 8 KiB"));
        }
        match &self.keys {
            Keys::Secret(secret) => self.verify_secret(secret, token, now),
            Keys::Public { source, verified } => self.verify_public(source, verified, token, now).await,
        }
    }

    fn verify_secret(&self, secret: &Secret, token: &str, now: Time) -> Result<Arc<Identity>, JwtRefusal> {
        let token = self.split(token)?;
        let is_usual = secret.is_usual(&token);
        if !is_usual {
            self.header(token.header_json().as_deref())?;
        }
        let signature = token::decode_hs256(token.signature).ok_or_else(|| self.bad_signature())?;
        // Compares in constant time.
        hmac::verify(&secret.key, token.signed, &signature).map_err(|_| self.bad_signature())?;
        if !is_usual {
            secret.usual_header.get_or_init(|| token.header.into());
        }
        let (identity, _) = self.rules.check(&self.payload(&token)?, now)?;
        Ok(Arc::new(identity))
    }

    async fn verify_public(
        &self,
        source: &Source,
        verified: &Verified,
        text: &str,
        now: Time,
    ) -> Result<Arc<Identity>, JwtRefusal> {
        let print = Verified::print(text);
        if let Some(set) = source.current()
            && let Some(known) = verified.get(&print, set.generation)
        {
            self.rules.check_time(known.validity, now)?;
            return Ok(known.identity);
        }
        let token = self.split(text)?;
        let signature = token::decode(token.signature).ok_or_else(|| self.bad_signature())?;
        let header = token.header_json();
        let header = self.header(header.as_deref())?;
        let algorithm = Algorithm::named(&header.alg).ok_or_else(|| self.other_algorithm())?;
        let set = self.key_set(source, algorithm, header.kid.as_deref()).await?;
        let id = source.ids_matter().then_some(header.kid.as_deref()).flatten();
        if !set.candidates(algorithm, id).any(|key| key.made(&signature, token.signed)) {
            return Err(self.bad_signature());
        }
        let (identity, validity) = self.rules.check(&self.payload(&token)?, now)?;
        let identity = Arc::new(identity);
        let entry = Entry { identity: Arc::clone(&identity), validity, generation: set.generation };
        verified.remember(print, entry);
        Ok(identity)
    }

    async fn key_set(
        &self,
        source: &Source,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Arc<KeySet>, JwtRefusal> {
        let name = || self.name.clone();
        match source {
            Source::Fixed(_, set) => Ok(Arc::clone(set)),
            Source::Published(published) => published.with(algorithm, id).await.map_err(|none| match none {
                NoKey::Unknown => JwtRefusal::KeyUnknown { name: name() },
                NoKey::Unavailable => JwtRefusal::KeysUnavailable { name: name() },
            }),
        }
    }

    fn split<'a>(&self, token: &'a str) -> Result<Token<'a>, JwtRefusal> {
        Token::split(token)
            .ok_or_else(|| self.rules.malformed("it has not three segments with dots between them"))
    }

    /// The header, if it asks for nothing that is not done here.
    fn header<'a>(&self, json: Option<&'a [u8]>) -> Result<Header<'a>, JwtRefusal> {
        let header = json.and_then(Header::read);
        let header =
            header.ok_or_else(|| self.rules.malformed("its header is not a JSON object with an alg"))?;
        if header.critical.0 {
            return Err(self
                .rules
                .malformed("its header has crit, which demands extensions that are not known here"));
        }
        if !self.uses(&header.alg) {
            return Err(self.other_algorithm());
        }
        Ok(header)
    }

    fn payload(&self, token: &Token<'_>) -> Result<Vec<u8>, JwtRefusal> {
        token::decode(token.payload).ok_or_else(|| self.rules.malformed("its claims are not base64url"))
    }

    fn uses(&self, algorithm: &str) -> bool {
        match &self.keys {
            Keys::Secret(_) => algorithm == "HS256",
            Keys::Public { source: Source::Fixed(only, _), .. } => algorithm == only.name(),
            Keys::Public { source: Source::Published(_), .. } => Algorithm::named(algorithm).is_some(),
        }
    }

    fn is_used_here(&self, token: &Token<'_>) -> bool {
        if let Keys::Secret(secret) = &self.keys
            && secret.is_usual(token)
        {
            return true;
        }
        let json = token.header_json();
        json.as_deref().and_then(Header::read).is_some_and(|header| self.uses(&header.alg))
    }

    fn is_issued_here(&self, payload: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Issued<'a> {
            #[serde(borrow)]
            iss: Cow<'a, str>,
        }
        let Some(expected) = &self.issuer else { return true };
        serde_json::from_slice::<Object<Issued<'_>>>(payload)
            .is_ok_and(|Object(issued)| issued.iss == **expected)
    }

    fn bad_signature(&self) -> JwtRefusal {
        JwtRefusal::Signature { name: self.name.clone(), problem: "no key of that issuer made it" }
    }

    fn other_algorithm(&self) -> JwtRefusal {
        JwtRefusal::Signature {
            name: self.name.clone(),
            problem: "the token names another algorithm than that issuer uses",
        }
    }
}

impl Secret {
    fn is_usual(&self, token: &Token<'_>) -> bool {
        self.usual_header.get().is_some_and(|usual| **usual == *token.header)
    }
}

impl Source {
    fn current(&self) -> Option<Arc<KeySet>> {
        match self {
            Self::Fixed(_, set) => Some(Arc::clone(set)),
            Self::Published(published) => published.current(),
        }
    }

    /// A single key from the settings has no id, and is tried whatever id a token names.
    fn ids_matter(&self) -> bool {
        matches!(self, Self::Published(_))
    }
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt").field("name", &self.name).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
