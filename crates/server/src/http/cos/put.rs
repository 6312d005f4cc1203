//! `PUT /{key}`: a whole object in one request.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;

use super::error::CosError;
use super::{Call, content_length, content_md5};
use crate::uploads::put as uploads;

pub(super) async fn put(call: &Call, body: Body) -> Result<Response, CosError> {
    let length = content_length(&call.headers)?;
    let md5 = content_md5(&call.headers)?;
    let stream = body.into_data_stream();
    let key = &call.address.key;
    let object = uploads::put(&call.app, &call.writer, key, length, md5.as_deref(), stream).await?;
    let headers =
        [(header::ETAG.as_str(), format!("\"{}\"", object.etag)), ("x-cos-hash-crc64ecma", object.crc64)];
    Ok(headers.into_response())
}
