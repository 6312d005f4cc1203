//! Who may touch what on the object leg: temporary credentials, bound to the keys of their session, and application keys,
//! which reach every object of their application.

use std::sync::Arc;

use reelgate_model::{AppId, FileId, Principal, Scope, SessionState};
use reelgate_store::Session;
use secrecy::ExposeSecret;

use super::grant::Grant;
use super::session::scope_of;
use crate::app::App;
use crate::directory::{DirectoryError, OpenKey};

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
    /// An application key is used on the bucket of an application that it does not reach.
    #[error("the access key does not reach application {0}")]
    OtherApplication(AppId),
    /// An application key wants to write where nobody has opened an upload.
    #[error(
        "no open upload session has this key; open one with ApplyUploadUGC and use the storagePath of its answer"
    )]
    NoSession,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] reelgate_store::StoreError),
    /// The keys could not be looked at.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What an access key stands for. Its signature is still to be verified.
pub enum Credential {
    /// Temporary ones.
    Grant {
        /// The grant.
        grant: Grant,
        /// Its session.
        session_id: String,
    },
    /// An application's own.
    Key(Arc<OpenKey>),
}

impl Credential {
    /// The credential behind an access key.
    pub async fn of(app: &App, access_key: &str) -> Result<Self, AccessError> {
        if let Some((grant, session_id)) = Grant::of_secret_id(&app.vault, access_key) {
            return Ok(Self::Grant { grant, session_id });
        }
        app.directory.secret_key(app, access_key).await?.map(Self::Key).ok_or(AccessError::UnknownKey)
    }

    /// What requests are signed with.
    pub fn secret(&self) -> &str {
        match self {
            Self::Grant { grant, .. } => &grant.secret_key,
            Self::Key(key) => key.secret.expose_secret(),
        }
    }

    /// Whether `token` is the one that must come with it: application keys have none.
    pub fn token_matches(&self, token: &str) -> bool {
        match self {
            Self::Grant { grant, .. } => grant.token_matches(token),
            Self::Key(_) => token.is_empty(),
        }
    }

    /// Who may do what with it in the bucket of application `bucket`. Only after its signature was verified.
    pub async fn holder(&self, app: &App, bucket: AppId) -> Result<Holder, AccessError> {
        match self {
            Self::Grant { grant, session_id } => {
                writer(app, grant, session_id).await.map(Box::new).map(Holder::Session)
            }
            Self::Key(key) => {
                let there = app.directory.current(app).await?.app(bucket).is_some();
                if there && key.row.apps.contains(bucket) {
                    let principal = Principal::SecretId(key.row.secret_id.clone());
                    Ok(Holder::Application(Scope::new(bucket, principal)))
                } else {
                    Err(AccessError::OtherApplication(bucket))
                }
            }
        }
    }
}

/// Whoever has shown credentials that are good.
#[derive(Debug, Clone)]
pub enum Holder {
    /// The client of one upload session: its keys, and the listing of what it has there.
    Session(Box<Writer>),
    /// An application: all objects may be read, and written where an upload session is open.
    Application(Scope),
}

impl Holder {
    /// What they may see.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Session(writer) => &writer.scope,
            Self::Application(scope) => scope,
        }
    }

    /// Whether they may read `key`.
    pub fn may_read(&self, key: &str) -> bool {
        match self {
            Self::Session(writer) => writer.may_write(key),
            Self::Application(_) => true,
        }
    }

    /// The writer of `key`. `None`: it is not theirs.
    pub async fn writer(&self, app: &App, key: &str) -> Result<Option<Writer>, AccessError> {
        let scope = match self {
            Self::Session(writer) => return Ok(writer.may_write(key).then(|| Writer::clone(writer))),
            Self::Application(scope) => scope,
        };
        let file = key.split('/').nth(1).and_then(|text| text.parse().ok()).map(FileId);
        let file = file.ok_or(AccessError::NoSession)?;
        let session = app.store.read().await?.session_writing(scope, file, key).await?;
        let session = session.filter(|session| app.clock.now() < session.request.expires_at);
        let session = session.ok_or(AccessError::NoSession)?;
        // Its bytes come one after another, and by that door alone.
        if app.store.read().await?.tus_upload(scope, &session.id).await?.is_some() {
            return Err(AccessError::NoSession);
        }
        Ok(Some(Writer { session, scope: scope.clone() }))
    }
}

/// The open session of a grant whose signature has been verified.
async fn writer(app: &App, grant: &Grant, session_id: &str) -> Result<Writer, AccessError> {
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
