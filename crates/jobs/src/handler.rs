//! What a kind of job has to offer, and what it can answer.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use reelgate_store::{Job, StoreError, Tx};
use tokio_util::sync::CancellationToken;

/// What an attempt wants written, in the transaction that ends it. An error rolls back the end of the attempt too.
pub type Writes = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send>;

/// [`Writes`] for an attempt that has nothing to write.
pub fn nothing() -> Writes {
    Box::new(|_tx| Box::pin(async { Ok(()) }))
}

/// The [`Failure::code`] of a job whose attempts are used up.
pub const ATTEMPTS_EXHAUSTED: &str = "AttemptsExhausted";

/// Carries out the jobs of one kind.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Makes one attempt. It may be the second run of the same attempt's work (the first one's process was killed), so
    /// whatever happens outside the database must be repeatable.
    ///
    /// When `context.cancel` fires, the lease is lost or the process is stopping: return soon, whatever the answer.
    /// A panic counts as [`Outcome::Retry`].
    async fn run(&self, job: Job, context: JobContext) -> Outcome;

    /// What is to be written when `job` will never be done, in the transaction that marks it failed: after
    /// [`Outcome::Fail`], when the last attempt asked for a retry, or when its holders died too often. Without it
    /// something would wait for the job forever.
    fn given_up(&self, job: &Job, failure: &Failure) -> Writes;
}

/// What a handler has beside the job.
#[derive(Clone, Debug)]
pub struct JobContext {
    /// Fires when the attempt must end: the lease is lost, or the process is stopping.
    pub cancel: CancellationToken,
}

/// How an attempt ended.
pub enum Outcome {
    /// The work is done; these writes are committed together with the job's end.
    Done(Writes),
    /// Not now. If this was the last attempt, the job is given up with [`ATTEMPTS_EXHAUSTED`].
    Retry {
        /// How long to wait; `None` leaves it to the backoff.
        after: Option<Duration>,
        /// What went wrong, for people.
        error: String,
    },
    /// Never.
    Fail(Failure),
}

impl Outcome {
    /// [`Outcome::Retry`] with the usual backoff, with the error and everything that caused it.
    pub fn retry(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Retry { after: None, error: chain(error) }
    }
}

/// Why a job will not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable word that programs can read.
    pub code: String,
    /// A sentence for people.
    pub error: String,
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
