//! Deliveries: one event to one endpoint, claimed, tried, and ended.
//!
//! A delivery is claimed under a lease: while somebody sends it, `next_at` is when that lease ends. `claims` grows with every
//! claim and is the guard of whoever ends it: a sender that was declared dead and comes back finds `Stale` and must roll
//! back. `tries` counts the attempts that ended, for the retry rule: a sender that dies takes none of them away.

use std::time::Duration;

use reelgate_model::{AppId, DeliveryState, FileId, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed, storable};
use crate::{Endpoint, Engine, Place, StoreError, Topic, Tx};

/// One event to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub endpoint: String,
    /// Whose event it is.
    pub app: AppId,
    /// Where the event is found.
    pub place: Place,
    /// Order of the event in the log, before its `seq`.
    pub event_txid: i64,
    /// The event's stable id.
    pub event_id: String,
    /// The event's type.
    pub event_kind: String,
    /// The file that the event is about.
    pub file: Option<FileId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is dead; else empty.
    pub reason: String,
    /// How often it has been claimed.
    pub claims: i64,
    /// Attempts since it was handed over, or asked for again.
    pub tries: i64,
    /// Not to be sent before; or the end of its sender's lease.
    pub next_at: Time,
    /// When it was handed over by the log.
    pub created_at: Time,
    /// When it was delivered or given up.
    pub finished_at: Option<Time>,
}

impl Delivery {
    /// `{endpoint}.{seq}`: how people name it.
    pub fn id(&self) -> String {
        format!("{}.{}", self.endpoint, self.place.seq)
    }
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

impl Tx {
    /// Takes up to `limit` deliveries to one endpoint that are due, and those whose sender let its lease run out. When
    /// the endpoint keeps the order of files, the next event about a file waits until the one before it is delivered or
    /// given up.
    pub(crate) async fn claim_deliveries(
        &mut self,
        endpoint: &Endpoint,
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
            .bind(&endpoint.id)
            .bind(i64::from(endpoint.settings.ordering == "file"))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.conn())
            .await?;
        let mut claimed = each(&rows, decode)?;
        claimed.sort_by_key(|delivery| (delivery.event_txid, delivery.place.seq));
        Ok(claimed)
    }

    /// Marks a claimed delivery delivered. `Stale` if the lease was lost.
    pub async fn complete_delivery(&mut self, claimed: &Delivery) -> Result<(), StoreError> {
        self.end_delivery(claimed, DeliveryState::Delivered, "").await
    }

    /// Gives a claimed delivery up, as a dead letter that releases its file. `Stale` if the lease was lost.
    pub async fn bury_delivery(&mut self, claimed: &Delivery, reason: &str) -> Result<(), StoreError> {
        self.end_delivery(claimed, DeliveryState::Dead, reason).await
    }

    /// Puts a claimed delivery back until `next_at`, and, when its endpoint keeps the order of files, what waits for it in its
    /// file with it: nobody need look at those before. `Stale` if the lease was lost.
    pub async fn retry_delivery(
        &mut self,
        claimed: &Delivery,
        next_at: Time,
        ordered: bool,
    ) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE deliveries SET next_at = $1, tries = tries + 1
              WHERE endpoint_id = $2 AND event_seq = $3 AND event_at = $4 AND claims = $5 AND state = 'pending'",
        )
        .bind(next_at.0)
        .bind(&claimed.endpoint)
        .bind(claimed.place.seq)
        .bind(claimed.place.at.0)
        .bind(claimed.claims)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        if ordered { self.move_followers(claimed, next_at).await } else { Ok(()) }
    }

    /// Notes an attempt; in the unit that ends or puts back the delivery.
    pub async fn add_attempt(&mut self, claimed: &Delivery, attempt: &Attempt) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO delivery_attempts (endpoint_id, event_seq, event_at, attempt, at, duration_ms, status, error,
                                            answer)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&claimed.endpoint)
        .bind(claimed.place.seq)
        .bind(claimed.place.at.0)
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

    /// Makes everything that waits to be sent again to an endpoint due now. What is being sent again at this moment may be sent twice.
    pub(crate) async fn hasten_deliveries(&mut self, endpoint: &str) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query(
            "UPDATE deliveries SET next_at = $1
              WHERE endpoint_id = $2 AND state = 'pending' AND next_at > $1 AND tries > 0",
        )
        .bind(now.0)
        .bind(endpoint)
        .execute(self.conn())
        .await?;
        self.hint(Topic::Events);
        Ok(())
    }

    /// Gives up everything that is still to be sent to an endpoint. Returns how much that was.
    pub(crate) async fn give_up_deliveries(
        &mut self,
        endpoint: &str,
        reason: &str,
    ) -> Result<u64, StoreError> {
        let now = self.now();
        sqlx::query("UPDATE replays SET finished_at = $1 WHERE endpoint_id = $2 AND finished_at IS NULL")
            .bind(now.0)
            .bind(endpoint)
            .execute(self.conn())
            .await?;
        let result = sqlx::query(
            "UPDATE deliveries SET state = 'dead', reason = $1, finished_at = $2
              WHERE endpoint_id = $3 AND state = 'pending'",
        )
        .bind(reason)
        .bind(now.0)
        .bind(endpoint)
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected())
    }

    async fn end_delivery(
        &mut self,
        claimed: &Delivery,
        state: DeliveryState,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE deliveries SET state = $1, reason = $2, finished_at = $3, tries = tries + 1
              WHERE endpoint_id = $4 AND event_seq = $5 AND event_at = $6 AND claims = $7 AND state = 'pending'",
        )
        .bind(state.as_str())
        .bind(storable(reason))
        .bind(now.0)
        .bind(&claimed.endpoint)
        .bind(claimed.place.seq)
        .bind(claimed.place.at.0)
        .bind(claimed.claims)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        if claimed.tries > 0 {
            self.move_followers(claimed, now).await?;
        }
        Ok(())
    }

    /// Lets the events about the same file that wait behind a delivery wait until `until`.
    async fn move_followers(&mut self, ahead: &Delivery, until: Time) -> Result<(), StoreError> {
        let Some(file) = ahead.file else { return Ok(()) };
        sqlx::query(
            "UPDATE deliveries SET next_at = $1
              WHERE endpoint_id = $2 AND file_id = $3 AND state = 'pending' AND claims = 0
                AND (event_txid, event_seq) > ($4, $5)",
        )
        .bind(until.0)
        .bind(&ahead.endpoint)
        .bind(file.0)
        .bind(ahead.event_txid)
        .bind(ahead.place.seq)
        .execute(self.conn())
        .await?;
        Ok(())
    }
}

/// `$1` now, `$2` end of the lease, `$3` endpoint, `$4` whether files keep their order, `$5` limit. The two texts differ in
/// the row lock only: SQLite has one writer, nobody else can hold a row.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                 SELECT d.event_seq, d.event_at FROM deliveries AS d
                  WHERE d.endpoint_id = $3 AND d.state = 'pending' AND d.next_at <= $1
                    AND ($4 = 0 OR d.file_id IS NULL OR d.event_seq = (
                        SELECT first.event_seq FROM deliveries AS first
                         WHERE first.endpoint_id = $3 AND first.file_id = d.file_id AND first.state = 'pending'
                         ORDER BY first.event_txid, first.event_seq LIMIT 1))
                  ORDER BY d.next_at, d.event_txid, d.event_seq LIMIT $5 ",
            $lock,
            ")
             UPDATE deliveries SET claims = claims + 1, next_at = $2
              WHERE endpoint_id = $3 AND (event_seq, event_at) IN (SELECT event_seq, event_at FROM due)
             RETURNING endpoint_id, app, event_seq, event_at, event_txid, event_id, event_type, file_id, state, reason,
                       claims, tries, next_at, created_at, finished_at"
        )
    };
}
const CLAIM_SQLITE: &str = claim_sql!("");
const CLAIM_POSTGRES: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

pub(crate) fn decode(row: &AnyRow) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        endpoint: row.text("endpoint_id")?,
        app: row.app_id("app")?,
        place: Place { at: row.time("event_at")?, seq: row.int("event_seq")? },
        event_txid: row.int("event_txid")?,
        event_id: row.text("event_id")?,
        event_kind: row.text("event_type")?,
        file: row.value::<Option<i64>>("file_id")?.map(FileId),
        state: row.word("state")?,
        reason: row.text("reason")?,
        claims: row.int("claims")?,
        tries: row.int("tries")?,
        next_at: row.time("next_at")?,
        created_at: row.time("created_at")?,
        finished_at: row.optional_time("finished_at")?,
    })
}
