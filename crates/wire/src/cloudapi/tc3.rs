//! TC3-HMAC-SHA256: a signature in the header `Authorization` (wire reference 4.2).
//!
//! Clients differ in three ways, and each is tried: the signed host has the port or not (Python, Node), the `service` of the
//! credential's scope is `vod` or the first label of whatever end point was configured, and values of signed headers are in
//! lower case, as the vendor's text says, or as sent, as its SDKs do.

use std::fmt;

use super::{Code, Refusal, check_skew, mismatch};
use crate::calendar::civil;
use crate::hmac_sha1;
use crate::host::without_port;
use crate::sha256::{hmac, sha256_hex};
use crate::upload_signature::shown;

/// The only algorithm.
const ALGORITHM: &str = "TC3-HMAC-SHA256";
/// Ends the scope of every credential.
const TERMINATOR: &str = "tc3_request";
/// Longest `Authorization` header that is looked at, bytes.
const MAX_HEADER: usize = 4096;
/// The value of `X-TC-Content-SHA256` with which the body is not signed, and what is hashed in its place.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What the signature looks at.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// Path as sent.
    pub path: &'a str,
    /// Query as sent, without the question mark.
    pub query: &'a str,
    /// Headers; names in any case, values without surrounding white space. `host` as sent, port included.
    pub headers: &'a [(String, String)],
    /// The whole body.
    pub body: &'a [u8],
}

impl Request<'_> {
    /// All values of a header, joined by commas; empty if it is not there.
    fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.trim()).collect::<Vec<_>>().join(",")
    }

    fn payload_hash(&self) -> String {
        match self.header("x-tc-content-sha256").as_str() {
            UNSIGNED => sha256_hex(UNSIGNED.as_bytes()),
            _ => sha256_hex(self.body),
        }
    }
}

/// A signature as sent; nothing of it is checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Which key to verify with.
    pub secret_id: String,
    date: String,
    service: String,
    /// Lower case, in the order sent.
    signed_headers: Vec<String>,
    signature: String,
}

impl Authorization {
    /// Reads the header's value.
    pub fn parse(value: &str) -> Result<Self, Refusal> {
        let malformed = |sentence: String| Refusal::new(Code::InvalidAuthorization, sentence);
        if value.len() > MAX_HEADER {
            return Err(malformed("the Authorization header is too long".to_owned()));
        }
        let fields = value.trim().strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' '));
        let fields = fields
            .ok_or_else(|| malformed(format!("the Authorization header does not begin with {ALGORITHM}")))?;
        let field = |name: &str| {
            let mut found = fields.split(',').filter_map(|field| {
                field.trim().split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value)
            });
            match (found.next(), found.next()) {
                (Some(value), None) => Ok(value),
                (Some(_), Some(_)) => Err(malformed(format!("the Authorization header has {name} twice"))),
                (None, _) => Err(malformed(format!("the Authorization header lacks {name}"))),
            }
        };
        let credential = field("Credential")?;
        let parts: Vec<&str> = credential.split('/').collect();
        let [secret_id, date, service, TERMINATOR] = parts[..] else {
            return Err(malformed(format!(
                "the credential {} is not SECRETID/YYYY-MM-DD/SERVICE/{TERMINATOR}",
                shown(credential)
            )));
        };
        if secret_id.is_empty() {
            return Err(malformed("the credential has no SecretId".to_owned()));
        }
        let signed: Vec<String> = field("SignedHeaders")?.split(';').map(str::to_ascii_lowercase).collect();
        if let Some(name) =
            ["content-type", "host"].iter().find(|name| !signed.iter().any(|one| one == *name))
        {
            return Err(malformed(format!("the header {name} is not signed")));
        }
        let signature = field("Signature")?;
        if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed("the signature is not 64 hex digits".to_owned()));
        }
        Ok(Self {
            secret_id: secret_id.to_owned(),
            date: date.to_owned(),
            service: service.to_owned(),
            signed_headers: signed,
            signature: signature.to_ascii_lowercase(),
        })
    }

    /// Whether `request` was signed at `timestamp` (the header `X-TC-Timestamp`, Unix seconds) with `secret_key`, and that is
    /// near to `now`; constant time.
    pub fn verify(
        &self,
        secret_key: &str,
        request: &Request<'_>,
        timestamp: i64,
        now: i64,
    ) -> Result<(), Refusal> {
        check_skew(timestamp, now)?;
        if self.date != utc_date(timestamp) {
            let sentence = format!(
                "the credential's date {} is not the UTC day of X-TC-Timestamp {timestamp}",
                shown(&self.date)
            );
            return Err(Refusal::new(Code::SignatureFailure, sentence));
        }
        let key = signing_key(secret_key, &self.date, &self.service);
        let payload_hash = request.payload_hash();
        let host = request.header("host");
        for host in [Some(host.as_str()), without_port(&host)].into_iter().flatten() {
            for lower_case in [false, true] {
                let text = self.canonical_request(request, host, lower_case, &payload_hash);
                let expected = signature(&key, timestamp, &self.scope(), &text);
                if hmac_sha1::equal(expected.as_bytes(), self.signature.as_bytes()) {
                    return Ok(());
                }
            }
        }
        let signed = self.signed_headers.join(";");
        Err(mismatch::refusal(
            &self.secret_id,
            request.method,
            &host,
            &format!("the headers {}", shown(&signed)),
        ))
    }

    fn canonical_request(
        &self,
        request: &Request<'_>,
        host: &str,
        lower_case: bool,
        payload_hash: &str,
    ) -> String {
        let mut headers = String::new();
        for name in &self.signed_headers {
            let value = if name == "host" { host.to_owned() } else { request.header(name) };
            let value = if lower_case { value.to_lowercase() } else { value };
            headers.extend([name.as_str(), ":", &value, "\n"]);
        }
        let signed = self.signed_headers.join(";");
        format!(
            "{}\n{}\n{}\n{headers}\n{signed}\n{payload_hash}",
            request.method, request.path, request.query
        )
    }

    fn scope(&self) -> String {
        format!("{}/{}/{TERMINATOR}", self.date, self.service)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("secret_id", &self.secret_id)
            .field("scope", &self.scope())
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

/// The client's side: the `Authorization` header for `request`, of whose headers `content-type` and `host` are signed.
pub fn authorization(
    secret_id: &str,
    secret_key: &str,
    service: &str,
    request: &Request<'_>,
    timestamp: i64,
) -> String {
    let mut made = Authorization {
        secret_id: secret_id.to_owned(),
        date: utc_date(timestamp),
        service: service.to_owned(),
        signed_headers: vec!["content-type".to_owned(), "host".to_owned()],
        signature: String::new(),
    };
    let text = made.canonical_request(request, &request.header("host"), false, &request.payload_hash());
    let key = signing_key(secret_key, &made.date, service);
    made.signature = signature(&key, timestamp, &made.scope(), &text);
    format!(
        "{ALGORITHM} Credential={secret_id}/{}, SignedHeaders={}, Signature={}",
        made.scope(),
        made.signed_headers.join(";"),
        made.signature
    )
}

fn signing_key(secret_key: &str, date: &str, service: &str) -> [u8; 32] {
    let key = hmac(format!("TC3{secret_key}").as_bytes(), date.as_bytes());
    hmac(&hmac(&key, service.as_bytes()), TERMINATOR.as_bytes())
}

/// Lower-case hex.
fn signature(key: &[u8; 32], timestamp: i64, scope: &str, canonical_request: &str) -> String {
    let digest = sha256_hex(canonical_request.as_bytes());
    hex::encode(hmac(key, format!("{ALGORITHM}\n{timestamp}\n{scope}\n{digest}").as_bytes()))
}

/// `YYYY-MM-DD` of a Unix time in the years 0 to 9999; otherwise something that no credential has.
fn utc_date(timestamp: i64) -> String {
    let (year, month, day) = civil(timestamp.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}
