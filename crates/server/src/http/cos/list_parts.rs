//! `GET /{key}?uploadId=…`: which parts are acknowledged. A part that was cut off is not there.

use axum::response::Response;
use reelgate_model::MultipartState;
use reelgate_store::Part;
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::cos::xml::{ListPartsResult, ListedPart};

use super::error::CosError;
use super::list_uploads::iso8601;
use super::{Call, xml};
use crate::uploads::access::Writer;

const MOST: u32 = 1_000;

pub(super) async fn list(call: &Call, writer: &Writer, upload_id: &str) -> Result<Response, CosError> {
    let after = call.query.number("part-number-marker", 0, u32::MAX)?;
    let most = call.query.number("max-parts", MOST, MOST)?.max(1);
    let mut read = call.app.store.read().await?;
    let found = read.multipart(&writer.scope, upload_id).await?;
    found
        .filter(|found| found.session_id == writer.session.id && found.key == call.address.key)
        .filter(|found| matches!(found.state, MultipartState::Open | MultipartState::Completing))
        .ok_or_else(|| {
            CosError::new(ErrorCode::NoSuchUpload, "the multipart upload does not exist or has ended")
        })?;
    let mut parts = read.parts(upload_id, after, most + 1).await?;
    drop(read);
    let more = parts.len() > most as usize;
    parts.truncate(most as usize);
    let answer = ListPartsResult {
        bucket: call.address.bucket.clone(),
        url_encoded: call.query.get("encoding-type") == Some("url"),
        key: call.address.key.clone(),
        upload_id: upload_id.to_owned(),
        part_number_marker: after,
        next_part_number_marker: parts.last().filter(|_| more).map(|part| part.number),
        max_parts: most,
        parts: parts.into_iter().map(listed).collect(),
    };
    Ok(xml(answer.to_xml()))
}

fn listed(part: Part) -> ListedPart {
    let last_modified = iso8601(part.stored_at);
    ListedPart { number: part.number, last_modified, etag: part.md5, size: part.size }
}
