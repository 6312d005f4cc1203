//! Tokens of an application's users, signed here with keys that live as long as the run (RFC 7515, compact form).
//! Forty lines instead of a crate: what checks them is the server's own, so a mistake of ours shows at once.

use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The `iss` of all tokens.
pub(crate) const ISSUER: &str = "bench";
/// Shared with the server, so at least 32 characters.
const SECRET: &str = "bench-bench-bench-bench-bench-bench-bench";
/// How long tokens are good: longer than a run takes.
const VALID_SECONDS: u64 = 3_600;

/// How tokens are signed.
pub(crate) enum Signer {
    /// HMAC-SHA256 with a shared key.
    Hs256,
    /// RSA of 2048 bits, PKCS #1 v1.5, SHA-256.
    Rs256(Box<RsaKeyPair>),
    /// ECDSA on P-256 with SHA-256.
    Es256(Box<EcdsaKeyPair>),
}

impl Signer {
    /// With a new RSA key.
    pub(crate) fn rs256() -> Result<Self> {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key can be made"))?;
        Ok(Self::Rs256(Box::new(pair)))
    }

    /// With a new P-256 key.
    pub(crate) fn es256() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self::Es256(Box::new(pair.map_err(|_| anyhow!("no P-256 key can be made"))?)))
    }

    /// The `alg` of its tokens.
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
        }
    }

    /// The server's configuration of this caller. A public key is written to a file in `directory`.
    pub(crate) fn caller(&self, directory: &Path) -> Result<Value> {
        let mut caller = json!({
            "kind": "jwt", "name": "bench", "algorithm": self.algorithm(), "issuer": ISSUER, "user": "sub",
        });
        let (key, value) = match self.public_key()? {
            None => ("secret", SECRET.to_owned()),
            Some(der) => {
                let path = directory.join("public.pem");
                std::fs::write(&path, pem(&der))
                    .with_context(|| format!("{} cannot be written", path.display()))?;
                ("public_key", path.display().to_string())
            }
        };
        caller[key] = value.into();
        Ok(caller)
    }

    /// A token of `user`.
    pub(crate) fn token(&self, user: &str) -> Result<String> {
        let now = now();
        let header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        let claims = json!({ "iss": ISSUER, "sub": user, "iat": now, "exp": now + VALID_SECONDS });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                Ok(hmac::sign(&key, message).as_ref().to_vec())
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| anyhow!("a token cannot be signed with RSA"))?;
                Ok(signature)
            }
            Self::Es256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| anyhow!("a token cannot be signed with ECDSA")),
        }
    }

    /// As X.509 writes it; none when the key is shared.
    fn public_key(&self) -> Result<Option<Vec<u8>>> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Hs256 => return Ok(None),
            Self::Rs256(pair) => pair.public_key().as_der(),
            Self::Es256(pair) => pair.public_key().as_der(),
        };
        let der = der.map_err(|_| anyhow!("the public key cannot be encoded"))?;
        Ok(Some(der.as_ref().to_vec()))
    }
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PUBLIC KEY-----\n");
    pem
}

#[expect(
    clippy::disallowed_methods,
    reason = "tokens are judged by the time of the server's machine, this one"
)]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    /// Signed text, claims, signature.
    fn parts(signer: &Signer) -> (String, Value, Vec<u8>) {
        let token = signer.token("user-1").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        (signed.to_owned(), claims, URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    #[test]
    fn a_token_is_signed_with_the_shared_key_and_good_for_an_hour() {
        let (signed, claims, signature) = parts(&Signer::Hs256);
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!(ISSUER), &json!("user-1")));
        assert_eq!(claims["exp"].as_u64(), Some(claims["iat"].as_u64().unwrap() + VALID_SECONDS));
    }

    #[test]
    fn the_public_key_in_the_file_verifies_the_token() {
        let cases: [(_, &dyn VerificationAlgorithm); 2] = [
            (Signer::rs256().unwrap(), &RSA_PKCS1_2048_8192_SHA256),
            (Signer::es256().unwrap(), &ECDSA_P256_SHA256_FIXED),
        ];
        for (signer, algorithm) in cases {
            let directory = tempfile::tempdir().unwrap();
            let caller = signer.caller(directory.path()).unwrap();
            let pem = std::fs::read_to_string(caller["public_key"].as_str().unwrap()).unwrap();
            assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
            let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            let (signed, _, signature) = parts(&signer);
            let algorithm: &'static dyn VerificationAlgorithm = algorithm;
            let key = UnparsedPublicKey::new(algorithm, STANDARD.decode(base64).unwrap());
            key.verify(signed.as_bytes(), &signature).unwrap();
        }
    }
}
