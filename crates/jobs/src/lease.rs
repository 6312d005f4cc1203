//! Keeps a lease alive while its job runs.

use std::time::Duration;

use reelgate_model::Time;
use reelgate_store::{Lease, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::handler::chain;

/// Extends a lease at a third of its length, in a task of its own so that a busy database does not stop the work.
pub(crate) struct Heartbeat {
    /// Fires when the lease is lost: taken over, or not extended in time.
    pub(crate) lost: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl Heartbeat {
    pub(crate) fn start(store: Store, lease: Lease, length: Duration, until: Time) -> Self {
        let lost = CancellationToken::new();
        let token = lost.clone();
        let task = tokio::spawn(async move {
            beat(&store, &lease, length, until).await;
            token.cancel();
        });
        Self { lost, _task: AbortOnDropHandle::new(task) }
    }
}

/// Returns when the lease is lost.
async fn beat(store: &Store, lease: &Lease, length: Duration, mut until: Time) {
    loop {
        tokio::time::sleep(length / 3).await;
        let next = store.clock().now() + length;
        let own = lease.clone();
        match store.write(move |tx| Box::pin(async move { tx.extend_lease(&own, next).await })).await {
            Ok(()) => until = next,
            Err(StoreError::Stale) => return,
            // Others see the lease run out by the same clock.
            Err(_) if store.clock().now() >= until => return,
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "a job's lease was not extended; trying again before it runs out"
                )
            }
        }
    }
}
