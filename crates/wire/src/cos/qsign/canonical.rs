//! The string that is signed.

use std::collections::BTreeMap;

use percent_encoding::utf8_percent_encode;
use sha1::{Digest, Sha1};

use super::KeyTime;
use crate::hmac_sha1;
use crate::upload_signature::RESERVED;

/// What the signature looks at. Everything is decoded: the path with its leading `/`, query names and values
/// (a name without value has the empty one), header values without surrounding white space.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// HTTP method, any case.
    pub method: &'a str,
    /// Percent-decoded path as sent, leading `/` included.
    pub path: &'a str,
    /// Decoded query parameters.
    pub query: &'a [(String, String)],
    /// Headers; names in any case. `host` as the client sent it, port included.
    pub headers: &'a [(String, String)],
}

/// RFC 3986 percent-encoding: everything but `A-Za-z0-9-_.~`, upper-case hex.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A name as the lists have it.
pub(super) fn listed_name(name: &str) -> String {
    encode(name).to_ascii_lowercase()
}

/// Names and values that are signed, in their order.
pub(super) type Signed = BTreeMap<String, String>;

fn joined(signed: &Signed) -> String {
    signed.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Step 5: `HttpString`.
pub(super) fn http_string(method: &str, path: &str, parameters: &Signed, headers: &Signed) -> String {
    format!("{}\n{path}\n{}\n{}\n", method.to_ascii_lowercase(), joined(parameters), joined(headers))
}

/// Step 1: `SignKey`, lower-case hex; its text is the key of step 7.
pub(super) fn sign_key(secret_key: &str, key_time: &KeyTime) -> String {
    hex::encode(hmac_sha1::mac(secret_key.as_bytes(), key_time.text.as_bytes()))
}

/// Steps 6 and 7: the signature of an `HttpString`.
pub(super) fn signature(
    secret_key: &str,
    key_time: &KeyTime,
    sign_time: &KeyTime,
    http_string: &str,
) -> String {
    let digest = hex::encode(Sha1::digest(http_string.as_bytes()));
    let string_to_sign = format!("sha1\n{}\n{digest}\n", sign_time.text);
    hex::encode(hmac_sha1::mac(sign_key(secret_key, key_time).as_bytes(), string_to_sign.as_bytes()))
}
