//! How units of work reach the database (docs/adr/0002-one-sql-text.md).
//!
//! SQLite has one writer, a task. It commits in groups: it begins a transaction, runs every unit that waits, each in
//! its own savepoint, commits once, and only then answers. A failing, panicking or overlong unit is undone alone.
//! PostgreSQL runs each unit in a transaction and a task of its own. In both cases the task that runs a unit is not the caller's, so a
//! caller that goes away (a client that hangs up) leaves a unit either committed whole or not begun.

use std::any::Any as Payload;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reelgate_model::Clock;
use sqlx::AnyPool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::connect::POSTGRES_WRITERS;
use crate::hints::Topics;
use crate::relay::Bells;
use crate::{Engine, Read, StoreError, Tx};

/// A unit that takes longer is rolled back: on SQLite every other writer waits for it.
const UNIT_LIMIT: Duration = Duration::from_secs(30);
/// A batch takes no more units after this many, or after this long: the first one waits for the last.
const BATCH_UNITS: usize = 128;
const BATCH_TIME: Duration = Duration::from_millis(50);
/// Units that may wait for the SQLite writer before callers wait for a place in the queue.
const QUEUE: usize = 1024;

/// What became of a unit: its result, or the payload of its panic.
pub(crate) type Outcome<T, E> = Result<Result<T, E>, Box<dyn Payload + Send>>;

/// A unit of work, with its types hidden.
pub(crate) trait Unit: Send + 'static {
    /// Runs it. Never panics.
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx) -> BoxFuture<'t, Ran>;
    /// Answers it without running it.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// A unit that was run and waits for the end of its transaction.
pub(crate) struct Ran {
    verdict: Verdict,
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

enum Verdict {
    /// Its changes are wanted.
    Keep,
    /// It failed and asks to be undone.
    Undo,
    /// It was stopped in the middle of something: undo it, and do not trust the connection.
    Distrust,
}

/// The closure of one `Store::write`.
pub(crate) struct Work<F, T, E> {
    work: F,
    answer: oneshot::Sender<Outcome<T, E>>,
}

impl<F, T, E> Work<F, T, E> {
    pub(crate) fn new(work: F) -> (Box<Self>, oneshot::Receiver<Outcome<T, E>>) {
        let (answer, answered) = oneshot::channel();
        (Box::new(Self { work, answer }), answered)
    }
}

impl<F, T, E> Unit for Work<F, T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx) -> BoxFuture<'t, Ran> {
        let Self { work, answer } = *self;
        Box::pin(async move {
            if answer.is_closed() {
                return Ran { verdict: Verdict::Undo, tell: Box::new(|_| ()) };
            }
            let limited = AssertUnwindSafe(async { tokio::time::timeout(UNIT_LIMIT, work(tx)).await });
            let (verdict, outcome) = match limited.catch_unwind().await {
                Ok(Ok(Ok(value))) => (Verdict::Keep, Ok(Ok(value))),
                Ok(Ok(Err(error))) => (Verdict::Undo, Ok(Err(error))),
                Ok(Err(_elapsed)) => (Verdict::Distrust, Ok(Err(StoreError::TooLong(UNIT_LIMIT).into()))),
                Err(panic) => (Verdict::Distrust, Err(panic)),
            };
            let tell = move |end: Result<(), StoreError>| {
                let outcome = match (end, outcome) {
                    (Err(error), Ok(_)) => Ok(Err(error.into())),
                    (_, outcome) => outcome,
                };
                // Nobody listens if the caller went away; the unit stands all the same.
                let _ = answer.send(outcome);
            };
            Ran { verdict, tell: Box::new(tell) }
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Ok(Err(error.into())));
    }
}

/// Starts the SQLite writer on `pool` (one connection) and returns its queue. It ends when the queue is dropped.
pub(crate) fn start(pool: AnyPool, clock: Clock, bells: Arc<Bells>) -> mpsc::Sender<Box<dyn Unit>> {
    let (queue, units) = mpsc::channel(QUEUE);
    let mut writer = Writer { pool, clock, bells, units };
    tokio::spawn(async move {
        while let Some(first) = writer.units.recv().await {
            writer.batch(first).await;
        }
    });
    queue
}

struct Writer {
    pool: AnyPool,
    clock: Clock,
    bells: Arc<Bells>,
    units: mpsc::Receiver<Box<dyn Unit>>,
}

impl Writer {
    async fn batch(&mut self, first: Box<dyn Unit>) {
        let mut tx = match begin(&self.pool, &self.clock, Engine::Sqlite).await {
            Ok(tx) => tx,
            Err(error) => return first.refuse(error),
        };
        let mut ran = Vec::new();
        let mut topics = Topics::default();
        let end = self.fill(first, &mut tx, &mut ran, &mut topics).await;
        let end = match end {
            Ok(()) => tx.control("COMMIT").await.map_err(StoreError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = &end {
            report(error, ran.len());
            tx.discard().await;
        } else {
            drop(tx);
            self.bells.ring(topics);
        }
        for unit in ran {
            (unit.tell)(end.clone());
        }
    }

    /// Runs `first` and whatever else waits. An error is about the batch as a whole.
    async fn fill(
        &mut self,
        first: Box<dyn Unit>,
        tx: &mut Tx,
        ran: &mut Vec<Ran>,
        topics: &mut Topics,
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        let mut next = Some(first);
        // `begin` has set the first savepoint.
        let mut begun = true;
        while let Some(unit) = next {
            if !begun && let Err(error) = tx.control("RELEASE unit; SAVEPOINT unit").await {
                let error = StoreError::from(error);
                unit.refuse(error.clone());
                return Err(error);
            }
            let done = unit.run(tx).await;
            // A savepoint that was rolled back to is as good as new.
            begun = !matches!(done.verdict, Verdict::Keep);
            ran.push(done);
            let marked = tx.take_topics();
            if begun {
                tx.control("ROLLBACK TO unit").await?;
            } else {
                topics.merge(marked);
            }
            let full = ran.len() >= BATCH_UNITS || began.elapsed() >= BATCH_TIME;
            next = if full { None } else { self.units.try_recv().ok() };
        }
        // The commit releases what is left.
        Ok(())
    }
}

/// One line for the whole batch; its callers get the error as well.
fn report(error: &StoreError, units: usize) {
    let cause: &(dyn std::error::Error + 'static) = error;
    tracing::error!(error = cause, units, "a batch of writes was not committed");
}

/// Runs one unit in a PostgreSQL transaction of its own.
pub(crate) async fn run_alone(pool: AnyPool, clock: Clock, bells: Arc<Bells>, unit: Box<dyn Unit>) {
    let mut tx = match begin(&pool, &clock, Engine::Postgres).await {
        Ok(tx) => tx,
        Err(error) => return unit.refuse(error),
    };
    let ran = unit.run(&mut tx).await;
    let topics = tx.take_topics();
    let end = match ran.verdict {
        Verdict::Keep => tx.control("COMMIT").await.map_err(StoreError::from),
        Verdict::Undo => {
            if tx.control("ROLLBACK").await.is_err() {
                tx.discard().await;
            }
            return (ran.tell)(Ok(()));
        }
        Verdict::Distrust => {
            tx.discard().await;
            return (ran.tell)(Ok(()));
        }
    };
    match &end {
        Ok(()) => {
            drop(tx);
            bells.ring(topics);
        }
        Err(_) => tx.discard().await,
    }
    (ran.tell)(end);
}

/// A connection with an open transaction. The first statement is what finds out that a server which restarted has closed the
/// connections that waited here: a look of its own would cost each unit a round trip.
async fn begin(pool: &AnyPool, clock: &Clock, engine: Engine) -> Result<Tx, StoreError> {
    // A plain BEGIN on SQLite is deferred and fails when a read turns into a write.
    let (statement, closed_at_most) = match engine {
        Engine::Sqlite => ("BEGIN IMMEDIATE; SAVEPOINT unit", 0),
        Engine::Postgres => ("BEGIN", POSTGRES_WRITERS),
    };
    let mut closed = 0;
    loop {
        let mut tx = Tx::new(Read::new(pool.acquire().await?, engine), clock.clone());
        let Err(error) = tx.control(statement).await else { return Ok(tx) };
        tx.discard().await;
        if closed == closed_at_most {
            return Err(error.into());
        }
        closed += 1;
    }
}
