//! `HEAD /{key}`: what is there.

use axum::response::{IntoResponse, Response};
use http::header;
use reelgate_wire::cos::ErrorCode;

use super::Call;
use super::error::CosError;

pub(super) async fn head(call: &Call) -> Result<Response, CosError> {
    let found = call.app.store.read().await?.object(&call.writer.scope, &call.address.key).await?;
    let object = found.ok_or_else(|| CosError::new(ErrorCode::NoSuchKey, "the object does not exist"))?;
    let modified = jiff::Timestamp::from_millisecond(object.completed_at.0).unwrap_or_default();
    let headers = [
        (header::ETAG.as_str(), format!("\"{}\"", object.etag)),
        (header::CONTENT_LENGTH.as_str(), object.size.to_string()),
        (header::LAST_MODIFIED.as_str(), modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        (header::ACCEPT_RANGES.as_str(), "bytes".to_owned()),
        ("x-cos-hash-crc64ecma", object.crc64),
    ];
    Ok(headers.into_response())
}
