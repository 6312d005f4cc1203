//! Who may touch what on the object leg: temporary credentials, bound to the keys of their session.

use reelgate_model::{Scope, SessionState};
use reelgate_store::Session;

use super::grant::Grant;
use super::session::scope_of;
use crate::app::App;

/// A verified holder of temporary credentials whose session is open.
#[derive(Debug, Clone)]
pub struct Writer {
    /// The session.
    pub session: Session,
    /// What its holder may touch.
    pub scope: Scope,
}

/// Why temporary credentials are not good (any more).
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// This server never made such an access key.
    #[error("the access key is not one of this server's temporary credentials")]
    UnknownKey,
    /// Its life is over; Apply with the vodSessionKey gives fresh ones.
    #[error("the temporary credential has expired; apply again with the vodSessionKey to get a fresh one")]
    Expired,
    /// What the session was opened with was revoked.
    #[error("the permission of this upload was revoked; fetch a new signature and start a new upload")]
    Revoked,
    /// The session it belongs to takes no more bytes.
    #[error("the upload session is {0}; nothing can be written for it any more")]
    SessionEnded(&'static str),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] reelgate_store::StoreError),
}

/// The grant behind an access key, whose signature and token the caller verifies next.
pub fn grant_of(app: &App, access_key: &str) -> Result<(Grant, String), AccessError> {
    Grant::of_secret_id(&app.vault, access_key).ok_or(AccessError::UnknownKey)
}

/// The open session of a grant whose signature has been verified.
pub async fn writer(app: &App, grant: &Grant, session_id: &str) -> Result<Writer, AccessError> {
    let now = app.clock.now();
    if now >= grant.expires_at {
        return Err(AccessError::Expired);
    }
    let found = app.store.read().await?.session_and_revocation(session_id).await?;
    let (session, revoked) = found.ok_or(AccessError::UnknownKey)?;
    if revoked {
        return Err(AccessError::Revoked);
    }
    match session.state {
        SessionState::Open if now < session.request.expires_at => {
            Ok(Writer { scope: scope_of(&session), session })
        }
        SessionState::Open | SessionState::Expired => Err(AccessError::SessionEnded("expired")),
        SessionState::Committed => Err(AccessError::SessionEnded("committed")),
    }
}

impl Writer {
    /// Whether `key` is one of the session's own.
    pub fn may_write(&self, key: &str) -> bool {
        !key.is_empty()
            && [&self.session.request.video_key, &self.session.request.cover_key].contains(&&key.to_owned())
    }

    /// Bytes that the client announced for `key`.
    pub fn announced(&self, key: &str) -> Option<u64> {
        (key == self.session.request.video_key).then_some(self.session.request.video_size).flatten()
    }

    /// Most bytes that the object at `key` may have: what was announced, if it was, since that is what quotas reserved and
    /// what Commit takes.
    pub fn max_size(&self, key: &str) -> u64 {
        if key == self.session.request.cover_key {
            super::open::MAX_COVER
        } else {
            self.announced(key).unwrap_or(self.session.request.max_size)
        }
    }
}
