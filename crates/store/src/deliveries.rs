//! Deliveries: one event to one endpoint, and every attempt at it.
//!
//! A delivery is claimed under a lease. `attempts` grows with every claim and is the guard of whoever ends it: a
//! sender that was declared dead and comes back finds `Stale` and must roll back. How often the endpoint has really been
//! tried is the number of [`Attempt`]s: a sender that dies takes none of them away.

use std::time::Duration;

use reelgate_model::{AppId, DeliveryState, FileId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed};
use crate::{Endpoint, Engine, Event, Read, StoreError, Topic, Tx};

/// One event to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// Whose event it is.
    pub app: AppId,
    /// To whom.
    pub endpoint: String,
    /// Place of the event in the log.
    pub event_txid: i64,
    /// Place of the event in the log.
    pub event_seq: i64,
    /// The event's stable id.
    pub event_id: String,
    /// The event's type.
    pub event_kind: String,
    /// The file that the event is about.
    pub file: Option<FileId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it has been claimed.
    pub claims: i64,
    /// Not to be sent before.
    pub next_at: Time,
    /// Until when its sender has it.
    pub lease_until: Option<Time>,
    /// When it was handed over by the log.
    pub created_at: Time,
    /// When it was delivered or given up.
    pub finished_at: Option<Time>,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The claim that made it, from 1; claims whose sender died left none.
    pub number: i64,
    /// When it began.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// HTTP status; `None`: no HTTP answer came.
    pub status: Option<u16>,
    /// What went wrong; empty when nothing did.
    pub error: String,
    /// The beginning of the answer's body.
    pub answer: String,
}

/// A stretch of a file's deliveries, each with its attempts.
pub type DeliveryHistory = Vec<(Delivery, Vec<Attempt>)>;

impl Read {
    /// Up to `limit` endpoints that have deliveries due which nobody holds, the longest waiting first.
    pub async fn endpoints_due(&mut self, now: Time, limit: u32) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT endpoint_id FROM deliveries
              WHERE state = 'pending' AND next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
              GROUP BY endpoint_id ORDER BY MIN(next_at), endpoint_id LIMIT $2",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| row.text("endpoint_id"))
    }

    /// How often the endpoint has been tried for this delivery.
    pub async fn attempts_made(&mut self, delivery: &Delivery) -> Result<usize, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS made FROM delivery_attempts WHERE delivery_id = $1")
            .bind(&delivery.id)
            .fetch_one(self.conn())
            .await?;
        Ok(usize::try_from(row.size("made")?).unwrap_or(usize::MAX))
    }

    /// Up to `limit` deliveries about one file, in the order of its events, each with its attempts; `after` is the last one
    /// of the page before.
    pub async fn file_deliveries(
        &mut self,
        scope: &Scope,
        file: FileId,
        after: Option<&Delivery>,
        limit: u32,
    ) -> Result<DeliveryHistory, StoreError> {
        let (seq, id) = after.map_or((0, ""), |last| (last.event_seq, last.id.as_str()));
        let rows = sqlx::query(
            "SELECT id, app, endpoint_id, event_txid, event_seq, event_id, event_type, file_id, state, attempts,
                    next_at, lease_until, created_at, finished_at
               FROM deliveries WHERE app = $1 AND file_id = $2 AND (event_seq, id) > ($3, $4)
              ORDER BY event_seq, id LIMIT $5",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .bind(seq)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        let mut history = DeliveryHistory::new();
        for delivery in each(&rows, decode)? {
            let attempts = self.attempts_of(&delivery).await?;
            history.push((delivery, attempts));
        }
        Ok(history)
    }

    /// Every attempt at a delivery: as many as the retry rule allows.
    async fn attempts_of(&mut self, delivery: &Delivery) -> Result<Vec<Attempt>, StoreError> {
        let rows = sqlx::query(
            "SELECT attempt, at, duration_ms, status, error, answer FROM delivery_attempts
              WHERE delivery_id = $1 ORDER BY attempt",
        )
        .bind(&delivery.id)
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode_attempt)
    }
}

impl Tx {
    /// Makes a delivery of `event` to `endpoint`, due at once, unless there is one.
    pub async fn create_delivery(&mut self, endpoint: &Endpoint, event: &Event) -> Result<(), StoreError> {
        let (id, now) = (self.new_id(), self.now());
        sqlx::query(
            "INSERT INTO deliveries (id, app, endpoint_id, event_seq, event_txid, event_id, event_type, file_id,
                                     state, next_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $9)
             ON CONFLICT (endpoint_id, event_seq) DO NOTHING",
        )
        .bind(&id)
        .bind(event.app.0)
        .bind(&endpoint.id)
        .bind(event.seq)
        .bind(event.txid)
        .bind(&event.id)
        .bind(&event.kind)
        .bind(event.file.map(|file| file.0))
        .bind(now.0)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Takes up to `limit` deliveries to one endpoint that are due, and those whose sender let its lease run out. The
    /// next event about a file waits until the one before it is delivered or given up. Belongs into a unit of its own.
    pub async fn claim_deliveries(
        &mut self,
        endpoint: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let now = self.now();
        let sql = match self.engine() {
            Engine::Sqlite => CLAIM_SQLITE,
            Engine::Postgres => CLAIM_POSTGRES,
        };
        let rows = sqlx::query(sql)
            .bind(now.0)
            .bind((now + lease).0)
            .bind(endpoint)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.conn())
            .await?;
        let mut claimed = each(&rows, decode)?;
        claimed.sort_by_key(|delivery| (delivery.event_txid, delivery.event_seq));
        Ok(claimed)
    }

    /// Marks a claimed delivery delivered. `Stale` if the lease was lost.
    pub async fn complete_delivery(&mut self, claimed: &Delivery) -> Result<(), StoreError> {
        self.end_delivery(claimed, DeliveryState::Delivered).await
    }

    /// Gives a claimed delivery up. `Stale` if the lease was lost.
    pub async fn bury_delivery(&mut self, claimed: &Delivery) -> Result<(), StoreError> {
        self.end_delivery(claimed, DeliveryState::Dead).await
    }

    /// Puts a claimed delivery back until `next_at`. `Stale` if the lease was lost.
    pub async fn retry_delivery(&mut self, claimed: &Delivery, next_at: Time) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE deliveries SET next_at = $1, lease_until = NULL
              WHERE id = $2 AND attempts = $3 AND state = 'pending'",
        )
        .bind(next_at.0)
        .bind(&claimed.id)
        .bind(claimed.claims)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Notes an attempt; in the unit that ends or puts back the delivery.
    pub async fn add_attempt(&mut self, claimed: &Delivery, attempt: &Attempt) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO delivery_attempts (delivery_id, attempt, at, duration_ms, status, error, answer)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&claimed.id)
        .bind(attempt.number)
        .bind(attempt.at.0)
        .bind(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX))
        .bind(attempt.status.map(i64::from))
        .bind(storable(&attempt.error))
        .bind(storable(&attempt.answer))
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Makes everything that is still to be sent to an endpoint due now.
    pub(crate) async fn hasten_deliveries(&mut self, endpoint: &str) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query("UPDATE deliveries SET next_at = $1 WHERE endpoint_id = $2 AND state = 'pending' AND next_at > $1")
            .bind(now.0)
            .bind(endpoint)
            .execute(self.conn())
            .await?;
        self.hint(Topic::Events);
        Ok(())
    }

    async fn end_delivery(&mut self, claimed: &Delivery, state: DeliveryState) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE deliveries SET state = $1, finished_at = $2, lease_until = NULL
              WHERE id = $3 AND attempts = $4 AND state = 'pending'",
        )
        .bind(state.as_str())
        .bind(now.0)
        .bind(&claimed.id)
        .bind(claimed.claims)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }
}

/// `$1` now, `$2` end of the lease, `$3` endpoint, `$4` limit. The two texts differ in the row lock only: SQLite has
/// one writer, nobody else can hold a row.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                 SELECT d.id FROM deliveries AS d
                  WHERE d.endpoint_id = $3 AND d.state = 'pending' AND d.next_at <= $1
                    AND (d.lease_until IS NULL OR d.lease_until <= $1)
                    AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier
                                     WHERE earlier.endpoint_id = d.endpoint_id AND earlier.file_id = d.file_id
                                       AND earlier.state = 'pending'
                                       AND (earlier.event_txid, earlier.event_seq) < (d.event_txid, d.event_seq))
                  ORDER BY d.next_at, d.event_txid, d.event_seq LIMIT $4 ",
            $lock,
            ")
             UPDATE deliveries SET attempts = attempts + 1, lease_until = $2 WHERE id IN (SELECT id FROM due)
             RETURNING id, app, endpoint_id, event_txid, event_seq, event_id, event_type, file_id, state, attempts,
                       next_at, lease_until, created_at, finished_at"
        )
    };
}
const CLAIM_SQLITE: &str = claim_sql!("");
const CLAIM_POSTGRES: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

/// Without NUL, which PostgreSQL cannot store: the text comes from a stranger's server.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn decode(row: &AnyRow) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.text("id")?,
        app: row.app_id("app")?,
        endpoint: row.text("endpoint_id")?,
        event_txid: row.int("event_txid")?,
        event_seq: row.int("event_seq")?,
        event_id: row.text("event_id")?,
        event_kind: row.text("event_type")?,
        file: row.value::<Option<i64>>("file_id")?.map(FileId),
        state: row.word("state")?,
        claims: row.int("attempts")?,
        next_at: row.time("next_at")?,
        lease_until: row.optional_time("lease_until")?,
        created_at: row.time("created_at")?,
        finished_at: row.optional_time("finished_at")?,
    })
}

fn decode_attempt(row: &AnyRow) -> Result<Attempt, StoreError> {
    let status = row.value::<Option<i64>>("status")?;
    Ok(Attempt {
        number: row.int("attempt")?,
        at: row.time("at")?,
        duration_ms: row.size("duration_ms")?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        error: row.text("error")?,
        answer: row.text("answer")?,
    })
}
