//! One public key, from PEM or from a published set, and the check of a signature with it.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use rustls_pki_types::pem::{PemObject, SectionKind};
use sha2::{Digest, Sha256};

use super::settings::Algorithm;

/// The shortest RSA key that is safe to accept (RFC 7518 section 3.3), and the longest that aws-lc verifies with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Bytes of a coordinate on P-256.
const P256_BYTES: usize = 32;

/// A public key with the one algorithm it is used for.
pub(super) struct PublicKey {
    /// The issuer's name for it.
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    /// Tells keys apart without keeping their parts.
    print: [u8; 32],
    key: DecodingKey,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.algorithm, self.print) == (&other.id, other.algorithm, other.print)
    }
}

impl PublicKey {
    /// The key in a PEM text, or what is wrong with it.
    pub(super) fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, &'static str> {
        let (kind, der) = <(SectionKind, Vec<u8>)>::from_pem_slice(pem.as_bytes())
            .map_err(|_| "it is not PEM; give a text that begins with -----BEGIN PUBLIC KEY-----")?;
        match kind {
            SectionKind::PublicKey => {}
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                return Err("it is a private key, which belongs to the issuer alone; \
                            give the public one, as openssl pkey -pubout writes it");
            }
            _ => {
                return Err(
                    "its PEM block is not a PUBLIC KEY; make one with openssl, for example x509 -pubkey",
                );
            }
        }
        match algorithm {
            Algorithm::Rs256 => {
                let parts = DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key;
                let (modulus, exponent) =
                    parts(&der).map_err(|_| "it is no valid RSA key; give one for RS256")?;
                Self::rsa(None, &modulus, &exponent)
            }
            Algorithm::Es256 => Self::p256(None, &der),
        }
    }

    /// An RSA key, from its big-endian parts.
    pub(super) fn rsa(id: Option<String>, modulus: &[u8], exponent: &[u8]) -> Result<Self, &'static str> {
        let (modulus, exponent) = (significant(modulus), significant(exponent));
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err("its RSA key has not 2048 to 8192 bits; give a longer or shorter one");
        }
        // An even exponent, or 1, verifies nothing or everything.
        if exponent.last().is_none_or(|last| last % 2 == 0) || exponent == [1] {
            return Err("its RSA key has an exponent that cannot be used; give a new key");
        }
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        Ok(Self { id, algorithm: Algorithm::Rs256, print: print(&[modulus, exponent]), key })
    }

    /// A key on P-256, from the coordinates of its point.
    pub(super) fn p256_point(id: Option<String>, x: &[u8], y: &[u8]) -> Result<Self, &'static str> {
        if x.len() != P256_BYTES || y.len() != P256_BYTES {
            return Err("its coordinates have not 32 bytes each, so it is not on P-256");
        }
        // The uncompressed form (SEC 1 section 2.3.3).
        Self::p256(id, &[&[4], x, y].concat())
    }

    fn p256(id: Option<String>, encoded: &[u8]) -> Result<Self, &'static str> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, encoded)
            .map_err(|_| "it is no valid key on the curve P-256; give one for ES256")?;
        let key = DecodingKey::from_ec_der(encoded);
        Ok(Self { id, algorithm: Algorithm::Es256, print: print(&[encoded]), key })
    }

    /// Whether this key made `signature` over `signed`. The algorithm is the key's.
    // The library's trait asks for a `Vec`.
    pub(super) fn made(&self, signature: &Vec<u8>, signed: &[u8]) -> bool {
        let algorithm = match self.algorithm {
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        };
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(signed, signature).is_ok())
    }
}

/// The number without leading zeros, which some issuers write and aws-lc refuses.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

fn print(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
