//! Commit: the bytes are there, so there is a media (design section 5, step 4).
//!
//! Called as often and as concurrently as clients like: the session's row decides who makes the media, everybody
//! gets the same answer. The probe runs before the transaction and never makes a client wait longer than
//! 3 s; what is not known by then is written by the `flow.probe` job.

use std::time::Duration;

use anyhow::Context;
use reelgate_model::{FileId, MediaStatus, Scope, SessionState};
use reelgate_store::{Media, NewMedia, Object, Read, Session, StoreError, StoredFile, Tx, unit};
use reelgate_wire::upload_signature;

use super::{Permit, Refusal, quota, session};
use crate::app::App;
use crate::flows;
use crate::library::announce::{AnnounceError, announce};
use crate::library::probe::{Findings, look};
use crate::library::urls;

/// Longest time that Commit spends on looking at the bytes: the web SDK gives up after 5 s.
const PROBE_TIME: Duration = Duration::from_secs(3);
/// Longest time for the cover, after the video.
const COVER_TIME: Duration = Duration::from_secs(1);

/// What Commit answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The media, decimal.
    pub file_id: String,
    /// URL of the source; `None` in cover-only mode.
    pub video_url: Option<String>,
    /// URL of the cover; `None` when none was uploaded.
    pub cover_url: Option<String>,
}

/// Finishes the upload behind `session_key`. An expired signature is good enough if it opened this session.
pub async fn commit(app: &App, permit: &Permit, session_key: &str) -> Result<Committed, Refusal> {
    let session = session::of_key(app, permit, session_key).await?;
    if permit.expired && permit.mac != session.request.signature_mac {
        let expire_time = permit.parameters.expire_time;
        return Err(upload_signature::Refusal::Expired { expire_time, now: app.clock.now().seconds() }.into());
    }
    commit_session(app, session).await
}

/// Finishes the upload of `session`, for a caller who has checked that it may.
pub(super) async fn commit_session(app: &App, session: Session) -> Result<Committed, Refusal> {
    if session.state == SessionState::Committed {
        return answer(app, &session).await;
    }
    let session = session::must_be_open(app, session)?;
    let written = if session.request.cover_only {
        commit_cover(app, &session).await
    } else {
        commit_video(app, &session).await
    };
    match written {
        Ok(()) => answer(app, &session).await,
        Err(CommitError::LostRace) => answer_of_winner(app, &session).await,
        Err(CommitError::Refused(refusal)) => Err(refusal),
    }
}

enum CommitError {
    /// The session ended while we looked at the bytes.
    LostRace,
    Refused(Refusal),
}

impl From<Refusal> for CommitError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale | StoreError::AlreadyExists => Self::LostRace,
            other => Self::Refused(other.into()),
        }
    }
}

impl From<AnnounceError> for CommitError {
    fn from(error: AnnounceError) -> Self {
        match error {
            AnnounceError::AlreadyAnnounced => Self::LostRace,
            AnnounceError::Internal(cause) => Self::Refused(cause.into()),
        }
    }
}

async fn commit_video(app: &App, session: &Session) -> Result<(), CommitError> {
    let request = &session.request;
    let video = object(app, session, &request.video_key).await?.ok_or_else(|| missing("video"))?;
    check_size(session, &video)?;
    let cover = match request.cover_key.as_str() {
        "" => None,
        key => object(app, session, key).await?,
    };
    let looked_at = [seen(&request.video_key, Some(&video)), seen(&request.cover_key, cover.as_ref())];
    let findings = look(app, &video.blob, PROBE_TIME).await.map_err(Refusal::from)?;
    if let Some(findings) = &findings {
        check_duration(session, findings)?;
    }
    let used = video.size + cover.as_ref().map_or(0, |cover| cover.size);
    let cover = match &cover {
        Some(object) => stored_cover(app, object).await?,
        None => StoredFile::default(),
    };
    let new = NewMedia {
        file_id: session.file_id,
        session_id: session.id.clone(),
        user: request.user.clone(),
        name: request.video_name.clone(),
        kind: request.video_type.clone(),
        class_id: request.class_id,
        source: StoredFile { name: last_segment(&video.key), blob: video.blob, content_type: String::new() },
        source_size: video.size,
        cover,
        region: request.region.clone(),
        source_context: request.source_context.clone(),
        expires_at: request.media_expires_at,
    };
    let (app_in, session_in) = (app.clone(), session.clone());
    let unit = unit::<(), CommitError, _>(move |tx| {
        Box::pin(async move {
            let scope = Scope::system(session_in.app);
            tx.end_session(&scope, &session_in.id, SessionState::Committed, "committed").await?;
            quota::settle(tx, &session_in, Some(used)).await?;
            still_the_same(tx, &scope, &looked_at).await?;
            for multipart in tx.abort_multiparts_of(&scope, &session_in.id).await? {
                tx.abandon(&scope, &format!("staging:{multipart}"), "committed_without").await?;
            }
            let media = tx.create_media(&scope, &new).await?;
            match &findings {
                Some(findings) => announce(tx, &app_in, &session_in, findings).await?,
                None => flows::enqueue_probe(tx, &scope, &media).await.map_err(Refusal::from)?,
            }
            Ok(())
        })
    });
    app.store.write(unit).await
}

async fn commit_cover(app: &App, session: &Session) -> Result<(), CommitError> {
    must_be_there(&mut app.store.read().await?, &session::scope_of(session), session.file_id).await?;
    let object = object(app, session, &session.request.cover_key).await?.ok_or_else(|| missing("cover"))?;
    if object.size == 0 {
        return Err(Refusal::Invalid("the cover has 0 bytes; upload it again".to_owned()).into());
    }
    let looked_at = [seen(&object.key, Some(&object))];
    let used = object.size;
    let cover = stored_cover(app, &object).await?;
    let session = session.clone();
    let unit = unit::<(), CommitError, _>(move |tx| {
        Box::pin(async move {
            let scope = Scope::system(session.app);
            tx.end_session(&scope, &session.id, SessionState::Committed, "committed").await?;
            quota::settle(tx, &session, Some(used)).await?;
            still_the_same(tx, &scope, &looked_at).await?;
            must_be_there(tx, &scope, session.file_id).await?;
            let old = tx.set_cover(&scope, session.file_id, &cover).await?;
            if !old.is_empty() {
                tx.abandon(&scope, &format!("blob:{old}"), "cover_replaced").await?;
            }
            Ok(())
        })
    });
    app.store.write(unit).await
}

async fn must_be_there(read: &mut Read, scope: &Scope, file: FileId) -> Result<(), CommitError> {
    match read.media(scope, file).await? {
        Some(media) if media.status == MediaStatus::Normal => Ok(()),
        _ => Err(Refusal::Invalid(format!("the file {file} was deleted; it can have no cover")).into()),
    }
}

/// A key and the blob that was behind it when it was looked at.
type Seen = (String, Option<String>);

fn seen(key: &str, object: Option<&Object>) -> Seen {
    (key.to_owned(), object.map(|object| object.blob.clone()))
}

/// Bytes that were replaced since they were looked at are given up already, and no media may name them. Called after
/// the session was ended, from when on nothing can be replaced.
async fn still_the_same(tx: &mut Tx, scope: &Scope, looked_at: &[Seen]) -> Result<(), CommitError> {
    for (key, blob) in looked_at {
        let now = tx.object(scope, key).await?.map(|object| object.blob);
        if now != *blob {
            let sentence = "the uploaded bytes were replaced while they were being committed; commit again";
            return Err(Refusal::Invalid(sentence.to_owned()).into());
        }
    }
    Ok(())
}

async fn object(app: &App, session: &Session, key: &str) -> Result<Option<Object>, Refusal> {
    Ok(app.store.read().await?.object(&session::scope_of(session), key).await?)
}

fn missing(what: &str) -> Refusal {
    Refusal::Invalid(format!(
        "the {what} has not been uploaded completely; finish the upload, then commit again"
    ))
}

fn check_size(session: &Session, video: &Object) -> Result<(), Refusal> {
    let size = video.size;
    if size == 0 {
        return Err(Refusal::Invalid("the video has 0 bytes; upload the file again".to_owned()));
    }
    match session.request.video_size {
        Some(announced) if announced != size => Err(Refusal::Invalid(format!(
            "the video has {size} bytes but videoSize announced {announced}; upload it again"
        ))),
        _ => Ok(()),
    }
}

fn check_duration(session: &Session, findings: &Findings) -> Result<(), Refusal> {
    let most = session.request.max_duration;
    match most.filter(|most| findings.fact.duration > f64::from(*most)) {
        Some(most) => Err(Refusal::Invalid(format!(
            "the video lasts {:.1} s, more than the {most} s this permission allows",
            findings.fact.duration
        ))),
        None => Ok(()),
    }
}

/// A cover is served as a picture only if it is one.
async fn stored_cover(app: &App, object: &Object) -> Result<StoredFile, Refusal> {
    let findings = if object.size == 0 { None } else { look(app, &object.blob, COVER_TIME).await? };
    let found = findings.map(|findings| findings.content_type).filter(|kind| kind.starts_with("image/"));
    Ok(StoredFile {
        name: last_segment(&object.key),
        blob: object.blob.clone(),
        content_type: found.unwrap_or("application/octet-stream").to_owned(),
    })
}

fn last_segment(key: &str) -> String {
    key.rsplit('/').next().unwrap_or(key).to_owned()
}

async fn answer(app: &App, session: &Session) -> Result<Committed, Refusal> {
    let media = app.store.read().await?.media(&session::scope_of(session), session.file_id).await?;
    let media: Media =
        media.with_context(|| format!("the media of upload session {} is gone", session.id))?;
    let cover = urls::cover(app, &media);
    Ok(Committed {
        file_id: media.file_id.to_string(),
        video_url: (!session.request.cover_only).then(|| urls::source(app, &media)),
        cover_url: Some(cover).filter(|url| !url.is_empty() && !session.request.cover_key.is_empty()),
    })
}

/// Somebody else ended the session meanwhile: another Commit (same answer), or expiry.
async fn answer_of_winner(app: &App, session: &Session) -> Result<Committed, Refusal> {
    let now = app.store.read().await?.session(&session.id).await?;
    match now {
        Some(ended) if ended.state == SessionState::Committed => answer(app, &ended).await,
        Some(other) => {
            session::must_be_open(app, other)?;
            Err(Refusal::Internal(anyhow::anyhow!(
                "the commit of upload session {} met a conflict",
                session.id
            )))
        }
        None => Err(Refusal::SessionGone("the upload session is gone; start a new upload".to_owned())),
    }
}
