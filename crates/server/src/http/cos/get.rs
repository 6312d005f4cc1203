//! `GET` and `HEAD /{key}`: what is there, with ranges and conditions.
//!
//! Strangers' bytes: whatever they are, no browser is to take them for a page of ours (design promise 7).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reelgate_objects::{BlobName, ObjectsError};
use reelgate_store::Object;
use reelgate_wire::cos::ErrorCode;

use super::Call;
use super::error::CosError;
use crate::http::range::{Part, Version, condition, content_range, date, part};

pub(super) async fn get(call: &Call, method: &Method) -> Result<Response, CosError> {
    let found = call.app.store.read().await?.object(call.holder.scope(), &call.address.key).await?;
    let object = found.ok_or_else(|| CosError::new(ErrorCode::NoSuchKey, "the object does not exist"))?;
    let version = Version { etag: format!("\"{}\"", object.etag), modified: object.completed_at };
    let wanted = if method == Method::HEAD {
        // Ranges are defined for GET alone.
        condition(&call.headers, &version).unwrap_or(Part::Whole)
    } else {
        part(&call.headers, &version, object.size)
    };
    let (status, range) = match wanted {
        Part::Whole => (StatusCode::OK, 0..object.size),
        Part::Range(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
        Part::Failed => {
            let sentence = "the object is not the version that the condition names";
            return Err(CosError::new(ErrorCode::PreconditionFailed, sentence));
        }
        Part::Unsatisfiable => {
            let sentence = format!("the range lies behind the end of an object of {} bytes", object.size);
            return Err(CosError::new(ErrorCode::InvalidRange, sentence));
        }
    };
    let length = range.end - range.start;
    let partial = (status == StatusCode::PARTIAL_CONTENT).then(|| content_range(&range, object.size));
    let body = if method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        let name = BlobName::new(object.blob.clone()).map_err(|error| CosError::internal(&error.into()))?;
        let read = call.app.objects().read(&name, Some(range)).await.map_err(lost)?;
        Body::from_stream(read.stream)
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    describe(headers, object, &version);
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(value) = partial.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, object: Object, version: &Version) {
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::ACCEPT_RANGES, "bytes"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::try_from(&version.etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(date) = date(version.modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    if let Ok(crc64) = HeaderValue::try_from(object.crc64) {
        headers.insert("x-cos-hash-crc64ecma", crc64);
    }
}

/// A row whose bytes are gone is a failure of ours; `doctor` finds it.
fn lost(error: ObjectsError) -> CosError {
    CosError::internal(&error.into())
}
