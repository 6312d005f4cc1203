//! An issuer of tokens: its key and the claims of its users.

use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::test_app::START;

/// The shared secret of the issuer `accounts`.
pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Its `iss`.
pub(super) const ACCOUNTS: &str = "https://accounts.example";
/// The `iss` of the issuer with a key pair.
pub(super) const PARTNER: &str = "https://partner.example";

/// What tokens are signed with.
pub(super) enum Key {
    Secret(&'static str),
    P256(EcdsaKeyPair),
}

impl Key {
    pub(super) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        let (algorithm, id) = match self {
            Self::Secret(_) => ("HS256", "of-accounts"),
            Self::P256(_) => ("ES256", "of-partner"),
        };
        self.token_with(&json!({"alg": algorithm, "typ": "JWT", "kid": id}), claims)
    }

    /// A token with this header.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = match self {
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            Self::P256(key) => {
                key.sign(&rand::SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{signed}.{}", encode(&signature))
    }

    /// Writes the public key to a file; its path.
    pub(super) fn write_public(&self, dir: &Path) -> String {
        let Self::P256(key) = self else { panic!("a secret has no public part") };
        let der = key.public_key().as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let path = dir.join("partner.pem");
        std::fs::write(&path, format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"))
            .unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The public key as it is published.
    pub(super) fn published(&self) -> Value {
        let Self::P256(key) = self else { panic!("a secret is not published") };
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "kid": "of-partner", "x": encode(x), "y": encode(y)})
    }
}

/// Claims of `accounts` that are good for five minutes, with these changes; null takes a claim away.
pub(super) fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": ACCOUNTS,
        "exp": START.seconds() + 300,
        "profile": {"id": "user-42"},
        "subscription": {"plan": "pro", "groups": ["editors", "viewers"]},
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// A token of `accounts` with these changes.
pub(super) fn token(changes: Value) -> String {
    Key::Secret(SECRET).token(&claims(changes))
}

/// The entry of `accounts`.
pub(super) fn accounts() -> Value {
    json!({
        "kind": "jwt", "name": "accounts", "algorithm": "HS256", "secret": SECRET, "issuer": ACCOUNTS,
        "user": "profile.id", "tags": {"plan": "subscription.plan", "group": "/subscription/groups"},
    })
}
