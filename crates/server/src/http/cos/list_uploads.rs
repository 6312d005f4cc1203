//! `GET /?uploads`: which uploads of the session's keys are open. Other people's are not there for this caller.

use axum::response::Response;
use reelgate_model::{MultipartState, Time};
use reelgate_store::Multipart;
use reelgate_wire::cos::xml::{ListMultipartUploadsResult, ListedUpload};

use super::error::CosError;
use super::{Call, xml};

/// More than a session can have.
const MOST: u32 = 1_000;

pub(super) async fn list(call: &Call) -> Result<Response, CosError> {
    let prefix = call.query.get("prefix").unwrap_or_default();
    let mut read = call.app.store.read().await?;
    let all = read.session_multiparts(&call.writer.scope, &call.writer.session.id, MOST).await?;
    drop(read);
    let open = |one: &Multipart| one.state == MultipartState::Open && one.key.starts_with(prefix);
    let uploads = all
        .into_iter()
        .filter(open)
        .map(|one| ListedUpload { initiated: iso8601(one.created_at), key: one.key, upload_id: one.id })
        .collect();
    let text = |name: &str| call.query.get(name).unwrap_or_default().to_owned();
    let answer = ListMultipartUploadsResult {
        bucket: call.address.bucket.clone(),
        url_encoded: call.query.get("encoding-type") == Some("url"),
        key_marker: text("key-marker"),
        upload_id_marker: text("upload-id-marker"),
        next: None,
        max_uploads: call.query.number("max-uploads", MOST, MOST)?,
        prefix: prefix.to_owned(),
        delimiter: text("delimiter"),
        uploads,
    };
    Ok(xml(answer.to_xml()))
}

/// As COS writes times in listings.
pub(super) fn iso8601(time: Time) -> String {
    let stamp = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    format!("{stamp:.3}")
}
