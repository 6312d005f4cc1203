//! The client's side.

use std::fmt;

use super::canonical::{Signed, http_string, listed_name, signature};
use super::{KeyTime, Request, encode};

/// Signs requests with one credential and one window.
#[derive(Clone)]
pub struct Signer {
    access_key: String,
    secret_key: String,
    time: KeyTime,
}

impl Signer {
    /// A signer for `access_key`, valid from `start` to `end` (Unix seconds).
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>, start: i64, end: i64) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), time: KeyTime::new(start, end) }
    }

    /// The `Authorization` header for `request`; all its query parameters and all its headers are signed.
    pub fn authorization(&self, request: &Request<'_>) -> String {
        let parameters = signed(request.query);
        let headers = signed(request.headers);
        let http_string = http_string(request.method, request.path, &parameters, &headers);
        format!(
            "q-sign-algorithm=sha1&q-ak={}&q-sign-time={time}&q-key-time={time}&q-header-list={}&q-url-param-list={}&q-signature={}",
            self.access_key,
            names(&headers),
            names(&parameters),
            signature(&self.secret_key, &self.time, &self.time, &http_string),
            time = self.time.text,
        )
    }
}

fn signed(pairs: &[(String, String)]) -> Signed {
    pairs.iter().map(|(name, value)| (listed_name(name), encode(value))).collect()
}

fn names(signed: &Signed) -> String {
    signed.keys().map(String::as_str).collect::<Vec<_>>().join(";")
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}
