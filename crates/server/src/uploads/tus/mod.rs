//! Uploads by offset (tus 1.0): bytes come one after another, and whatever has come stays.
//!
//! An upload is a session with one multipart upload. A PATCH is cut into segments, each of which becomes a part; when
//! the connection breaks, what has arrived of a segment becomes a part as well, so that the offset is exact to the byte.
//! One writer at a time: whoever holds the lease in the row (`lease`). Every part is acknowledged in a transaction that
//! checks the lease and the offset, so a writer that lost it can do no harm.

pub mod append;
pub mod create;
pub mod finish;
mod lease;

use std::time::Duration;

use reelgate_model::SessionState;
use reelgate_store::{Session, StoreError, TusUpload};

use super::bytes::BytesError;
use super::grant::session_of_key;
use super::refusal::Refusal;
use super::session::scope_of;
use crate::app::App;

/// Bytes of one part while nothing goes wrong: what a crash can cost, and what is synced at once.
const SEGMENT: u64 = 16 << 20;
/// How long a question for the offset waits for whoever is writing.
const SETTLE: Duration = Duration::from_secs(3);
/// Most parts of an upload. Only clients that send very small pieces come near.
const MOST_PARTS: u32 = 100_000;

/// Why a tus request is refused.
#[derive(Debug, thiserror::Error)]
pub enum TusError {
    /// No such upload.
    #[error("no upload is known by this URL; create a new one")]
    Unknown,
    /// It takes no more bytes.
    #[error("the upload {0}; create a new one")]
    Gone(&'static str),
    /// The bytes would not follow on what is there.
    #[error(
        "the upload has {stored} bytes, not the {offset} of Upload-Offset; ask for the offset with HEAD and go on there"
    )]
    OffsetDiffers {
        /// Where it has to go on.
        stored: u64,
        /// What the client says.
        offset: u64,
    },
    /// Somebody else is writing, and does not let go.
    #[error("another request is writing to this upload; try again in a moment")]
    Locked,
    /// Another request asked for the upload, so this one has stopped.
    #[error("another request has taken this upload over; ask for the offset with HEAD")]
    Interrupted,
    /// The bytes differ from their checksum.
    #[error("the bytes do not have the sum of Upload-Checksum; nothing of them was kept, send them again")]
    ChecksumDiffers,
    /// Too many small pieces.
    #[error("the upload came in more than {0} pieces; create a new one and send larger pieces")]
    TooManyParts(u32),
    /// The signature, a limit, or the media.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The bytes.
    #[error(transparent)]
    Bytes(#[from] BytesError),
}

impl From<StoreError> for TusError {
    fn from(error: StoreError) -> Self {
        Self::Bytes(error.into())
    }
}

/// An upload and its session.
#[derive(Debug, Clone)]
pub struct Found {
    /// The session.
    pub session: Session,
    /// How far it has come.
    pub upload: TusUpload,
}

impl Found {
    /// Whether its media exists.
    pub fn is_committed(&self) -> bool {
        self.session.state == SessionState::Committed
    }

    /// Refuses unless bytes may still come.
    pub fn must_be_open(&self, app: &App) -> Result<(), TusError> {
        match self.session.state {
            SessionState::Open if app.clock.now() < self.session.request.expires_at => Ok(()),
            SessionState::Open | SessionState::Expired => {
                Err(TusError::Gone("has expired or was terminated"))
            }
            SessionState::Committed => Err(TusError::Gone("is finished")),
        }
    }
}

/// The upload once nobody is writing to it any more, so that its offset is final: whoever writes is asked to stop, since the
/// client that asks has most likely lost the connection that its old request still hangs on. After a while the answer is
/// what is known.
pub async fn settle(app: &App, id: &str, found: Found) -> Result<Found, TusError> {
    if found.is_committed() || found.upload.stored == found.upload.length {
        return Ok(found);
    }
    found.must_be_open(app)?;
    match lease::Lease::take_within(app, &scope_of(&found.session), &found.session.id, SETTLE).await {
        Ok(lease) => lease.release().await,
        Err(TusError::Locked) => {}
        Err(other) => return Err(other),
    }
    find(app, id).await
}

/// The upload whose URL ends with `id`, in any state; whoever knows it may go on with it.
pub async fn find(app: &App, id: &str) -> Result<Found, TusError> {
    let session_id = session_of_key(&app.vault, id).ok_or(TusError::Unknown)?;
    let mut read = app.store.read().await?;
    let (session, revoked) = read.session_and_revocation(session_id).await?.ok_or(TusError::Unknown)?;
    if revoked {
        return Err(TusError::Gone("had its permission revoked"));
    }
    let upload = read.tus_upload(&scope_of(&session), session_id).await?.ok_or(TusError::Unknown)?;
    Ok(Found { session, upload })
}
