//! `PUT /{key}`: a whole object in one request.

use axum::response::{IntoResponse, Response};
use http::header;

use super::Call;
use super::error::CosError;
use super::payload::Payload;
use crate::uploads::access::Writer;
use crate::uploads::put as uploads;

pub(super) async fn put(call: &Call, writer: &Writer, mut payload: Payload) -> Result<Response, CosError> {
    let (length, md5) = (payload.length, payload.md5.clone());
    let key = &call.address.key;
    let object = uploads::put(&call.app, writer, key, length, md5.as_deref(), &mut payload).await?;
    let headers =
        [(header::ETAG.as_str(), format!("\"{}\"", object.etag)), ("x-cos-hash-crc64ecma", object.crc64)];
    let mut response = headers.into_response();
    payload.echo(&mut response);
    Ok(response)
}
