//! HMAC-SHA1 as both vendor signatures use it.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Length of the MAC in bytes.
pub(crate) const LENGTH: usize = 20;

/// A key that has been hashed in already, for those who use it often.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha1>);

impl Key {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// HMAC-SHA1 of `message`, raw.
    pub(crate) fn mac(&self, message: &[u8]) -> [u8; LENGTH] {
        let mut hmac = self.0.clone();
        hmac.update(message);
        hmac.finalize().into_bytes().into()
    }
}

/// HMAC-SHA1 of `message` under `key`, raw.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; LENGTH] {
    Key::new(key).mac(message)
}

/// Equality whose duration does not depend on where the two differ.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    left.ct_eq(right).into()
}
