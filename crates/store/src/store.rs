//! The open database.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;
use reelgate_model::Clock;
use sqlx::{AnyPool, Row};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::connect::Target;
use crate::relay::Bells;
use crate::writer::{Unit, Work};
use crate::{Engine, Hints, Read, StoreError, Topic, Tx, migrate, relay, writer};

/// An open database. Cheap to clone; all clones share pools, writer and hints.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    target: Target,
    clock: Clock,
    offset_ms: AtomicI64,
    bells: Arc<Bells>,
    readers: AnyPool,
    writers: AnyPool,
    /// The queue of the SQLite writer; none on PostgreSQL.
    queue: Option<mpsc::Sender<Box<dyn Unit>>>,
    /// Ends the relay of hints with the store.
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `sqlite://PATH` (the file and its directory are made if missing) or `postgres://…`, and sets `clock` to the database's
    /// time. Neither makes nor checks tables: [`Store::migrate`] or [`Store::check_migrated`] comes next.
    ///
    /// Must be called in a Tokio runtime, which then runs the writer.
    pub async fn open(url: &str, clock: Clock) -> Result<Self, StoreError> {
        let target = Target::parse(url)?;
        target.create_file()?;
        // The writer first: it is who switches a new file to WAL.
        let writers = target.write_pool().await?;
        let readers = target.read_pool().await?;
        let bells = Arc::new(Bells::default());
        let mut tasks = JoinSet::new();
        let queue = match target.engine {
            Engine::Sqlite => Some(writer::start(writers.clone(), clock.clone(), Arc::clone(&bells))),
            Engine::Postgres => {
                relay::start(&bells, target.url.clone(), writers.clone(), &mut tasks);
                None
            }
        };
        let offset_ms = AtomicI64::new(0);
        let inner = Inner { target, clock, offset_ms, bells, readers, writers, queue, _tasks: tasks };
        let store = Self(Arc::new(inner));
        store.measure_clock().await?;
        Ok(store)
    }

    /// Brings the schema to what this binary needs, and gives a new or foreign database its epoch (see
    /// [`Tx::renew_epoch`]); safe when several processes start at once. `NewerSchema` if a newer binary has been here.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.0.target).await?;
        self.write(|tx| Box::pin(tx.settle_epoch())).await
    }

    /// Fails with `NotMigrated` or `NewerSchema` unless the schema is the one of this binary. Changes nothing.
    pub async fn check_migrated(&self) -> Result<(), StoreError> {
        migrate::check(&mut self.read().await?).await
    }

    /// Runs one unit of work. It is committed when this returns `Ok`, and has left no trace when it returns `Err`.
    ///
    /// - Dropping the returned future does not stop a unit that has begun: it is committed whole, or, if it had not
    ///   begun, not run.
    /// - A panic in the unit undoes it and goes on in the caller.
    /// - PostgreSQL runs units at READ COMMITTED: guards in `WHERE` and the row counts are what keeps them apart. A
    ///   deadlock is `StoreError::Conflict`. The unit is an `FnOnce`, so repeating it is left to the caller: jobs do
    ///   so by being jobs, clients of the doors by their protocol's retry.
    /// - A unit that runs longer than 30 seconds is rolled back (`TooLong`).
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (unit, answered) = Work::new(work);
        match &self.0.queue {
            Some(queue) => {
                if let Err(refused) = queue.send(unit).await {
                    refused.0.refuse(closed());
                }
            }
            None => {
                let Inner { writers, clock, bells, .. } = &*self.0;
                tokio::spawn(writer::run_alone(writers.clone(), clock.clone(), Arc::clone(bells), unit));
            }
        }
        match answered.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_gone) => Err(closed().into()),
        }
    }

    /// A connection for lookups.
    pub async fn read(&self) -> Result<Read, StoreError> {
        Ok(Read::new(self.0.readers.acquire().await?, self.engine()))
    }

    /// The hints of one topic: from units committed here and, on PostgreSQL, from other processes.
    pub fn hints(&self, topic: Topic) -> Hints {
        self.0.bells.board.hints(topic)
    }

    /// Which database this is.
    pub fn engine(&self) -> Engine {
        self.0.target.engine
    }

    /// The clock that rows are written by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Measures how far PostgreSQL's clock is from this machine's and sets the clock to it; nothing on SQLite.
    /// [`Store::open`] does it once; repeat it now and then where machines drift.
    pub async fn measure_clock(&self) -> Result<(), StoreError> {
        if self.engine() == Engine::Sqlite {
            return Ok(());
        }
        let mut read = self.read().await?;
        let mut best: Option<(i64, i64)> = None;
        for _ in 0..3 {
            let before = self.0.clock.now();
            let row =
                sqlx::query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms")
                    .fetch_one(read.conn())
                    .await?;
            let after = self.0.clock.now();
            let trip = after.0 - before.0;
            let ahead = row.try_get::<i64, _>("now_ms")? - (before.0 + trip / 2);
            if best.is_none_or(|(shortest, _)| trip < shortest) {
                best = Some((trip, ahead));
            }
        }
        if let Some((_, ahead)) = best {
            let offset = self.0.offset_ms.fetch_add(ahead, Ordering::Relaxed) + ahead;
            self.0.clock.set_offset_ms(offset);
        }
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(self.read().await?.conn()).await?;
        Ok(())
    }

    /// Waits for connections to come back and closes them. Units that come later are refused.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writers.close().await;
    }
}

/// Gives a closure that is not written inline the type that [`Store::write`] wants.
pub fn unit<T, E, F>(work: F) -> F
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    work
}

fn closed() -> StoreError {
    sqlx::Error::PoolClosed.into()
}
