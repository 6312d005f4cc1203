//! Taking permission back: one permission, all of a user, all of a key. The row makes every door refuse from the moment
//! it is committed; open sessions are ended after it, and one that slips in between is refused by the row.

use std::time::Duration;

use futures_util::future::try_join_all;
use reelgate_model::{RevocationKind, Scope};
use reelgate_store::{NewAudit, NewRevocation, Revocation, StoreError, unit};
use reelgate_wire::upload_signature::MAX_VALIDITY;

use crate::app::App;
use crate::uploads::expire;

/// What is to be revoked.
#[derive(Debug, Clone)]
pub struct Order {
    /// What `subject` names.
    pub kind: RevocationKind,
    /// Id of a permission, name of a user, or id of a key.
    pub subject: String,
    /// Why, for people.
    pub reason: String,
}

/// What was done.
#[derive(Debug)]
pub struct Revoked {
    /// The row.
    pub revocation: Revocation,
    /// Sessions that were open.
    pub sessions_ended: u64,
}

/// Longest reason, characters.
const MAX_REASON: usize = 200;
/// Longest subject, bytes: that of a user in a permission.
const MAX_SUBJECT: usize = 256;
/// Sessions ended side by side.
const BATCH: u32 = 50;

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// It names nothing.
    #[error(
        "the {kind} to revoke has {length} bytes; name one with 1 to {MAX_SUBJECT}, without control characters"
    )]
    Subject {
        /// `permission`, `user` or `key`.
        kind: &'static str,
        /// Bytes it has.
        length: usize,
    },
    /// Too much to say.
    #[error("the reason has {0} characters, more than the {MAX_REASON} allowed, or control characters")]
    Reason(usize),
    /// Not the caller's fault.
    #[error("the permission could not be revoked")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for RevokeError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for RevokeError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

/// Revokes, notes who did, and ends the open sessions.
pub async fn revoke(app: &App, scope: &Scope, order: Order, remote: String) -> Result<Revoked, RevokeError> {
    let clean = |text: &str| !text.chars().any(char::is_control);
    if !(1..=MAX_SUBJECT).contains(&order.subject.len()) || !clean(&order.subject) {
        return Err(RevokeError::Subject { kind: order.kind.as_str(), length: order.subject.len() });
    }
    let length = order.reason.chars().count();
    if length > MAX_REASON || !clean(&order.reason) {
        return Err(RevokeError::Reason(length));
    }
    // The longest signature, and the tolerance for its start.
    let longest = Duration::from_secs(MAX_VALIDITY.unsigned_abs() + 600);
    let new = NewRevocation {
        kind: order.kind,
        subject: order.subject,
        reason: order.reason,
        expires_at: app.clock.now() + longest,
    };
    let audit = NewAudit {
        action: format!("revoke.{}", new.kind.as_str()),
        subject: new.subject.clone(),
        detail: new.reason.clone(),
        remote,
    };
    let revoker = scope.clone();
    let work = unit::<Revocation, StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.audit(&revoker, &audit).await?;
            tx.revoke_permissions(&revoker, &new).await
        })
    });
    let revocation = app.store.write(work).await?;
    let sessions_ended = end_sessions(app, scope, &revocation).await?;
    Ok(Revoked { revocation, sessions_ended })
}

/// How long after a revocation sessions are looked for that were being opened at that moment.
const AFTERMATH: Duration = Duration::from_secs(600);

/// Ends sessions that an Apply opened while their permission was being revoked. The doors refuse them already; this
/// gives back what is reserved for them.
pub async fn finish(app: &App) -> Result<(), RevokeError> {
    let recent = app.store.read().await?.recent_revocations(app.clock.now() - AFTERMATH).await?;
    for (of, revocation) in recent {
        end_sessions(app, &Scope::system(of), &revocation).await?;
    }
    Ok(())
}

/// Each session in a unit of its own: one that held several would wait for a Commit of one of them, which waits for the
/// quota of the user that the others have taken.
async fn end_sessions(app: &App, scope: &Scope, revocation: &Revocation) -> Result<u64, RevokeError> {
    let mut ended = 0;
    loop {
        let found = app.store.read().await?.sessions_revoked(scope, revocation, BATCH).await?;
        if found.is_empty() {
            return Ok(ended);
        }
        let ends = found.into_iter().map(|session| {
            let work = unit::<bool, anyhow::Error, _>(move |tx| {
                Box::pin(async move { expire::end(tx, &session, "permission_revoked").await })
            });
            app.store.write(work)
        });
        ended += try_join_all(ends).await?.into_iter().map(u64::from).sum::<u64>();
    }
}
