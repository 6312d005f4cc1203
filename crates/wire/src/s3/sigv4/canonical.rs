//! The strings that are signed.

use std::fmt::Write;

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use super::Stamp;
use super::authorization::ALGORITHM;
use crate::sha256::{hmac, sha256_hex};
use crate::upload_signature::RESERVED;

/// What the signature looks at.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// Path as sent, percent-encoded, leading `/` included.
    pub path: &'a str,
    /// Decoded query parameters, in the order sent; a name without value has the empty one.
    pub query: &'a [(String, String)],
    /// Headers; names in any case, values without surrounding white space. `host` as sent, port included.
    pub headers: &'a [(String, String)],
    /// The value of `x-amz-content-sha256`, or `UNSIGNED-PAYLOAD` where a presigned request has none.
    pub payload_hash: &'a str,
}

/// Slashes of a path stay.
const IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

/// The path as clients encode it: once.
pub(super) fn encoded_path(path: &str) -> Option<String> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    Some(utf8_percent_encode(&decoded, IN_PATHS).to_string())
}

/// The canonical request with `path` and `host` as the caller spells them.
pub(super) fn canonical_request(request: &Request<'_>, signed: &[String], path: &str, host: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let mut query: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    query.sort_unstable();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut text = format!("{}\n{path}\n{}\n", request.method, query.join("&"));
    let mut names: Vec<&str> = signed.iter().map(String::as_str).collect();
    names.sort_unstable();
    for name in &names {
        let value = if *name == "host" { host.to_owned() } else { header(request, name) };
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{}\n{}", names.join(";"), request.payload_hash);
    text
}

/// All values of a header, spaces collapsed, joined by commas; empty if it is not there.
pub(super) fn header(request: &Request<'_>, name: &str) -> String {
    let values = request.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    let collapsed = values.map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    collapsed.collect::<Vec<_>>().join(",")
}

/// The key that signs for one day, region and the service `s3`.
pub(super) fn signing_key(secret_key: &str, date: &str, region: &str) -> [u8; 32] {
    let key = hmac(format!("AWS4{secret_key}").as_bytes(), date.as_bytes());
    [region, "s3", "aws4_request"].iter().fold(key, |key, step| hmac(&key, step.as_bytes()))
}

/// The signature of a canonical request, lower-case hex.
pub(super) fn signature(key: &[u8; 32], signed_at: &Stamp, scope: &str, canonical_request: &str) -> String {
    let digest = sha256_hex(canonical_request.as_bytes());
    let string = format!("{ALGORITHM}\n{}\n{scope}\n{digest}", signed_at.as_str());
    hex::encode(hmac(key, string.as_bytes()))
}
