//! Refusals of the tus door: the status that the protocol has for it, with problem details for people. The whole mapping
//! is on this page.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use reelgate_wire::tus;

use crate::http::Problem;
use crate::uploads::tus::TusError;
use crate::uploads::{BytesError, Refusal};

/// When somebody who found an upload locked is to come again.
const RETRY: Duration = Duration::from_secs(1);

/// A refused request.
pub(super) struct Refused {
    problem: Problem,
    /// Where to go on, if the offset was wrong.
    offset: Option<u64>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(status, code, detail), offset: None }
    }

    /// 412: another version of the protocol, or none.
    pub(super) fn version() -> Self {
        let detail = format!("Tus-Resumable is missing or not {}; send that version", tus::VERSION);
        Self::new(StatusCode::PRECONDITION_FAILED, "unsupported_version", detail)
    }

    /// 405.
    pub(super) fn method(method: &Method) -> Self {
        let detail = format!(
            "{method} is not offered here; POST /files creates an upload, HEAD, PATCH and DELETE act on one"
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }
}

impl From<tus::Malformed> for Refused {
    fn from(error: tus::Malformed) -> Self {
        Self { problem: Problem::invalid(error.to_string()), offset: None }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::Signature(_) | Refusal::NotPermitted(_) => (StatusCode::FORBIDDEN, "signature_refused"),
            Refusal::Invalid(_) => (StatusCode::BAD_REQUEST, "upload_refused"),
            Refusal::SessionGone(_) => (StatusCode::GONE, "gone"),
            Refusal::Internal(cause) => return Self { problem: Problem::internal(cause), offset: None },
        };
        Self::new(status, code, refusal.to_string())
    }
}

impl From<BytesError> for Refused {
    fn from(error: BytesError) -> Self {
        let (status, code) = match &error {
            BytesError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            BytesError::Stalled(_) | BytesError::TooSlow { .. } => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            BytesError::NotAllowedMedia(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_allowed_media"),
            BytesError::SessionEnded | BytesError::NoSuchUpload(_) => (StatusCode::GONE, "gone"),
            BytesError::NoRoom => (StatusCode::INSUFFICIENT_STORAGE, "no_room"),
            BytesError::NoSpace(source) => {
                tracing::error!(cause = format!("{source:#}"), "the storage is full");
                (StatusCode::INSUFFICIENT_STORAGE, "no_room")
            }
            BytesError::Internal(cause) => {
                return Self { problem: Problem::internal(cause), offset: None };
            }
            _ => (StatusCode::BAD_REQUEST, "bad_body"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<TusError> for Refused {
    fn from(error: TusError) -> Self {
        let (status, code) = match error {
            TusError::Refused(refusal) => return refusal.into(),
            TusError::Bytes(error) => return error.into(),
            TusError::Unknown => (StatusCode::NOT_FOUND, "not_found"),
            TusError::Gone(_) => (StatusCode::GONE, "gone"),
            TusError::OffsetDiffers { stored, .. } => {
                let refused = Self::new(StatusCode::CONFLICT, "offset_differs", error.to_string());
                return Self { offset: Some(stored), ..refused };
            }
            TusError::Locked | TusError::Interrupted => (StatusCode::LOCKED, "locked"),
            // The protocol's own number (checksum extension).
            TusError::ChecksumDiffers => {
                (StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST), "checksum_differs")
            }
            TusError::TooManyParts(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_many_parts"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.problem.status();
        let mut response = self.problem.into_response();
        let headers = response.headers_mut();
        if let Some(offset) = self.offset {
            headers.insert("upload-offset", HeaderValue::from(offset));
        }
        match status {
            StatusCode::PRECONDITION_FAILED => {
                headers.insert("tus-version", HeaderValue::from_static(tus::VERSION));
            }
            StatusCode::LOCKED => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY.as_secs()));
            }
            _ => {}
        }
        response
    }
}
