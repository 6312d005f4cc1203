//! The client upload signature (wire reference section 1; vendor documents 266/9221 and 266/9219).
//!
//! `signature = base64(HMAC-SHA1(SecretKey, original) || original)`, where `original` is an URL query string.
//! The MAC is always checked over the bytes as they came, because producers encode differently (Node writes a space
//! as `%20`, PHP and Python as `+`).
//!
//! A server goes through the steps of wire reference 1.4:
//!
//! ```
//! # use reelgate_wire::upload_signature::{Parameters, Refusal, Unverified};
//! # fn look_up(_: &str) -> &'static [u8] { b"secret" }
//! # let text = Parameters { secret_id: "AKID".into(), current_time_stamp: 1_700_000_000,
//! #     expire_time: 1_700_000_600, ..Parameters::default() }.sign(b"secret");
//! # let now = 1_700_000_001;
//! let unverified = Unverified::decode(&text)?;             // step 2
//! let key = look_up(unverified.secret_id());               // step 3, the server's business
//! let signature = unverified.verify(key)?;                 // step 4
//! signature.parameters().check_window(now)?;               // steps 5 to 7
//! signature.parameters().check_ranges()?;                  // step 9
//! # Ok::<(), Refusal>(())
//! ```

mod decode;
mod parameters;
mod refusal;
#[cfg(test)]
mod tests;

pub use decode::{MAX_TEXT, Unverified, UploadSignature};
pub use parameters::{
    FUTURE_TOLERANCE, MAX_RANDOM, MAX_SESSION_CONTEXT, MAX_SOURCE_CONTEXT, MAX_VALIDITY, Parameters,
    is_region,
};
pub use refusal::Refusal;

pub(crate) use parameters::{RESERVED, shown};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hmac_sha1;

/// A SecretKey, prepared for signing many times. Never printed.
#[derive(Clone)]
pub struct SigningKey(hmac_sha1::Key);

impl SigningKey {
    /// Prepares `secret_key`.
    pub fn new(secret_key: &[u8]) -> Self {
        Self(hmac_sha1::Key::new(secret_key))
    }

    /// Signs a query string exactly as given: `base64(HMAC-SHA1(key, original) || original)`.
    pub fn sign_original(&self, original: &str) -> String {
        let mut bytes = Vec::with_capacity(hmac_sha1::LENGTH + original.len());
        bytes.extend_from_slice(&self.0.mac(original.as_bytes()));
        bytes.extend_from_slice(original.as_bytes());
        STANDARD.encode(bytes)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Signs a query string exactly as given, with a key that is used this once.
pub fn sign_original(secret_key: &[u8], original: &str) -> String {
    SigningKey::new(secret_key).sign_original(original)
}
