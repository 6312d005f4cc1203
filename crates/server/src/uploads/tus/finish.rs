//! The last byte is there: the same completion and the same Commit as for every other upload.

use reelgate_store::unit;

use super::{Found, TusError, find};
use crate::app::App;
use crate::uploads::commit::{Committed, commit_session};
use crate::uploads::complete::complete_appended;
use crate::uploads::grant::session_key;
use crate::uploads::{BytesError, Refusal, expire};

/// Makes the media. As often and as concurrently as it is called, there is one.
pub async fn finish(app: &App, found: Found) -> Result<Committed, TusError> {
    if !found.is_committed() {
        match complete_appended(app, &found.session, &found.upload.multipart_id).await {
            // Somebody else was faster; Commit knows.
            Ok(_) | Err(BytesError::SessionEnded | BytesError::NoSuchUpload(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let session = app.store.read().await?.session(&found.session.id).await?.ok_or(TusError::Unknown)?;
    Ok(commit_session(app, session).await?)
}

/// Finishes uploads whose process died between the last byte and the media. Returns how many.
pub async fn recover(app: &App) -> anyhow::Result<usize> {
    let full = app.store.read().await?.tus_uploads_full(100).await?;
    let mut finished = 0;
    for upload in full {
        let found = match find(app, &session_key(&app.vault, &upload.session_id)).await {
            Ok(found) => found,
            // Revoked or gone: it ends with its session.
            Err(_) => continue,
        };
        match finish(app, found).await {
            Ok(_) => finished += 1,
            // The client was told, or will be when it asks; the session ends in its time.
            Err(TusError::Refused(Refusal::Invalid(_) | Refusal::SessionGone(_))) => {}
            Err(error) => tracing::error!(
                session.id = upload.session_id,
                cause = format!("{:#}", anyhow::Error::from(error)),
                "an upload that has all its bytes cannot be finished yet"
            ),
        }
    }
    Ok(finished)
}

/// Ends the upload at its client's wish; its bytes are given up.
pub async fn terminate(app: &App, id: &str) -> Result<(), TusError> {
    let found = find(app, id).await?;
    found.must_be_open(app)?;
    let session = found.session;
    let unit = unit::<bool, anyhow::Error, _>(move |tx| {
        Box::pin(async move { expire::end(tx, &session, "terminated_by_client").await })
    });
    match app.store.write(unit).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(TusError::Gone("has ended meanwhile")),
        Err(error) => Err(BytesError::Internal(error).into()),
    }
}
