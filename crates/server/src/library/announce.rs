//! The moment from which the outside world knows of a media: its probe is written, its procedure starts and
//! NewFileUpload is in the log, all in the caller's transaction.

use anyhow::Context;
use reelgate_model::Scope;
use reelgate_store::{Media, Session, StoreError, Tx};

use super::probe::Findings;
use super::urls;
use crate::app::App;
use crate::events;
use crate::events::fact::{Fact, MediaFact, NewFileUpload};
use crate::flows::{self, StartTask};

/// Why a media could not be announced.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// Somebody else has announced it.
    #[error("the media was announced already")]
    AlreadyAnnounced,
    /// Something failed inside.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<StoreError> for AnnounceError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Announces the media of `session` with what was found in it. Exactly one caller succeeds for each media.
pub async fn announce(
    tx: &mut Tx,
    app: &App,
    session: &Session,
    findings: &Findings,
) -> Result<(), AnnounceError> {
    let scope = Scope::system(session.app);
    let media = match tx.announce_media(&scope, session.file_id, &findings.row()?).await {
        Err(StoreError::Stale) => return Err(AnnounceError::AlreadyAnnounced),
        other => other?,
    };
    let request = &session.request;
    let exceeded = exceeded(session, findings);
    let start = StartTask {
        // No work is spent on what was not permitted. Commit refuses it when it has the time to look.
        procedure: if exceeded.is_none() { request.procedure.clone() } else { String::new() },
        priority: request.priority,
        notify_mode: request.notify_mode,
        session_context: request.session_context.clone(),
    };
    let task = if start.procedure.is_empty() {
        None
    } else {
        Some(flows::start(tx, app, &scope, &media, start).await.context("the procedure cannot be started")?)
    };
    let fact = Fact::NewFileUpload(Box::new(NewFileUpload {
        media: media_fact(app, &media, findings.category()),
        probe: findings.fact.clone(),
        probe_error: findings.error.to_owned(),
        procedure_task_id: task.unwrap_or_default(),
    }));
    events::append(tx, &scope, Some(media.file_id), &fact).await?;
    if let Some(exceeded) = exceeded {
        events::append(tx, &scope, Some(media.file_id), &exceeded).await?;
    }
    Ok(())
}

/// What the media has more of than its permission allows.
fn exceeded(session: &Session, findings: &Findings) -> Option<Fact> {
    let request = &session.request;
    let (allowed, found) = (f64::from(request.max_duration?), findings.fact.duration);
    (found > allowed).then(|| Fact::PermissionExceeded {
        permission_id: request.permission.clone(),
        user: request.user.clone(),
        limit: "max_duration".to_owned(),
        allowed,
        found,
    })
}

/// A media as events and the cloud API tell of it.
pub(crate) fn media_fact(app: &App, media: &Media, category: &str) -> MediaFact {
    MediaFact {
        file_id: media.file_id.to_string(),
        name: media.name.clone(),
        r#type: media.kind.clone(),
        created_at: media.created_at.0,
        updated_at: media.updated_at.0,
        expires_at: media.expires_at.map(|time| time.0),
        class_id: media.class_id,
        media_url: urls::source(app, media),
        cover_url: urls::cover(app, media),
        region: media.region.clone(),
        source_context: media.source_context.clone(),
        category: category.to_owned(),
    }
}
