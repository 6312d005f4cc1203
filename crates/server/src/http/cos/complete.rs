//! `POST /{key}?uploadId=…`: make one object of the parts.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::HeaderValue;
use md5::{Digest, Md5};
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::cos::xml::{CompleteMultipartUpload, CompleteMultipartUploadResult, bare_etag};
use sha2::Sha256;

use super::dialect::BodyForm;
use super::error::CosError;
use super::{Call, content_md5, xml};
use crate::uploads::access::Writer;
use crate::uploads::complete::{self as uploads, Listed};

/// Largest list: 10000 parts of about 100 bytes.
const MOST: usize = 2 << 20;

pub(super) async fn complete(
    call: &Call,
    writer: &Writer,
    upload_id: &str,
    form: BodyForm,
    body: Body,
) -> Result<Response, CosError> {
    let body = to_bytes(body, MOST).await.map_err(|error| {
        CosError::new(ErrorCode::MalformedXml, format!("the list of parts cannot be read: {error}"))
    })?;
    if matches!(form, BodyForm::Sha256(sum) if sum != <[u8; 32]>::from(Sha256::digest(&body))) {
        let sentence = "the list of parts differs from its x-amz-content-sha256";
        return Err(CosError::new(ErrorCode::ContentSha256Mismatch, sentence));
    }
    if let Some(announced) = content_md5(&call.headers)?
        && announced != hex::encode(Md5::digest(&body))
    {
        return Err(CosError::new(ErrorCode::BadDigest, "the list of parts differs from its Content-MD5"));
    }
    let list = CompleteMultipartUpload::parse(&body)
        .map_err(|error| CosError::new(error.code(), error.to_string()))?;
    let listed: Vec<Listed> = list
        .parts
        .into_iter()
        .map(|part| Listed { number: part.number, etag: bare_etag(&part.etag).to_owned() })
        .collect();
    let object = uploads::complete(&call.app, writer, &call.address.key, upload_id, &listed).await?;
    let host = call.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let answer = CompleteMultipartUploadResult {
        location: format!("http://{host}{}", call.address.path),
        bucket: call.address.bucket.clone(),
        key: call.address.key.clone(),
        etag: object.etag,
    };
    let mut response = xml(answer.to_xml());
    if let Ok(crc64) = HeaderValue::from_str(&object.crc64) {
        response.headers_mut().insert("x-cos-hash-crc64ecma", crc64);
    }
    Ok(response)
}
