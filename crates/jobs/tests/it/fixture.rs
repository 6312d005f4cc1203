//! A migrated store, a clock moved by hand, and a handler made of a closure.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use reelgate_jobs::{Failure, Handler, JobContext, Outcome, Worker, WorkerConfig, Writes};
use reelgate_model::{AppId, Clock, Scope, Time};
use reelgate_store::{Job, NewApp, NewJob, Store, StoreError, Tx};
use reelgate_testkit::Database;

pub(crate) const LEASE: Duration = Duration::from_millis(300);

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) scope: Scope,
    _database: Database,
}

macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        reelgate_testkit::on_both!(crate::fixture::run: $($test),+);
    };
}
pub(crate) use both;

pub(crate) fn run<F: Future<Output = ()>>(database: Database, test: fn(Fixture) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::manual(Time(1_780_000_000_000));
        let store = Store::open(database.url(), clock.clone()).await.unwrap();
        store.migrate().await.unwrap();
        let app = NewApp { id: AppId(1), name: String::new(), private: false };
        store.write(move |tx| Box::pin(async move { tx.create_app(&app).await })).await.unwrap();
        let scope = Scope::system(AppId(1));
        test(Fixture { store: store.clone(), clock, scope, _database: database }).await;
        store.close().await;
    });
}

impl Fixture {
    /// A worker for jobs of kind `k`, version 1.
    pub(crate) fn worker(&self, concurrency: usize, handler: impl Handler) -> Worker {
        self.worker_with_grace(concurrency, Duration::ZERO, handler)
    }

    pub(crate) fn worker_with_grace(
        &self,
        concurrency: usize,
        grace: Duration,
        handler: impl Handler,
    ) -> Worker {
        let config = WorkerConfig {
            name: "test".to_owned(),
            queues: vec!["q".to_owned()],
            concurrency,
            lease: LEASE,
            poll: Duration::from_secs(3600),
            grace,
        };
        let mut worker = Worker::new(self.store.clone(), config);
        worker.register("k", 1, Arc::new(handler));
        worker
    }

    pub(crate) async fn enqueue(&self) -> String {
        self.enqueue_version(1).await
    }

    pub(crate) async fn enqueue_version(&self, version: i64) -> String {
        let job = NewJob {
            queue: "q".to_owned(),
            kind: "k".to_owned(),
            version,
            payload: "{}".to_owned(),
            file: None,
            task: Some("t".to_owned()),
            priority: 0,
            max_attempts: 3,
            run_at: self.clock.now(),
        };
        let scope = self.scope.clone();
        let result: Result<_, StoreError> =
            self.store.write(move |tx| Box::pin(async move { tx.enqueue(&scope, &job).await })).await;
        result.unwrap()
    }

    pub(crate) async fn job(&self, id: &str) -> Job {
        self.store.read().await.unwrap().job(&self.scope, id).await.unwrap().unwrap()
    }

    /// What a handler left with [`note`].
    pub(crate) async fn noted(&self, key: &str) -> Option<String> {
        self.store.read().await.unwrap().meta(key).await.unwrap()
    }
}

/// Writes one row, or refuses to if it is there already.
pub(crate) async fn note(tx: &mut Tx, key: &str, value: &str) -> Result<(), StoreError> {
    if tx.meta(key).await?.is_some() {
        return Err(StoreError::AlreadyExists);
    }
    tx.set_meta_if_absent(key, value).await.map(drop)
}

/// Writes of a handler that note something.
pub(crate) fn noting(key: &str, value: &str) -> Writes {
    let (key, value) = (key.to_owned(), value.to_owned());
    Box::new(move |tx| Box::pin(async move { note(tx, &key, &value).await }))
}

/// A handler that runs a closure, and notes what was given up under `given up`.
pub(crate) struct Act<F>(F);

/// [`Act`] with the closure's types known.
pub(crate) fn act<F>(run: F) -> Act<F>
where
    F: Fn(Job, JobContext) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
{
    Act(run)
}

#[async_trait]
impl<F> Handler for Act<F>
where
    F: Fn(Job, JobContext) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
{
    async fn run(&self, job: Job, context: JobContext) -> Outcome {
        (self.0)(job, context).await
    }

    fn given_up(&self, job: &Job, failure: &Failure) -> Writes {
        noting("given up", &format!("{} after {}: {}", failure.code, job.attempts, failure.error))
    }
}

/// A handler that always answers the same.
pub(crate) fn always(answer: impl Fn() -> Outcome + Send + Sync + 'static) -> impl Handler {
    act(move |_job, _context| {
        let outcome = answer();
        let answer: BoxFuture<'static, Outcome> = Box::pin(async move { outcome });
        answer
    })
}
