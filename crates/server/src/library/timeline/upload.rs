//! From the permission to the complete object.

use reelgate_model::{MultipartState, Scope, SessionState};
use reelgate_store::{Multipart, PartTotals, Read, Session, StoreError};

use super::{Entry, Kind, LIMIT};

pub(super) fn session(entries: &mut Vec<Entry>, session: &Session) {
    let request = &session.request;
    let by = if request.permission.is_empty() {
        "A signature made by the application was shown"
    } else {
        "A permission of the signature service was shown"
    };
    entries.push(
        Entry::new(session.created_at, Kind::Permission, by)
            .with("permission_id", request.permission.as_str())
            .with("user", request.user.as_str())
            .with("policy", request.policy.as_str())
            .with("key_id", request.key_id.as_str())
            .with("secret_id", request.secret_id.as_str())
            .with("max_size", request.max_size)
            .with("procedure", request.procedure.as_str()),
    );
    entries.push(
        Entry::new(session.created_at, Kind::Session, "Upload session opened")
            .with("session_id", session.id.as_str())
            .with("name", request.video_name.as_str())
            .with("type", request.video_type.as_str())
            .with("announced_size", request.video_size)
            .with("remote", request.remote.as_str()),
    );
}

pub(super) fn end(entries: &mut Vec<Entry>, session: &Session) {
    if let Some(at) = session.ended_at {
        let title = match session.state {
            SessionState::Committed => "Upload committed",
            SessionState::Expired => "Upload session expired",
            SessionState::Open => "Upload session ended",
        };
        entries.push(Entry::new(at, Kind::Session, title).with("reason", session.end_reason.as_str()));
    }
}

/// Multipart uploads, their parts in numbers, and what became complete objects.
pub(super) async fn bytes(
    entries: &mut Vec<Entry>,
    read: &mut Read,
    scope: &Scope,
    session: &Session,
) -> Result<(), StoreError> {
    for upload in read.session_multiparts(scope, &session.id, LIMIT).await? {
        let totals = read.part_totals(&upload.id, 0).await?;
        multipart(entries, &upload, totals);
    }
    for object in read.session_objects(scope, &session.id).await? {
        entries.push(
            Entry::new(object.completed_at, Kind::Object, "Object complete")
                .with("object", object.key.as_str())
                .with("size", object.size)
                .with("etag", object.etag.as_str())
                .with("crc64", object.crc64.as_str())
                .with(
                    "by",
                    if object.multipart_id.is_some() { "multipart upload" } else { "single request" },
                ),
        );
    }
    Ok(())
}

fn multipart(entries: &mut Vec<Entry>, upload: &Multipart, totals: PartTotals) {
    entries.push(
        Entry::new(upload.created_at, Kind::Object, "Multipart upload begun")
            .with("object", upload.key.as_str())
            .with("upload_id", upload.id.as_str())
            .with("part_size", upload.part_size),
    );
    if totals.count > 0 {
        let span = totals.last.since(totals.first).as_millis();
        entries.push(
            Entry::new(totals.last, Kind::Part, format!("Parts stored: {}", totals.count))
                .with("upload_id", upload.id.as_str())
                .with("parts", totals.count)
                .with("size", totals.bytes)
                .with("span_ms", u64::try_from(span).unwrap_or(u64::MAX)),
        );
    }
    if let (MultipartState::Aborted, Some(at)) = (upload.state, upload.ended_at) {
        entries.push(
            Entry::new(at, Kind::Object, "Multipart upload given up").with("upload_id", upload.id.as_str()),
        );
    }
}
