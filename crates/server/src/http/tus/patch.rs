//! `PATCH /files/{id}`: bytes at the end of an upload.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use reelgate_wire::tus::{Expected, bytes};

use super::refusal::Refused;
use super::{Call, signature, stream_of, tell_media};
use crate::http::range::date;
use crate::uploads::BytesError;
use crate::uploads::tus::append::{self as uploads, Appended, Piece};
use crate::uploads::tus::{TusError, find};

/// Type of every body with bytes of an upload.
const OFFSET_OCTETS: &str = "application/offset+octet-stream";

pub(super) async fn patch(call: &Call, id: &str, body: Body) -> Result<Response, Refused> {
    if call.header("content-type") != Some(OFFSET_OCTETS) {
        let detail = format!("Content-Type must be {OFFSET_OCTETS}");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let offset = bytes("Upload-Offset", call.header("upload-offset"))?;
    // Read before anything of the body is, so that a bad one costs nothing.
    call.header("upload-checksum").map(Expected::parse).transpose()?;
    let found = find(&call.app, id).await?;
    signature::check(call, &found).await?;
    let appended = append(call, id, offset, body).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert("upload-offset", HeaderValue::from(appended.stored));
    match &appended.committed {
        Some(committed) => tell_media(headers, committed),
        None => {
            if let Some(expires) = date(found.session.request.expires_at) {
                headers.insert("upload-expires", expires);
            }
        }
    }
    Ok(response)
}

/// Whether a creation brings bytes along.
pub(super) fn has_bytes(call: &Call) -> bool {
    call.header("content-type") == Some(OFFSET_OCTETS) && call.header("content-length") != Some("0")
}

/// Appends the body. In a task of its own: when the client goes away, what has arrived is still kept.
pub(super) async fn append(call: &Call, id: &str, offset: u64, body: Body) -> Result<Appended, TusError> {
    let length = call.header(header::CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
    let checksum = call.header("upload-checksum").and_then(|text| Expected::parse(text).ok());
    let piece = Piece { offset, length, checksum };
    let (app, id) = (call.app.clone(), id.to_owned());
    let work = tokio::spawn(async move { uploads::append(&app, &id, piece, stream_of(body)).await });
    work.await.unwrap_or_else(|error| {
        Err(BytesError::Internal(anyhow::Error::from(error).context("receiving an upload ended early"))
            .into())
    })
}
