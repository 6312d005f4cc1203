//! The two handles on which all nouns hang their methods.

use std::fmt;
use std::ops::{Deref, DerefMut};

use reelgate_model::{Clock, Time};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection};
use uuid::Uuid;

use crate::hints::{Topic, Topics};

/// Which database is spoken to. Nouns ask only where the two texts must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one writer.
    Sqlite,
    /// A server, any number of writers.
    Postgres,
}

/// A connection for lookups, from [`Store::read`](crate::Store::read). Each statement sees what was committed when it
/// began. Take it late and drop it early: there are only a few.
pub struct Read {
    conn: PoolConnection<Any>,
    engine: Engine,
}

impl Read {
    pub(crate) fn new(conn: PoolConnection<Any>, engine: Engine) -> Self {
        Self { conn, engine }
    }

    pub(crate) fn conn(&mut self) -> &mut AnyConnection {
        &mut self.conn
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    pub(crate) fn into_conn(self) -> PoolConnection<Any> {
        self.conn
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// An open unit of work, handed to the closure of [`Store::write`](crate::Store::write). It sees its own changes.
#[derive(Debug)]
pub struct Tx {
    read: Read,
    clock: Clock,
    topics: Topics,
}

impl Tx {
    pub(crate) fn new(read: Read, clock: Clock) -> Self {
        Self { read, clock, topics: Topics::default() }
    }

    /// The current time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// A new id that grows with time (UUID version 7, RFC 9562), as 36 characters of text.
    pub fn new_id(&self) -> String {
        let now = self.now().0.max(0);
        let millis = u32::try_from(now % 1000).expect("a remainder of 1000 fits 32 bits");
        let stamp =
            uuid::Timestamp::from_unix(uuid::NoContext, now.unsigned_abs() / 1000, millis * 1_000_000);
        Uuid::new_v7(stamp).to_string()
    }

    /// Wakes whoever waits for `topic` once this unit is committed; forgotten if it is not.
    pub fn hint(&mut self, topic: Topic) {
        self.topics.insert(topic);
    }

    pub(crate) fn take_topics(&mut self) -> Topics {
        std::mem::take(&mut self.topics)
    }

    /// Runs a statement that only moves the transaction itself.
    pub(crate) async fn control(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(self.conn()).await.map(drop)
    }

    /// Closes the connection, which undoes whatever is open on it; for when its state is not known any more.
    pub(crate) async fn discard(self) {
        if let Err(error) = self.read.into_conn().close().await {
            tracing::debug!(%error, "closing a database connection failed");
        }
    }
}

impl Deref for Tx {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}
