//! The loop that takes jobs and runs them side by side.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use reelgate_store::{Claim, Job, Store, StoreError, Topic};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::handler::{Handler, JobContext, Outcome, chain};
use crate::lease::Heartbeat;
use crate::{backoff, settle};

/// How long a handler may take to return after it was told to.
const WIND_UP: Duration = Duration::from_secs(10);

/// What a worker takes, and how.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Written into the rows of the jobs it holds, for people: host and process.
    pub name: String,
    /// The queues it takes jobs from.
    pub queues: Vec<String>,
    /// How many jobs it runs side by side.
    pub concurrency: usize,
    /// How long a job stays with a worker that says nothing. Extended at a third of it.
    pub lease: Duration,
    /// How long to wait without a hint before looking again.
    pub poll: Duration,
    /// How long running jobs may go on once the process is asked to stop.
    pub grace: Duration,
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// Nothing to do.
    Idle,
    /// So many attempts, all ended.
    Worked(usize),
}

/// Takes jobs and runs them. Cheap to clone once all handlers are registered.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    config: WorkerConfig,
    handlers: HashMap<String, (i64, Arc<dyn Handler>)>,
}

/// How the supervision of one attempt ended.
enum Ended {
    Answered(Outcome),
    LeaseLost,
    Stopped,
}

impl Worker {
    /// A worker without handlers: it takes nothing yet. Time is the store's clock.
    pub fn new(store: Store, config: WorkerConfig) -> Self {
        Self { store, config, handlers: HashMap::new() }
    }

    /// Takes jobs of `kind` from now on, whose payload is of `max_version` or older; newer ones are left to newer
    /// workers. A second handler for the same kind replaces the first.
    pub fn register(&mut self, kind: &str, max_version: i64, handler: Arc<dyn Handler>) {
        self.handlers.insert(kind.to_owned(), (max_version, handler));
    }

    /// Claims as many jobs as may run side by side, runs them to their end, and says how many there were. For tests, and for
    /// whoever wants to run until nothing is left.
    pub async fn step(&self) -> Result<Stepped, StoreError> {
        let jobs = self.claim(self.config.concurrency).await?;
        if jobs.is_empty() {
            return Ok(Stepped::Idle);
        }
        let count = jobs.len();
        let never = CancellationToken::new();
        let mut running = JoinSet::new();
        for job in jobs {
            running.spawn(self.clone().attempt(job, never.clone()));
        }
        running.join_all().await;
        Ok(Stepped::Worked(count))
    }

    /// Takes and runs jobs until `stop` fires. Then no job is taken any more; running ones may go on for
    /// [`WorkerConfig::grace`]; what is left then is told to end and given back, for others to take at once.
    pub async fn run(&self, stop: CancellationToken) {
        let hints = self.store.hints(Topic::Jobs);
        let cut = CancellationToken::new();
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            // Before looking, so that no hint is lost.
            let hint = hints.listen();
            let free = self.config.concurrency.saturating_sub(running.len());
            let taken = self.take(free, &mut running, &cut).await;
            if taken > 0 && taken == free {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = hint.or_after(backoff::jittered(self.config.poll)), if running.len() < self.config.concurrency => {}
                Some(_) = running.join_next() => while running.try_join_next().is_some() {},
            }
        }
        self.drain(running, &cut).await;
    }

    /// Starts up to `free` jobs and says how many.
    async fn take(&self, free: usize, running: &mut JoinSet<()>, cut: &CancellationToken) -> usize {
        if free == 0 {
            return 0;
        }
        let jobs = match self.claim(free).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(error = chain(&error), "taking jobs failed; trying again at the next look");
                return 0;
            }
        };
        let count = jobs.len();
        for job in jobs {
            running.spawn(self.clone().attempt(job, cut.clone()));
        }
        count
    }

    async fn drain(&self, mut running: JoinSet<()>, cut: &CancellationToken) {
        let all_ended = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config.grace, all_ended).await.is_err() {
            tracing::info!(jobs = running.len(), "stopping: the grace time is over, jobs are told to end");
            cut.cancel();
            while running.join_next().await.is_some() {}
        }
    }

    async fn claim(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let claim = Claim {
            queues: self.config.queues.clone(),
            kinds: self.handlers.iter().map(|(kind, (version, _))| (kind.clone(), *version)).collect(),
            worker: self.config.name.clone(),
            lease: self.config.lease,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        self.store.write(move |tx| Box::pin(async move { tx.claim_jobs(&claim).await })).await
    }

    /// One claimed job, to the end of this attempt. Never panics.
    async fn attempt(self, job: Job, cut: CancellationToken) {
        let (id, kind) = (job.id.clone(), job.kind.clone());
        if let Err(panic) = AssertUnwindSafe(self.supervise_and_settle(job, cut)).catch_unwind().await {
            let error = panic_text(&*panic);
            tracing::error!(
                job.id = id,
                job.kind = kind,
                error,
                "ending a job panicked; its lease will run out"
            );
        }
    }

    async fn supervise_and_settle(&self, job: Job, cut: CancellationToken) {
        let Some((_, handler)) = self.handlers.get(&job.kind) else {
            // Only registered kinds are claimed.
            return settle::release(&self.store, &job).await;
        };
        if job.attempts > job.max_attempts {
            return settle::bury(&self.store, &**handler, &job).await;
        }
        match self.supervise(&job, &**handler, &cut).await {
            Ended::Answered(outcome) => settle::settle(&self.store, &**handler, &job, outcome).await,
            Ended::LeaseLost => {
                tracing::warn!(job.id, job.kind, job.attempts, "the job's lease was lost while it ran");
            }
            Ended::Stopped => settle::release(&self.store, &job).await,
        }
    }

    /// Runs the handler while the lease holds and nobody cuts it short. The heartbeat ends with this function: what follows
    /// is one short transaction with its own guard.
    async fn supervise(&self, job: &Job, handler: &dyn Handler, cut: &CancellationToken) -> Ended {
        let until = job.lease_until.unwrap_or_default();
        let beat = Heartbeat::start(self.store.clone(), job.lease(), self.config.lease, until);
        let cancel = CancellationToken::new();
        let context = JobContext { cancel: cancel.clone() };
        let run = AssertUnwindSafe(handler.run(job.clone(), context)).catch_unwind();
        let mut run = std::pin::pin!(run.map(|result| result.unwrap_or_else(|panic| panicked(&*panic))));
        tokio::select! {
            biased;
            outcome = &mut run => return Ended::Answered(outcome),
            () = beat.lost.cancelled() => {}
            () = cut.cancelled() => {}
        }
        cancel.cancel();
        let wound_up = tokio::time::timeout(WIND_UP, &mut run).await;
        if beat.lost.is_cancelled() {
            return Ended::LeaseLost;
        }
        match wound_up {
            // It finished in spite of being told to end: that work counts.
            Ok(Outcome::Done(writes)) => Ended::Answered(Outcome::Done(writes)),
            Ok(Outcome::Retry { .. } | Outcome::Fail(_)) | Err(_) => Ended::Stopped,
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Outcome {
    Outcome::Retry { after: None, error: format!("the handler panicked: {}", panic_text(panic)) }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
