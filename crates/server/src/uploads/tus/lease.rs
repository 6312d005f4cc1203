//! The lease: who may write to an upload now.
//!
//! A client that lost its connection comes back at once, often while its old request still hangs, perhaps at another
//! node. So whoever wants the lease says so in the row, and the holder looks there every moment and lets go. A holder that
//! died is overtaken when its lease ends.

use std::time::{Duration, Instant};

use reelgate_model::Scope;
use reelgate_store::{StoreError, unit};

use super::TusError;
use crate::app::App;

/// How long a lease is good without being renewed.
const LIFE: Duration = Duration::from_secs(15);
/// How often a holder renews.
const RENEW: Duration = Duration::from_secs(5);
/// How often a holder looks whether somebody else wants it.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// How often somebody who waits asks again.
const ASK: Duration = Duration::from_millis(100);
/// How long it is waited for: a holder that died is overtaken before.
const PATIENCE: Duration = Duration::from_secs(20);

/// The right to write, held by this request.
pub(super) struct Lease {
    app: App,
    scope: Scope,
    session: String,
    pub(super) holder: String,
    renewed: Instant,
    looked: Instant,
}

impl Lease {
    /// Waits for it, long enough for one who died to be overtaken.
    pub(super) async fn take(app: &App, scope: &Scope, session: &str) -> Result<Self, TusError> {
        Self::take_within(app, scope, session, PATIENCE).await
    }

    /// Waits for it for so long; `Locked` if that is not enough.
    pub(super) async fn take_within(
        app: &App,
        scope: &Scope,
        session: &str,
        patience: Duration,
    ) -> Result<Self, TusError> {
        let holder = uuid::Uuid::new_v4().simple().to_string();
        let since = Instant::now();
        while !ask(app, scope, session, &holder).await? {
            if since.elapsed() > patience {
                return Err(TusError::Locked);
            }
            tokio::time::sleep(ASK).await;
        }
        let now = Instant::now();
        let (app, scope, session) = (app.clone(), scope.clone(), session.to_owned());
        Ok(Self { app, scope, session, holder, renewed: now, looked: now })
    }

    /// Keeps it. Fails when it is lost, or when somebody else wants it.
    pub(super) async fn keep(&mut self) -> Result<(), TusError> {
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        let upload = self.app.store.read().await?.tus_upload(&self.scope, &self.session).await?;
        if upload.is_none_or(|upload| upload.wanted) {
            return Err(TusError::Interrupted);
        }
        if self.renewed.elapsed() < RENEW {
            return Ok(());
        }
        self.renewed = Instant::now();
        let (scope, session, holder) = (self.scope.clone(), self.session.clone(), self.holder.clone());
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { tx.renew_tus_upload(&scope, &session, &holder, LIFE).await })
        });
        match self.app.store.write(unit).await {
            Err(StoreError::Stale) => Err(TusError::Interrupted),
            other => Ok(other?),
        }
    }

    /// Gives it back.
    pub(super) async fn release(self) {
        let (scope, session, holder) = (self.scope.clone(), self.session.clone(), self.holder.clone());
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { tx.release_tus_upload(&scope, &session, &holder).await })
        });
        if let Err(error) = self.app.store.write(unit).await {
            // It ends by itself.
            tracing::debug!(%error, "the lease of an upload was not given back");
        }
    }
}

async fn ask(app: &App, scope: &Scope, session: &str, holder: &str) -> Result<bool, StoreError> {
    let (scope, session, holder) = (scope.clone(), session.to_owned(), holder.to_owned());
    let unit = unit::<bool, StoreError, _>(move |tx| {
        Box::pin(async move { tx.lease_tus_upload(&scope, &session, &holder, LIFE).await })
    });
    app.store.write(unit).await
}
