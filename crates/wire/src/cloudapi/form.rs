//! Signature version 1: among the parameters of a form or query (observed client traffic 6). The official Node uploader
//! (`vod-node-sdk`) knows no other.
//!
//! Signed is `POST{host}/?` with all other parameters as `name=value`, sorted by name, joined by `&`, values as they are and
//! not encoded; HMAC with SHA-1 or SHA-256; Base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Code, Refusal, check_skew, mismatch};
use crate::hmac_sha1;
use crate::host::without_port;
use crate::sha256;
use crate::upload_signature::shown;

/// Names that belong to the protocol and not to the action.
const COMMON: [&str; 12] = [
    "Action",
    "Language",
    "Nonce",
    "Region",
    "RequestClient",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Timestamp",
    "Token",
    "TraceId",
    "Version",
];

#[derive(Clone, Copy)]
enum Method {
    HmacSha1,
    HmacSha256,
}

/// A signed set of parameters; nothing of it is checked yet.
pub struct Signed<'a> {
    pairs: &'a [(String, String)],
    method: Method,
    signature: &'a str,
    /// Which key to verify with.
    pub secret_id: &'a str,
    /// Which action is asked for.
    pub action: &'a str,
    /// Which version of the API.
    pub version: &'a str,
    /// A token; empty usually.
    pub token: &'a str,
    timestamp: i64,
}

impl<'a> Signed<'a> {
    /// Whether decoded parameters are signed in this way.
    pub fn is_in(pairs: &[(String, String)]) -> bool {
        pairs.iter().any(|(name, _)| name == "Signature" || name == "SecretId")
    }

    /// Reads decoded parameters.
    pub fn of(pairs: &'a [(String, String)]) -> Result<Self, Refusal> {
        let find = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
            match (found.next(), found.next()) {
                (value, None) => Ok(value.unwrap_or_default()),
                (_, Some(_)) => {
                    let sentence = format!("the parameter {wanted} is given twice");
                    Err(Refusal::new(Code::InvalidParameter, sentence))
                }
            }
        };
        let needed = |wanted: &str| match find(wanted)? {
            "" => Err(Refusal::missing(wanted)),
            value => Ok(value),
        };
        let method = match find("SignatureMethod")? {
            "" | "HmacSHA1" => Method::HmacSha1,
            "HmacSHA256" => Method::HmacSha256,
            other => {
                let sentence = format!("SignatureMethod {} is neither HmacSHA1 nor HmacSHA256", shown(other));
                return Err(Refusal::new(Code::InvalidParameterValue, sentence));
            }
        };
        needed("Nonce")?;
        let timestamp = needed("Timestamp")?.parse().map_err(|_| {
            Refusal::new(Code::InvalidParameter, "Timestamp is not a Unix time in whole seconds")
        })?;
        Ok(Self {
            pairs,
            method,
            timestamp,
            secret_id: needed("SecretId")?,
            signature: needed("Signature")?,
            action: find("Action")?,
            version: find("Version")?,
            token: find("Token")?,
        })
    }

    /// Whether the parameters were signed with `secret_key` for `method` and `host` (as sent, port included), and near to
    /// `now`; constant time.
    pub fn verify(
        &self,
        secret_key: &str,
        method: &str,
        host: &str,
        path: &str,
        now: i64,
    ) -> Result<(), Refusal> {
        check_skew(self.timestamp, now)?;
        for host in [Some(host), without_port(host)].into_iter().flatten() {
            let expected = signature(self.method, secret_key, &text(self.pairs, method, host, path));
            if hmac_sha1::equal(expected.as_bytes(), self.signature.as_bytes()) {
                return Ok(());
            }
        }
        Err(mismatch::refusal(self.secret_id, method, host, "its parameters, sorted by name and not encoded"))
    }
}

/// What is left for the action.
pub fn of_action(pairs: &[(String, String)]) -> Vec<(String, String)> {
    pairs.iter().filter(|(name, _)| !COMMON.contains(&name.as_str())).cloned().collect()
}

/// The client's side: `Signature` for `pairs`, which hold everything else.
pub fn sign(secret_key: &str, method: &str, host: &str, pairs: &[(String, String)]) -> String {
    let is_sha256 = pairs.iter().any(|(name, value)| name == "SignatureMethod" && value == "HmacSHA256");
    let algorithm = if is_sha256 { Method::HmacSha256 } else { Method::HmacSha1 };
    signature(algorithm, secret_key, &text(pairs, method, host, "/"))
}

fn text(pairs: &[(String, String)], method: &str, host: &str, path: &str) -> String {
    let mut signed: Vec<&(String, String)> = pairs.iter().filter(|(name, _)| name != "Signature").collect();
    signed.sort_by(|a, b| a.0.cmp(&b.0));
    let signed: Vec<String> = signed.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}{host}{path}?{}", signed.join("&"))
}

fn signature(method: Method, secret_key: &str, text: &str) -> String {
    match method {
        Method::HmacSha1 => STANDARD.encode(hmac_sha1::mac(secret_key.as_bytes(), text.as_bytes())),
        Method::HmacSha256 => STANDARD.encode(sha256::hmac(secret_key.as_bytes(), text.as_bytes())),
    }
}
