//! The client's side, and the signatures of chunks, which both sides compute.

use std::fmt;

use super::authorization::ALGORITHM;
use super::canonical::{canonical_request, header, signature, signing_key};
use super::{Request, Stamp};
use crate::sha256::{hmac, sha256_hex};

/// Signs requests with one credential.
#[derive(Clone)]
pub struct Signer {
    access_key: String,
    secret_key: String,
    region: String,
}

impl Signer {
    /// A signer for `access_key` in `region`.
    pub fn new(
        access_key: impl Into<String>,
        secret_key: impl Into<String>,
        region: impl Into<String>,
    ) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), region: region.into() }
    }

    /// The `Authorization` header for `request`, whose headers are all signed and must hold `host`, `x-amz-date` (which is
    /// `signed_at`) and `x-amz-content-sha256`; and the key for the chunks of its body. `path` must be percent-encoded.
    pub fn authorization(&self, request: &Request<'_>, signed_at: &Stamp) -> (String, ChunkKey) {
        let mut names: Vec<String> =
            request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        let key = signing_key(&self.secret_key, signed_at.date(), &self.region);
        let scope = format!("{}/{}/s3/aws4_request", signed_at.date(), self.region);
        let text = canonical_request(request, &names, request.path, &header(request, "host"));
        let signature = signature(&key, signed_at, &scope, &text);
        let value = format!(
            "{ALGORITHM} Credential={}/{scope},SignedHeaders={},Signature={signature}",
            self.access_key,
            names.join(";")
        );
        (value, ChunkKey::new(key, signed_at.clone(), scope, signature))
    }

    /// The query of a presigned URL for `request`, which has the query that is wanted besides, and only the header `host`.
    /// Good for `expires` seconds (1 to 604800).
    pub fn presigned(&self, request: &Request<'_>, signed_at: &Stamp, expires: u32) -> Vec<(String, String)> {
        let scope = format!("{}/{}/s3/aws4_request", signed_at.date(), self.region);
        let mut query = request.query.to_vec();
        for (name, value) in [
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", self.access_key)),
            ("X-Amz-Date", signed_at.as_str().to_owned()),
            ("X-Amz-Expires", expires.to_string()),
            ("X-Amz-SignedHeaders", "host".to_owned()),
        ] {
            query.push((name.to_owned(), value));
        }
        let request = Request { query: &query, ..*request };
        let text = canonical_request(&request, &["host".to_owned()], request.path, &header(&request, "host"));
        let key = signing_key(&self.secret_key, signed_at.date(), &self.region);
        let signature = signature(&key, signed_at, &scope, &text);
        query.push(("X-Amz-Signature".to_owned(), signature));
        query
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Signs the chunks of one body, each with the signature of the one before.
#[derive(Clone)]
pub struct ChunkKey {
    key: [u8; 32],
    signed_at: Stamp,
    scope: String,
    previous: String,
}

impl ChunkKey {
    pub(super) fn new(key: [u8; 32], signed_at: Stamp, scope: String, seed: String) -> Self {
        Self { key, signed_at, scope, previous: seed }
    }

    /// The signature of the next chunk, whose bytes have this SHA-256 (lower-case hex).
    pub fn next_chunk(&mut self, sha256: &str) -> &str {
        let nothing = sha256_hex(b"");
        self.next("AWS4-HMAC-SHA256-PAYLOAD", &format!("{nothing}\n{sha256}"))
    }

    /// The signature of the trailers, given as `name:value\n` each.
    pub fn trailer(&mut self, trailers: &str) -> &str {
        self.next("AWS4-HMAC-SHA256-TRAILER", &sha256_hex(trailers.as_bytes()))
    }

    fn next(&mut self, algorithm: &str, rest: &str) -> &str {
        let string =
            format!("{algorithm}\n{}\n{}\n{}\n{rest}", self.signed_at.as_str(), self.scope, self.previous);
        self.previous = hex::encode(hmac(&self.key, string.as_bytes()));
        &self.previous
    }
}

impl fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkKey").field("scope", &self.scope).finish_non_exhaustive()
    }
}
