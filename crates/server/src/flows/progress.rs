//! How far a step is, written to its sub-tasks at most once a second.

use std::time::Duration;

use reelgate_model::Scope;
use reelgate_store::{Store, StoreError, unit};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes percentages and writes the newest one. Dropped, it writes no more.
pub(super) struct Progress {
    percent: watch::Sender<u8>,
    _task: AbortOnDropHandle<()>,
}

impl Progress {
    pub(super) fn start(store: Store, scope: Scope, task: String, step: String) -> Self {
        let (percent, reached) = watch::channel(0);
        let writer = tokio::spawn(write(store, scope, task, step, reached));
        Self { percent, _task: AbortOnDropHandle::new(writer) }
    }

    /// The step has reached so many percent.
    pub(super) fn reach(&self, percent: u8) {
        // 100 is written by the end of the sub-task itself.
        self.percent.send_replace(percent.min(99));
    }
}

async fn write(store: Store, scope: Scope, task: String, step: String, mut reached: watch::Receiver<u8>) {
    while reached.changed().await.is_ok() {
        let percent = i64::from(*reached.borrow_and_update());
        let (scope, task, step) = (scope.clone(), task.clone(), step.clone());
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { tx.set_step_progress(&scope, &task, &step, percent).await })
        });
        if let Err(error) = store.write(unit).await {
            tracing::debug!(%error, "the progress of a step could not be written; the next figure will be");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
