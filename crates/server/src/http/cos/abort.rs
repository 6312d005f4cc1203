//! `DELETE /{key}?uploadId=…`: give a multipart upload up.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::Call;
use super::error::CosError;
use crate::uploads::access::Writer;
use crate::uploads::begin;

pub(super) async fn abort(call: &Call, writer: &Writer, upload_id: &str) -> Result<Response, CosError> {
    begin::abort(&call.app, writer, &call.address.key, upload_id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
