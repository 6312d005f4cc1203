//! The two dialects of the object leg: COS with q-sign, S3 with Signature Version 4. They differ in how a request is
//! signed and how its body may travel; everything behind that is the same for both.

use http::request::Parts;
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::cos::qsign;
use reelgate_wire::s3::sigv4::{self, ChunkKey, PayloadHash};

use super::Address;
use super::error::CosError;
use super::query::Query;

/// The signature of a request, as sent; nothing of it is checked yet.
pub(super) enum Signature {
    /// `q-sign-algorithm=sha1&…`.
    Cos(qsign::Authorization),
    /// `AWS4-HMAC-SHA256 …`.
    S3 {
        /// The fields.
        authorization: sigv4::Authorization,
        /// What it says about the body.
        payload: PayloadHash,
    },
}

/// How a verified body travels.
pub(super) enum BodyForm {
    /// As it is.
    Plain,
    /// As it is, with this SHA-256.
    Sha256([u8; 32]),
    /// In chunks, signed with this key if there is one.
    Chunked {
        /// For the signatures of the chunks.
        key: Option<ChunkKey>,
        /// Whether trailers may follow.
        trailer: bool,
    },
}

/// The headers of a request as signatures look at them; `host` is the one it was sent to, if not what its header says.
pub(super) fn headers_of(parts: &Parts, host: Option<&str>) -> Vec<(String, String)> {
    let text = |name: &http::HeaderName, value: &http::HeaderValue| match host {
        Some(host) if name == http::header::HOST => host.to_owned(),
        _ => String::from_utf8_lossy(value.as_bytes()).trim().to_owned(),
    };
    parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(name, value))).collect()
}

/// The value of the first header called `name` (lower case).
pub(super) fn sent<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

impl Signature {
    /// Finds the signature of a request, in its header or in its query.
    pub(super) fn of(headers: &[(String, String)], query: &Query) -> Result<Self, CosError> {
        let hash = sent(headers, "x-amz-content-sha256");
        match sent(headers, "authorization") {
            Some(value) if sigv4::Authorization::is_in_header(value) => {
                let authorization = sigv4::Authorization::from_header(value, sent(headers, "x-amz-date"))?;
                return Ok(Self::S3 { authorization, payload: PayloadHash::parse(hash, false)? });
            }
            Some(value) => return Ok(Self::Cos(qsign::Authorization::from_header(value)?)),
            None => {}
        }
        if sigv4::Authorization::is_in_query(query.pairs()) {
            let authorization = sigv4::Authorization::from_query(query.pairs())?;
            return Ok(Self::S3 { authorization, payload: PayloadHash::parse(hash, true)? });
        }
        qsign::Authorization::from_query(query.pairs())?.map(Self::Cos).ok_or_else(|| {
            CosError::new(
                ErrorCode::AccessDenied,
                "the request is not signed; sign it with the credentials of the Apply answer",
            )
        })
    }

    /// Which credential it was made with.
    pub(super) fn access_key(&self) -> &str {
        match self {
            Self::Cos(authorization) => &authorization.access_key,
            Self::S3 { authorization, .. } => &authorization.access_key,
        }
    }

    /// The header and the query parameter of the security token that goes with it.
    pub(super) fn token<'a>(&self, headers: &'a [(String, String)], query: &'a Query) -> &'a str {
        let name = match self {
            Self::Cos(_) => "x-cos-security-token",
            Self::S3 { .. } => "x-amz-security-token",
        };
        sent(headers, name).or_else(|| query.get(name)).unwrap_or_default()
    }

    /// Verifies it, and that `now` (Unix seconds) lies in its window. How the body travels.
    pub(super) fn verify(
        self,
        secret: &str,
        address: &Address,
        parts: &Parts,
        query: &Query,
        headers: &[(String, String)],
        now: i64,
    ) -> Result<BodyForm, CosError> {
        let (method, query) = (parts.method.as_str(), query.pairs());
        match self {
            Self::Cos(authorization) => {
                let verify = |path: &String| {
                    authorization.verify(secret, &qsign::Request { method, path, query, headers })
                };
                let [as_sent, below_bucket] = address.signed_paths();
                verify(&as_sent).or_else(|refusal| verify(&below_bucket).map_err(|_| refusal))?;
                authorization.check_window(now)?;
                Ok(BodyForm::Plain)
            }
            Self::S3 { authorization, payload } => {
                let payload_hash = sent(headers, "x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD");
                let path = parts.uri.path();
                let request = sigv4::Request { method, path, query, headers, payload_hash };
                let key = authorization.verify(secret, &request)?;
                authorization.check_window(now)?;
                Ok(match payload {
                    PayloadHash::Unsigned => BodyForm::Plain,
                    PayloadHash::Sha256(sum) => BodyForm::Sha256(sum),
                    PayloadHash::SignedChunks { trailer } => BodyForm::Chunked { key: Some(key), trailer },
                    PayloadHash::UnsignedChunks => BodyForm::Chunked { key: None, trailer: true },
                })
            }
        }
    }
}
