//! Errors of the object leg: XML with every member that SDKs insist on (wire reference 3.5). The whole mapping from
//! use cases to codes is on this page.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use reelgate_wire::cos::{ErrorCode, xml};

use crate::uploads::BytesError;
use crate::uploads::access::AccessError;

/// Headers that carry the id of every answer: the vendor's, and the one that S3 clients show in their errors.
pub(super) const REQUEST_IDS: [HeaderName; 2] =
    [HeaderName::from_static("x-cos-request-id"), HeaderName::from_static("x-amz-request-id")];

/// A refusal, or a failure of ours.
#[derive(Debug)]
pub(super) struct CosError {
    code: ErrorCode,
    message: String,
    resource: String,
}

impl CosError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), resource: String::new() }
    }

    /// A failure of ours: the cause is logged here, once, and not told.
    pub(super) fn internal(cause: &anyhow::Error) -> Self {
        tracing::error!(cause = format!("{cause:#}"), "a request on the object leg failed inside");
        Self::new(ErrorCode::InternalError, "something failed inside the server; try again")
    }

    /// Names the path of the request.
    pub(super) fn about(self, resource: &str) -> Self {
        Self { resource: resource.to_owned(), ..self }
    }
}

impl From<reelgate_store::StoreError> for CosError {
    fn from(error: reelgate_store::StoreError) -> Self {
        Self::internal(&error.into())
    }
}

impl From<reelgate_wire::cos::qsign::Refusal> for CosError {
    fn from(refusal: reelgate_wire::cos::qsign::Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

impl From<reelgate_wire::s3::sigv4::Refusal> for CosError {
    fn from(refusal: reelgate_wire::s3::sigv4::Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

impl From<AccessError> for CosError {
    fn from(error: AccessError) -> Self {
        let code = match &error {
            AccessError::UnknownKey => ErrorCode::InvalidAccessKeyId,
            AccessError::Expired => ErrorCode::ExpiredToken,
            AccessError::SessionEnded(_)
            | AccessError::Revoked
            | AccessError::OtherApplication(_)
            | AccessError::NoSession => ErrorCode::AccessDenied,
            AccessError::Store(_) => return Self::internal(&error.into()),
            AccessError::Directory(_) => ErrorCode::ServiceUnavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<BytesError> for CosError {
    fn from(error: BytesError) -> Self {
        let code = match &error {
            BytesError::NoSuchUpload(_) => ErrorCode::NoSuchUpload,
            BytesError::TooLarge { .. } => ErrorCode::EntityTooLarge,
            BytesError::BadDigest { .. } | BytesError::BadChecksum(_) => ErrorCode::BadDigest,
            BytesError::BadSha256 { .. } => ErrorCode::ContentSha256Mismatch,
            BytesError::BadFraming(refusal) => refusal.code(),
            BytesError::CutShort(_) => ErrorCode::IncompleteBody,
            BytesError::Stalled(_) | BytesError::TooSlow { .. } => ErrorCode::RequestTimeout,
            BytesError::NotAllowedMedia(_) => ErrorCode::InvalidRequest,
            BytesError::InvalidPart(_) => ErrorCode::InvalidPart,
            BytesError::TooManyUploads(_) => ErrorCode::InvalidRequest,
            BytesError::InvalidPartOrder => ErrorCode::InvalidPartOrder,
            BytesError::PartTooSmall { .. } => ErrorCode::EntityTooSmall,
            BytesError::SessionEnded => ErrorCode::AccessDenied,
            BytesError::NoRoom => ErrorCode::ServiceUnavailable,
            BytesError::NoSpace(source) => {
                tracing::error!(cause = format!("{source:#}"), "the storage is full");
                ErrorCode::ServiceUnavailable
            }
            BytesError::Internal(cause) => return Self::internal(cause),
        };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for CosError {
    fn into_response(self) -> Response {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = xml::Error::new(self.code, self.message, &self.resource, &id).to_xml();
        let mut response = (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response();
        if let Ok(value) = HeaderValue::from_str(&id) {
            for name in REQUEST_IDS {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}
