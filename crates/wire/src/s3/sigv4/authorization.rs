//! The fields of a signature, as sent.

use super::{Refusal, Stamp};
use crate::upload_signature::shown;

/// The only algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest value of a field, bytes.
const MAX_FIELD: usize = 4096;
/// Longest life of a presigned URL, seconds.
const MAX_EXPIRES: i64 = 604_800;

/// A request signature as sent; nothing of it is checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Which credential to verify with.
    pub access_key: String,
    /// Region of the scope, as the client sees it.
    pub region: String,
    /// When the request was signed.
    pub signed_at: Stamp,
    /// Names of the signed headers, lower case, in the order sent.
    pub signed_headers: Vec<String>,
    /// Seconds that a presigned URL lives; `None`: signed in the header.
    pub expires: Option<i64>,
    /// `X-Amz-Signature`, 64 lower-case hex digits.
    pub(super) signature: String,
}

impl Authorization {
    /// Whether an `Authorization` header is one of this kind.
    pub fn is_in_header(value: &str) -> bool {
        value.trim_start().starts_with("AWS4-")
    }

    /// Whether the decoded query is that of a presigned URL of this kind.
    pub fn is_in_query(query: &[(String, String)]) -> bool {
        query.iter().any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature")
    }

    /// Reads an `Authorization` header; `date` is the header `x-amz-date`.
    pub fn from_header(value: &str, date: Option<&str>) -> Result<Self, Refusal> {
        let malformed = |sentence: &str| Refusal::MalformedHeader(sentence.to_owned());
        if value.len() > 2 * MAX_FIELD {
            return Err(malformed("the Authorization header is too long"));
        }
        let fields = value.trim().strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' '));
        let fields = fields
            .ok_or_else(|| malformed("the Authorization header does not begin with AWS4-HMAC-SHA256"))?;
        let field = |name: &str| -> Result<&str, Refusal> {
            let mut found = fields.split(',').filter_map(|field| {
                field.trim().split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value)
            });
            match (found.next(), found.next()) {
                (Some(value), None) => Ok(value),
                (Some(_), Some(_)) => Err(malformed(&format!("the Authorization header has {name} twice"))),
                (None, _) => Err(malformed(&format!("the Authorization header lacks {name}"))),
            }
        };
        let signed_at = date.and_then(Stamp::parse).ok_or_else(|| {
            malformed("x-amz-date is missing or not a time as YYYYMMDDTHHMMSSZ; send it and sign it")
        })?;
        let (credential, headers) = (field("Credential")?, field("SignedHeaders")?);
        Self::of_fields(credential, headers, field("Signature")?, signed_at, None)
            .map_err(Refusal::MalformedHeader)
    }

    /// Reads the decoded query of a presigned URL.
    pub fn from_query(query: &[(String, String)]) -> Result<Self, Refusal> {
        let malformed = |sentence: String| Refusal::MalformedQuery(sentence);
        let field = |name: &str| -> Result<&str, Refusal> {
            let mut found = query.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
            match (found.next(), found.next()) {
                (Some(value), None) if value.len() <= MAX_FIELD => Ok(value),
                (Some(_), _) => Err(malformed(format!("the query has {name} twice, or it is too long"))),
                (None, _) => Err(malformed(format!("the query lacks {name}"))),
            }
        };
        let algorithm = field("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(malformed(format!("X-Amz-Algorithm {} is not {ALGORITHM}", shown(algorithm))));
        }
        let date = field("X-Amz-Date")?;
        let signed_at = Stamp::parse(date).ok_or_else(|| {
            malformed(format!("X-Amz-Date {} is not a time as YYYYMMDDTHHMMSSZ", shown(date)))
        })?;
        let expires = field("X-Amz-Expires")?;
        let digits = (1..=6).contains(&expires.len()) && expires.bytes().all(|byte| byte.is_ascii_digit());
        let expires =
            digits.then(|| expires.parse().ok()).flatten().filter(|life| (1..=MAX_EXPIRES).contains(life));
        let expires =
            expires.ok_or_else(|| malformed(format!("X-Amz-Expires is not 1 to {MAX_EXPIRES} seconds")))?;
        let (credential, headers) = (field("X-Amz-Credential")?, field("X-Amz-SignedHeaders")?);
        Self::of_fields(credential, headers, field("X-Amz-Signature")?, signed_at, Some(expires))
            .map_err(Refusal::MalformedQuery)
    }

    fn of_fields(
        credential: &str,
        headers: &str,
        signature: &str,
        signed_at: Stamp,
        expires: Option<i64>,
    ) -> Result<Self, String> {
        // An access key may hold slashes, the rest may not.
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let [terminator, service, region, date, access_key] = parts[..] else {
            return Err(format!(
                "the credential {} is not ACCESSKEY/YYYYMMDD/REGION/s3/aws4_request",
                shown(credential)
            ));
        };
        if terminator != "aws4_request" || service != "s3" || access_key.is_empty() {
            return Err(format!(
                "the credential is for {}/{}, but this is the service s3/aws4_request",
                shown(service),
                shown(terminator)
            ));
        }
        if date != signed_at.date() {
            return Err(format!("the credential's date {} is not that of the request", shown(date)));
        }
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if signature.len() != 64 || !signature.bytes().all(lower_hex) {
            return Err("the signature is not 64 lower-case hex digits".to_owned());
        }
        let signed_headers: Vec<String> = headers.split(';').map(str::to_ascii_lowercase).collect();
        if !signed_headers.iter().any(|name| name == "host") {
            return Err("the header host is not signed".to_owned());
        }
        Ok(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            signed_at,
            signed_headers,
            expires,
            signature: signature.to_owned(),
        })
    }

    /// `{date}/{region}/s3/aws4_request`.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", self.signed_at.date(), self.region)
    }
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorization")
            .field("access_key", &self.access_key)
            .field("region", &self.region)
            .field("signed_at", &self.signed_at.as_str())
            .field("signed_headers", &self.signed_headers)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
