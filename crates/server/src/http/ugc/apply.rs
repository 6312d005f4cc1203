//! `ApplyUploadUGC`: open, resume, or replace a cover.

use reelgate_model::{FileId, Time};
use reelgate_wire::ugc::{
    AnnouncedFile, ApplyData, ApplyMode, ApplyRequest, Code, StorageObject, TemporaryCertificate,
};
use sha2::{Digest, Sha256};

use super::Failed;
use crate::app::App;
use crate::http::Origin;
use crate::uploads::Permit;
use crate::uploads::open::{self, Announced, Opened, Wanted};

pub(super) async fn apply(app: &App, origin: &Origin, body: &[u8]) -> Result<ApplyData, Failed> {
    let request = ApplyRequest::parse(body)?;
    let permit = Permit::verify(app, &request.signature).await?;
    let wanted = match request.mode()? {
        ApplyMode::Resume { session_key } => {
            let remote = origin.client.to_string();
            return Ok(answer(app, origin, open::resume(app, &permit, session_key, remote).await?));
        }
        ApplyMode::New { video, cover } => Wanted::New {
            video: announced(video),
            cover: cover.map(announced),
            expires_at: media_expiry(&request.expire_time, app.clock.now())?,
        },
        ApplyMode::CoverOnly { file_id, cover } => {
            Wanted::CoverOnly { file_id: parse_file_id(file_id)?, cover: announced(cover) }
        }
    };
    let hash = hex::encode(Sha256::digest(body));
    let opened = open::open(app, &permit, wanted, origin.client.to_string(), hash).await?;
    Ok(answer(app, origin, opened))
}

fn announced(file: AnnouncedFile<'_>) -> Announced {
    Announced { name: file.name.to_owned(), kind: file.kind.to_owned(), size: file.size }
}

fn parse_file_id(text: &str) -> Result<FileId, Failed> {
    text.parse().map_err(|error| Failed::Refused(Code::InvalidRequest, format!("fileId: {error}")))
}

/// `ExpireTime`: ISO 8601; the vendor's `9999-12-31T23:59:59Z` means never.
fn media_expiry(text: &str, now: Time) -> Result<Option<Time>, Failed> {
    if text.is_empty() || text.starts_with("9999-") {
        return Ok(None);
    }
    let refuse = |why: &str| {
        let sentence = format!("ExpireTime {text:?} {why}; write it as 2030-01-31T12:00:00Z");
        Failed::Refused(Code::InvalidRequest, sentence)
    };
    let at: jiff::Timestamp = text.parse().map_err(|_| refuse("is not an ISO 8601 time"))?;
    let at = Time(at.as_millisecond());
    if at <= now { Err(refuse("is in the past")) } else { Ok(Some(at)) }
}

fn answer(app: &App, origin: &Origin, opened: Opened) -> ApplyData {
    let Opened { session, grant, session_key, now } = opened;
    let path = |key: &str| StorageObject {
        // Nobody reads it any more, but iOS keeps it: it has to be a string.
        storage_signature: "unused".to_owned(),
        storage_path: format!("/{key}"),
    };
    let some = |key: &str| (!key.is_empty()).then(|| path(key));
    let region = session.request.region.clone();
    ApplyData {
        video: some(&session.request.video_key),
        cover: some(&session.request.cover_key),
        storage_app_id: session.app.0,
        storage_bucket: app.config.upload.bucket.clone(),
        storage_region: region.clone(),
        storage_region_v5: region.clone(),
        storage_region_v5_for_s3: region,
        domain: commit_host(app, origin),
        vod_session_key: session_key,
        app_id: app.main_app().0,
        timestamp: now.seconds(),
        temp_certificate: TemporaryCertificate {
            secret_id: grant.secret_id,
            secret_key: grant.secret_key,
            token: grant.token,
            expired_time: grant.expires_at.seconds(),
        },
        ..ApplyData::default()
    }
}

/// Android sends its Commit to this host: the one it came by.
fn commit_host(app: &App, origin: &Origin) -> String {
    if origin.host.is_empty() { app.config.upload.hosts[0].clone() } else { origin.host.clone() }
}
