//! A set of public keys, and its published form (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::key::PublicKey;
use super::settings::Algorithm;
use crate::object::Object;

/// So many usable keys of one issuer are looked at: a token without key id is tried with each of them.
const MAX_KEYS: usize = 100;

/// Keys that hold at the same time.
pub(super) struct KeySet {
    /// Counts the changes of the set; what an older set verified has to be verified again.
    pub(super) generation: u64,
    keys: Vec<PublicKey>,
}

impl KeySet {
    /// The set of one key that never changes.
    pub(super) fn fixed(key: PublicKey) -> Self {
        Self { generation: 0, keys: vec![key] }
    }

    /// The set that comes after `previous`: of the same generation if nothing changed.
    pub(super) fn after(previous: Option<&Self>, keys: Vec<PublicKey>) -> Self {
        let generation = match previous {
            None => 0,
            Some(previous) if previous.keys == keys => previous.generation,
            Some(previous) => previous.generation + 1,
        };
        Self { generation, keys }
    }

    /// The keys that may have signed a token with this algorithm and key id.
    pub(super) fn candidates(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> impl Iterator<Item = &PublicKey> {
        let named = move |key: &PublicKey| id.is_none() || key.id.as_deref() == id;
        self.keys.iter().filter(move |key| key.algorithm == algorithm && named(key))
    }
}

/// The usable keys of a published set; those for other purposes are left out. Says what is wrong if there are none.
pub(super) fn read(body: &[u8]) -> Result<Vec<PublicKey>, String> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<Value>,
    }
    let Object(published) = serde_json::from_slice::<Object<Published>>(body)
        .map_err(|_| "its answer is not a JSON object with a list of keys".to_owned())?;
    let found = published.keys.len();
    let keys: Vec<PublicKey> = published.keys.into_iter().filter_map(usable).take(MAX_KEYS).collect();
    if keys.is_empty() {
        return Err(format!(
            "none of its {found} keys can be used; RSA keys of 2048 bits and more and keys on P-256 can, \
             when they are for signatures with RS256 or ES256"
        ));
    }
    Ok(keys)
}

/// A key as it is published. Secret ones (`oct`) have none of these parts.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

fn usable(value: Value) -> Option<PublicKey> {
    let Object(jwk) = serde_json::from_value::<Object<Jwk>>(value).ok()?;
    let for_signatures = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
        && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"));
    if !for_signatures {
        return None;
    }
    let part = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => PublicKey::rsa(jwk.kid, &part(&jwk.n)?, &part(&jwk.e)?),
        ("EC", Some("P-256")) => PublicKey::p256_point(jwk.kid, &part(&jwk.x)?, &part(&jwk.y)?),
        _ => return None,
    };
    key.ok().filter(|key| jwk.alg.as_deref().is_none_or(|alg| alg == key.algorithm.name()))
}
