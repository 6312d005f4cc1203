//! Expiry: sessions that nobody committed end with a reason and an event, and their bytes are marked abandoned.

use reelgate_model::{Scope, SessionState};
use reelgate_store::{Session, StoreError, Tx, unit};

use super::quota;
use crate::app::App;
use crate::events;
use crate::events::fact::Fact;

/// Sessions ended in one go.
const BATCH: u32 = 100;

/// Ends what is due. Returns how many sessions were ended; call again while it is not zero.
pub async fn expire_due(app: &App) -> anyhow::Result<u32> {
    let due = app.store.read().await?.sessions_due(app.clock.now(), BATCH).await?;
    let mut ended = 0;
    for session in due {
        let unit = unit::<bool, anyhow::Error, _>(move |tx| {
            Box::pin(async move { end(tx, &session, "not_committed_in_time").await })
        });
        ended += u32::from(app.store.write(unit).await?);
    }
    Ok(ended)
}

/// Ends an open session for `reason`; `false` if it is not open any more (a Commit was faster).
pub(crate) async fn end(tx: &mut Tx, session: &Session, reason: &str) -> anyhow::Result<bool> {
    let scope = Scope::system(session.app);
    match tx.end_session(&scope, &session.id, SessionState::Expired, reason).await {
        Err(StoreError::Stale) => return Ok(false),
        other => other?,
    }
    quota::settle(tx, session, None).await?;
    for object in tx.session_objects(&scope, &session.id).await? {
        tx.abandon(&scope, &format!("blob:{}", object.blob), "session_expired").await?;
    }
    for multipart in tx.abort_multiparts_of(&scope, &session.id).await? {
        tx.abandon(&scope, &format!("staging:{multipart}"), "session_expired").await?;
    }
    let fact = Fact::UploadExpired {
        session_id: session.id.clone(),
        user: session.request.user.clone(),
        reason: reason.to_owned(),
    };
    events::append(tx, &scope, None, &fact).await?;
    Ok(true)
}
