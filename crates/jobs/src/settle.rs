//! The one transaction that ends an attempt. It begins with the guard on the lease: without it, nothing is written.

use std::time::Duration;

use reelgate_store::{Job, Store, StoreError};

use crate::backoff;
use crate::handler::{ATTEMPTS_EXHAUSTED, Failure, Handler, Outcome, Writes, chain};

/// Why the end of an attempt was not written.
enum Unsettled {
    /// Somebody else holds the job now.
    Lost,
    /// The writes or the database failed; nothing is written and the job is still ours.
    Store(StoreError),
}

impl From<StoreError> for Unsettled {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Guard failures on the job's own row mean a lost lease; the same word from the handler's writes does not.
fn guard(result: Result<(), StoreError>) -> Result<(), Unsettled> {
    result.map_err(|error| match error {
        StoreError::Stale => Unsettled::Lost,
        other => Unsettled::Store(other),
    })
}

/// Writes what the attempt came to.
pub(crate) async fn settle(store: &Store, handler: &dyn Handler, job: &Job, outcome: Outcome) {
    match outcome {
        Outcome::Done(writes) => match done(store, job, writes).await {
            Ok(()) => tracing::debug!(job.id, job.kind, job.attempts, "job done"),
            Err(Unsettled::Lost) => report_lost(job),
            Err(Unsettled::Store(error)) => retry(store, handler, job, None, chain(&error)).await,
        },
        Outcome::Retry { after, error } => retry(store, handler, job, after, error).await,
        Outcome::Fail(failure) => give_up(store, handler, job, failure).await,
    }
}

/// Ends a job whose earlier holders all died.
pub(crate) async fn bury(store: &Store, handler: &dyn Handler, job: &Job) {
    let error = match job.last_error.as_str() {
        "" => "every worker that took the job died".to_owned(),
        last => format!("every worker that took the job since died; before that: {last}"),
    };
    give_up(store, handler, job, Failure { code: ATTEMPTS_EXHAUSTED.to_owned(), error }).await;
}

/// Puts the job back for others, without counting the attempt.
pub(crate) async fn release(store: &Store, job: &Job) {
    let lease = job.lease();
    match store.write(move |tx| Box::pin(async move { tx.release_job(&lease).await })).await {
        Ok(()) => tracing::info!(job.id, job.kind, "stopping: job given back for others to take"),
        Err(StoreError::Stale) => report_lost(job),
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                job.id,
                job.kind,
                "stopping: job not given back, its lease will run out"
            );
        }
    }
}

async fn done(store: &Store, job: &Job, writes: Writes) -> Result<(), Unsettled> {
    let lease = job.lease();
    store
        .write(move |tx| {
            Box::pin(async move {
                guard(tx.complete_job(&lease).await)?;
                Ok(writes(tx).await?)
            })
        })
        .await
}

async fn retry(store: &Store, handler: &dyn Handler, job: &Job, after: Option<Duration>, error: String) {
    if job.attempts >= job.max_attempts {
        return give_up(store, handler, job, Failure { code: ATTEMPTS_EXHAUSTED.to_owned(), error }).await;
    }
    let wait = after.unwrap_or_else(|| backoff::after(job.attempts));
    tracing::warn!(
        job.id,
        job.kind,
        job.attempts,
        error,
        wait_ms = wait.as_millis(),
        "job will be tried again"
    );
    put_back(store, job, wait, error).await;
}

async fn put_back(store: &Store, job: &Job, wait: Duration, error: String) {
    let (lease, run_at) = (job.lease(), store.clock().now() + wait);
    match store.write(move |tx| Box::pin(async move { tx.retry_job(&lease, run_at, &error).await })).await {
        Ok(()) => {}
        Err(StoreError::Stale) => report_lost(job),
        Err(error) => report_unwritten(job, &error),
    }
}

async fn give_up(store: &Store, handler: &dyn Handler, job: &Job, failure: Failure) {
    let (lease, writes, error) = (job.lease(), handler.given_up(job, &failure), failure.error.clone());
    let written: Result<(), Unsettled> = store
        .write(move |tx| {
            Box::pin(async move {
                guard(tx.fail_job(&lease, &error).await)?;
                Ok(writes(tx).await?)
            })
        })
        .await;
    match written {
        Ok(()) => {
            let Failure { code, error } = failure;
            tracing::warn!(job.id, job.kind, job.attempts, code, error, "job given up");
        }
        Err(Unsettled::Lost) => report_lost(job),
        // The job stays, so that its end is written once the cause is gone: nothing may be left waiting for it.
        Err(Unsettled::Store(cause)) => {
            report_unwritten(job, &cause);
            put_back(store, job, backoff::after(job.attempts), failure.error).await;
        }
    }
}

fn report_lost(job: &Job) {
    tracing::warn!(job.id, job.kind, job.attempts, "the job's lease was lost; its result was thrown away");
}

fn report_unwritten(job: &Job, error: &StoreError) {
    let error = chain(error);
    tracing::error!(job.id, job.kind, job.attempts, error, "the end of a job could not be written");
}
