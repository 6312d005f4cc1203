//! The server's side.

use super::canonical::{canonical_request, encoded_path, header, signature, signing_key};
use super::sign::ChunkKey;
use super::{Authorization, Refusal, Request};
use crate::hmac_sha1;
use crate::host::without_port;
use crate::upload_signature::shown;

/// How far the client's clock may be off, seconds.
pub const MAX_SKEW: i64 = 900;

impl Authorization {
    /// Whether `now` (Unix seconds) lies in the window of the signature.
    pub fn check_window(&self, now: i64) -> Result<(), Refusal> {
        let signed = self.signed_at.unix();
        let skewed = match self.expires {
            None => (now - signed).abs() > MAX_SKEW,
            Some(_) => signed - now > MAX_SKEW,
        };
        if skewed {
            return Err(Refusal::Skewed { signed, now });
        }
        match self.expires {
            Some(life) if now > signed + life => Err(Refusal::Expired),
            _ => Ok(()),
        }
    }

    /// Whether `request` was signed with `secret_key`; constant time. Clients differ in how they spell the path and whether
    /// the signed host has the port, so each spelling is tried. The key that chunks of its body are signed with.
    pub fn verify(&self, secret_key: &str, request: &Request<'_>) -> Result<ChunkKey, Refusal> {
        self.check_coverage(request)?;
        let key = signing_key(secret_key, self.signed_at.date(), &self.region);
        let host = header(request, "host");
        let encoded = encoded_path(request.path);
        let paths = [Some(request.path), encoded.as_deref().filter(|path| *path != request.path)];
        let hosts = [Some(host.as_str()), without_port(&host)];
        for path in paths.into_iter().flatten() {
            for host in hosts.into_iter().flatten() {
                let text = canonical_request(request, &self.signed_headers, path, host);
                let expected = signature(&key, &self.signed_at, &self.scope(), &text);
                if hmac_sha1::equal(expected.as_bytes(), self.signature.as_bytes()) {
                    let seed = self.signature.clone();
                    return Ok(ChunkKey::new(key, self.signed_at.clone(), self.scope(), seed));
                }
            }
        }
        Err(Refusal::Mismatch(format!(
            "the signature does not match: check the secret key of {}, and that what was signed is {} {} with its query \
             and the headers {}",
            shown(&self.access_key),
            request.method,
            shown(request.path),
            shown(&self.signed_headers.join(";"))
        )))
    }

    /// Every `x-amz-` header must be signed, or a stranger could add one; the hash of the body is part of what is signed
    /// anyway.
    fn check_coverage(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let bare = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).find(|name| {
            name.starts_with("x-amz-")
                && name != "x-amz-content-sha256"
                && !self.signed_headers.contains(name)
        });
        bare.map_or(Ok(()), |name| Err(Refusal::Uncovered(name)))
    }
}
