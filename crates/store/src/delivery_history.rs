//! Looking at deliveries: lists, one with its attempts, and what happened to one file's events.

use reelgate_model::{DeliveryState, FileId, Scope};
use sqlx::any::AnyRow;

use crate::deliveries::decode;
use crate::row::{Columns, each};
use crate::{Attempt, Delivery, Read, StoreError};

/// Deliveries, each with its attempts.
pub type DeliveryHistory = Vec<(Delivery, Vec<Attempt>)>;

/// Which deliveries are wanted; empty fields want all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// To this endpoint.
    pub endpoint: String,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this event type.
    pub kind: String,
    /// About this file.
    pub file: Option<FileId>,
    /// Before this place of the list: the event's number and the endpoint of the last one seen.
    pub before: Option<(i64, String)>,
}

/// How an endpoint stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// To be sent, at most [`MOST_COUNTED`].
    pub pending: u64,
    /// Given up, at most [`MOST_COUNTED`].
    pub dead: u64,
}

/// Counting ends here: a page that shows endpoints must not read a million rows.
pub const MOST_COUNTED: i64 = 10_000;

/// All columns of a delivery, for every statement that reads one.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT d.endpoint_id, d.app, d.event_seq, d.event_at, d.event_txid, d.event_id, d.event_type, d.file_id,
                    d.state, d.reason, d.claims, d.tries, d.next_at, d.created_at, d.finished_at ",
            $rest
        )
    };
}

impl Read {
    /// Up to `limit` deliveries of one application, the newest events first.
    pub async fn deliveries(
        &mut self,
        scope: &Scope,
        query: &DeliveryQuery,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (before_seq, before_endpoint) =
            query.before.as_ref().map_or((i64::MAX, ""), |(seq, endpoint)| (*seq, endpoint.as_str()));
        let rows = sqlx::query(select!(
            "FROM deliveries AS d
              WHERE d.app = $1 AND (d.event_seq, d.endpoint_id) < ($2, $3)
                AND ($4 = '' OR d.endpoint_id = $4) AND ($5 = '' OR d.state = $5)
                AND ($6 = '' OR d.event_type = $6) AND ($7 = 0 OR d.file_id = $7)
              ORDER BY d.event_seq DESC, d.endpoint_id DESC LIMIT $8"
        ))
        .bind(scope.app().0)
        .bind(before_seq)
        .bind(before_endpoint)
        .bind(&query.endpoint)
        .bind(query.state.map_or("", DeliveryState::as_str))
        .bind(&query.kind)
        .bind(query.file.map_or(0, |file| file.0))
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }

    /// One delivery of an application, by its endpoint and its event's number.
    pub async fn delivery(
        &mut self,
        scope: &Scope,
        endpoint: &str,
        event_seq: i64,
    ) -> Result<Option<Delivery>, StoreError> {
        let row = sqlx::query(select!(
            "FROM deliveries AS d WHERE d.app = $1 AND d.endpoint_id = $2 AND d.event_seq = $3"
        ))
        .bind(scope.app().0)
        .bind(endpoint)
        .bind(event_seq)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// How many deliveries of an endpoint are not at their end, or at a bad one.
    pub async fn delivery_counts(&mut self, endpoint: &str) -> Result<DeliveryCounts, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries
                                            WHERE endpoint_id = $1 AND state = 'pending' LIMIT $2) AS p) AS pending,
                    (SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries
                                            WHERE endpoint_id = $1 AND state = 'dead' LIMIT $2) AS q) AS dead",
        )
        .bind(endpoint)
        .bind(MOST_COUNTED)
        .fetch_one(self.conn())
        .await?;
        Ok(DeliveryCounts { pending: row.size("pending")?, dead: row.size("dead")? })
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
        let (seq, endpoint) = after.map_or((0, ""), |last| (last.place.seq, last.endpoint.as_str()));
        let rows = sqlx::query(select!(
            "FROM events AS e JOIN deliveries AS d
                  ON d.app = e.app AND d.event_seq = e.seq AND d.event_at = e.recorded_at
              WHERE e.app = $1 AND e.file_id = $2 AND (d.event_seq, d.endpoint_id) > ($3, $4)
              ORDER BY d.event_seq, d.endpoint_id LIMIT $5"
        ))
        .bind(scope.app().0)
        .bind(file.0)
        .bind(seq)
        .bind(endpoint)
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

    /// Every attempt at a delivery.
    pub async fn attempts_of(&mut self, delivery: &Delivery) -> Result<Vec<Attempt>, StoreError> {
        let rows = sqlx::query(
            "SELECT attempt, at, duration_ms, status, error, answer FROM delivery_attempts
              WHERE endpoint_id = $1 AND event_seq = $2 AND event_at = $3 ORDER BY attempt",
        )
        .bind(&delivery.endpoint)
        .bind(delivery.place.seq)
        .bind(delivery.place.at.0)
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode_attempt)
    }
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
