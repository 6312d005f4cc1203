//! `POST /{key}?uploads`: begin a multipart upload.

use axum::response::Response;
use reelgate_wire::cos::xml::InitiateMultipartUploadResult;

use super::error::CosError;
use super::{Call, xml};
use crate::uploads::access::Writer;
use crate::uploads::begin;

pub(super) async fn initiate(call: &Call, writer: &Writer) -> Result<Response, CosError> {
    let upload_id = begin::begin(&call.app, writer, &call.address.key).await?;
    let answer = InitiateMultipartUploadResult {
        bucket: call.address.bucket.clone(),
        key: call.address.key.clone(),
        upload_id,
    };
    Ok(xml(answer.to_xml()))
}
