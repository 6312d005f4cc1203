//! `GET /?uploads`: which uploads are open. The holder of temporary credentials sees those of its session.

use axum::response::Response;
use reelgate_model::{MultipartState, Time};
use reelgate_store::{Keys, Multipart};
use reelgate_wire::cos::xml::{ListMultipartUploadsResult, ListedUpload};

use super::error::CosError;
use super::{Call, xml};
use crate::uploads::access::Holder;

/// Most in one answer, and more than a session can have.
const MOST: u32 = 1_000;

pub(super) async fn list(call: &Call) -> Result<Response, CosError> {
    let text = |name: &str| call.query.get(name).unwrap_or_default().to_owned();
    let (prefix, key_marker, upload_id_marker) =
        (text("prefix"), text("key-marker"), text("upload-id-marker"));
    let most = call.query.number("max-uploads", MOST, MOST)?.max(1);
    let mut read = call.app.store.read().await?;
    let mut found = match &call.holder {
        Holder::Application(scope) => {
            let keys = Keys { prefix: &prefix, after: &key_marker };
            read.open_multiparts(scope, keys, &upload_id_marker, most + 1).await?
        }
        Holder::Session(writer) => {
            let mut own = read.session_multiparts(&writer.scope, &writer.session.id, MOST).await?;
            let behind = |one: &Multipart| {
                one.key > key_marker
                    || (one.key == key_marker && !upload_id_marker.is_empty() && one.id > upload_id_marker)
            };
            own.retain(|one| {
                one.state == MultipartState::Open && one.key.starts_with(&prefix) && behind(one)
            });
            own.sort_by(|one, other| (&one.key, &one.id).cmp(&(&other.key, &other.id)));
            own
        }
    };
    drop(read);
    let more = found.len() > most as usize;
    found.truncate(most as usize);
    let next = found.last().filter(|_| more).map(|one| (one.key.clone(), one.id.clone()));
    let answer = ListMultipartUploadsResult {
        bucket: call.address.bucket.clone(),
        url_encoded: call.query.get("encoding-type") == Some("url"),
        key_marker,
        upload_id_marker,
        next,
        max_uploads: most,
        prefix,
        delimiter: text("delimiter"),
        uploads: found
            .into_iter()
            .map(|one| ListedUpload { initiated: iso8601(one.created_at), key: one.key, upload_id: one.id })
            .collect(),
    };
    Ok(xml(answer.to_xml()))
}

/// As COS writes times in listings.
pub(super) fn iso8601(time: Time) -> String {
    let stamp = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    format!("{stamp:.3}")
}
