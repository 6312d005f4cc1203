//! The vendor's reliable callback (wire reference 5.2): a queue that consumers pull from and confirm.
//!
//! The queue is filled from the log when somebody pulls, so an application that nobody pulls for accumulates nothing. A pulled
//! event is invisible for a while; `pulls` grows with every pull and is the guard of its handle. As with endpoints, the next
//! event about a file waits until the one before it is confirmed.

use std::time::Duration;

use reelgate_model::{FileId, Scope, Time};

use crate::row::{Columns, each, ensure_changed};
use crate::{Engine, Event, Read, StoreError, Tx, events};

/// Most events of one pull, and most handles of one confirmation [the vendor's number].
pub const MOST_PULLED: usize = 16;
/// Pages of the log that are queued in one pull: the first ones may hold nothing for this reader.
const PAGES: usize = 16;

/// What is confirmed: one pull of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullHandle {
    /// The event's number.
    pub seq: i64,
    /// When the event was recorded.
    pub at: Time,
    /// Which pull of it this is, from 1.
    pub pulls: i64,
}

/// An application's event configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventConfig {
    /// `PUSH` or `PULL`.
    pub mode: String,
}

/// What happened to an event in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullState {
    /// The event's number.
    pub seq: i64,
    /// How often it was pulled.
    pub pulls: i64,
    /// The last time.
    pub pulled_at: Option<Time>,
    /// When it was confirmed.
    pub confirmed_at: Option<Time>,
}

impl Read {
    /// The event configuration of an application; `None` while nobody has asked for it.
    pub async fn event_config(&mut self, scope: &Scope) -> Result<Option<EventConfig>, StoreError> {
        let row = sqlx::query("SELECT mode FROM event_configs WHERE app = $1")
            .bind(scope.app().0)
            .fetch_optional(self.conn())
            .await?;
        row.map(|row| Ok(EventConfig { mode: row.text("mode")? })).transpose()
    }

    /// What happened in the queue to the events about one file.
    pub async fn file_pulls(
        &mut self,
        scope: &Scope,
        file: FileId,
        limit: u32,
    ) -> Result<Vec<PullState>, StoreError> {
        let rows = sqlx::query(
            "SELECT q.event_seq, q.pulls, q.pulled_at, q.confirmed_at
               FROM events AS e JOIN pull_events AS q
                    ON q.app = e.app AND q.event_seq = e.seq AND q.event_at = e.recorded_at
              WHERE e.app = $1 AND e.file_id = $2 ORDER BY q.event_seq LIMIT $3",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| {
            Ok(PullState {
                seq: row.int("event_seq")?,
                pulls: row.int("pulls")?,
                pulled_at: row.optional_time("pulled_at")?,
                confirmed_at: row.optional_time("confirmed_at")?,
            })
        })
    }
}

impl Tx {
    /// Makes the application's event configuration if it has none. Its queue begins with what was recorded from `since` on.
    pub async fn ensure_event_config(&mut self, scope: &Scope, since: Time) -> Result<(), StoreError> {
        if self.event_config(scope).await?.is_some() {
            return Ok(());
        }
        let start = self.log_start().await?;
        sqlx::query(
            "INSERT INTO event_configs (app, cursor_txid, cursor_seq, queue_from) VALUES ($1, $2, $3, $4)
             ON CONFLICT (app) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(start.txid)
        .bind(start.seq)
        .bind(since.0)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Chooses between `PUSH` and `PULL`. `Stale` without a configuration.
    pub async fn set_event_mode(&mut self, scope: &Scope, mode: &str) -> Result<(), StoreError> {
        let result = sqlx::query("UPDATE event_configs SET mode = $1 WHERE app = $2")
            .bind(mode)
            .bind(scope.app().0)
            .execute(self.conn())
            .await?;
        ensure_changed(&result)
    }

    /// Pulls up to `limit` (at most [`MOST_PULLED`]) events, which nobody else gets before `visibility` is over. Any number of
    /// consumers may do this at once. Nothing without a configuration.
    pub async fn pull_events(
        &mut self,
        scope: &Scope,
        limit: usize,
        visibility: Duration,
    ) -> Result<Vec<(PullHandle, Event)>, StoreError> {
        let limit = limit.min(MOST_PULLED);
        let mut handles = self.claim_pulls(scope, visibility, limit).await?;
        for _ in 0..PAGES {
            if handles.len() == limit {
                break;
            }
            let alone = handles.is_empty();
            let queued = self.queue_pulls(scope, alone).await?;
            // Who waited for another consumer looks once more: what that one queued is there by now.
            if queued || alone {
                let rest = limit - handles.len();
                handles.extend(self.claim_pulls(scope, visibility, rest).await?);
            }
            if !queued {
                break;
            }
        }
        if handles.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.events_at(scope, &handles).await?;
        let mut pulled: Vec<(PullHandle, Event)> = found
            .into_iter()
            .filter_map(|event| {
                let handle = handles.iter().find(|handle| handle.seq == event.seq)?;
                Some((*handle, event))
            })
            .collect();
        pulled.sort_by_key(|(_, event)| (event.txid, event.seq));
        Ok(pulled)
    }

    /// Confirms what was pulled. `Stale`, and then nothing is confirmed once the unit is undone, if a handle is too old or was
    /// never given out, or there are more than [`MOST_PULLED`]; confirming the same again is no error.
    pub async fn confirm_events(&mut self, scope: &Scope, handles: &[PullHandle]) -> Result<(), StoreError> {
        let now = self.now();
        let mut distinct: Vec<&PullHandle> = Vec::new();
        for handle in handles {
            if !distinct.contains(&handle) {
                distinct.push(handle);
            }
        }
        if distinct.len() > MOST_PULLED {
            return Err(StoreError::Stale);
        }
        let mut query = sqlx::query(CONFIRM).bind(scope.app().0).bind(now.0);
        for n in 0..MOST_PULLED {
            let handle = distinct.get(n);
            query = query
                .bind(handle.map_or(-1, |handle| handle.seq))
                .bind(handle.map_or(-1, |handle| handle.at.0))
                .bind(handle.map_or(-1, |handle| handle.pulls));
        }
        let confirmed = query.execute(self.conn()).await?.rows_affected();
        let all = u64::try_from(distinct.len()).unwrap_or(u64::MAX);
        if confirmed == all { Ok(()) } else { Err(StoreError::Stale) }
    }

    async fn claim_pulls(
        &mut self,
        scope: &Scope,
        visibility: Duration,
        limit: usize,
    ) -> Result<Vec<PullHandle>, StoreError> {
        let now = self.now();
        let sql = match self.engine() {
            Engine::Sqlite => CLAIM_SQLITE,
            Engine::Postgres => CLAIM_POSTGRES,
        };
        let rows = sqlx::query(sql)
            .bind(now.0)
            .bind((now + visibility).0)
            .bind(scope.app().0)
            .bind(i64::try_from(limit).unwrap_or(0))
            .fetch_all(self.conn())
            .await?;
        each(&rows, |row| {
            Ok(PullHandle { seq: row.int("event_seq")?, at: row.time("event_at")?, pulls: row.int("pulls")? })
        })
    }

    /// One page of the log into the queue: the vendor's types only. Returns whether there was any. While another consumer does it,
    /// one that has got something already does not `wait`.
    async fn queue_pulls(&mut self, scope: &Scope, wait: bool) -> Result<bool, StoreError> {
        let sql = match (self.engine(), wait) {
            (Engine::Sqlite, _) => {
                "SELECT cursor_txid, cursor_seq, queue_from FROM event_configs WHERE app = $1"
            }
            (Engine::Postgres, true) => {
                "SELECT cursor_txid, cursor_seq, queue_from FROM event_configs WHERE app = $1 FOR NO KEY UPDATE"
            }
            (Engine::Postgres, false) => {
                "SELECT cursor_txid, cursor_seq, queue_from FROM event_configs WHERE app = $1
                    FOR NO KEY UPDATE SKIP LOCKED"
            }
        };
        let row = sqlx::query(sql).bind(scope.app().0).fetch_optional(self.conn()).await?;
        let Some(row) = row else { return Ok(false) };
        let from = (row.int("cursor_txid")?, row.int("cursor_seq")?);
        let Some((to, _)) = self.log_page(scope.app(), from, None).await? else { return Ok(false) };
        sqlx::query("UPDATE event_configs SET cursor_txid = $1, cursor_seq = $2 WHERE app = $3")
            .bind(to.0)
            .bind(to.1)
            .bind(scope.app().0)
            .execute(self.conn())
            .await?;
        sqlx::query(
            "INSERT INTO pull_events (app, event_seq, event_at, event_txid, file_id, visible_at)
             SELECT app, seq, recorded_at, txid, file_id, 0 FROM events
              WHERE app = $1 AND (txid, seq) > ($2, $3) AND (txid, seq) <= ($4, $5)
                AND recorded_at >= $6 AND endpoint_id = '' AND type NOT LIKE 'reelgate.%'
             ON CONFLICT (app, event_seq, event_at) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(from.0)
        .bind(from.1)
        .bind(to.0)
        .bind(to.1)
        .bind(row.int("queue_from")?)
        .execute(self.conn())
        .await?;
        Ok(true)
    }

    async fn events_at(&mut self, scope: &Scope, places: &[PullHandle]) -> Result<Vec<Event>, StoreError> {
        let mut query = sqlx::query(EVENTS_AT).bind(scope.app().0);
        for n in 0..MOST_PULLED {
            let place = places.get(n);
            query =
                query.bind(place.map_or(-1, |place| place.at.0)).bind(place.map_or(-1, |place| place.seq));
        }
        let rows = query.fetch_all(self.conn()).await?;
        each(&rows, events::decode)
    }
}

/// `$1` now, `$2` when the events become visible again, `$3` application, `$4` limit. The two texts differ in the row lock only. With the
/// plus, and the order of the index, no figures of a table that grew a moment ago lead anywhere but to the index of the file.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                 SELECT q.event_seq, q.event_at FROM pull_events AS q
                  WHERE q.app = $3 AND q.confirmed_at IS NULL AND q.visible_at <= $1
                    AND (q.file_id IS NULL OR q.event_seq = (
                         SELECT first.event_seq FROM pull_events AS first
                          WHERE +first.app = $3 AND first.file_id = q.file_id AND first.confirmed_at IS NULL
                          ORDER BY first.file_id, first.event_txid, first.event_seq LIMIT 1))
                  ORDER BY q.event_txid, q.event_seq LIMIT $4 ",
            $lock,
            ")
             UPDATE pull_events SET visible_at = $2, pulls = pulls + 1, pulled_at = $1
              WHERE app = $3 AND (event_seq, event_at) IN (SELECT event_seq, event_at FROM due)
             RETURNING event_seq, event_at, pulls"
        )
    };
}
const CLAIM_SQLITE: &str = claim_sql!("");
const CLAIM_POSTGRES: &str = claim_sql!("FOR UPDATE SKIP LOCKED");

/// `$1` application, `$2` now, then seq, at and pulls of [`MOST_PULLED`] handles: as many looks at the primary key. The plus
/// keeps PostgreSQL from looking at everything of the application instead.
const CONFIRM: &str = "UPDATE pull_events SET confirmed_at = COALESCE(confirmed_at, $2)
     WHERE +app = $1 AND (confirmed_at IS NOT NULL OR visible_at > $2)
       AND ((event_seq = $3 AND event_at = $4 AND pulls = $5)
         OR (event_seq = $6 AND event_at = $7 AND pulls = $8)
         OR (event_seq = $9 AND event_at = $10 AND pulls = $11)
         OR (event_seq = $12 AND event_at = $13 AND pulls = $14)
         OR (event_seq = $15 AND event_at = $16 AND pulls = $17)
         OR (event_seq = $18 AND event_at = $19 AND pulls = $20)
         OR (event_seq = $21 AND event_at = $22 AND pulls = $23)
         OR (event_seq = $24 AND event_at = $25 AND pulls = $26)
         OR (event_seq = $27 AND event_at = $28 AND pulls = $29)
         OR (event_seq = $30 AND event_at = $31 AND pulls = $32)
         OR (event_seq = $33 AND event_at = $34 AND pulls = $35)
         OR (event_seq = $36 AND event_at = $37 AND pulls = $38)
         OR (event_seq = $39 AND event_at = $40 AND pulls = $41)
         OR (event_seq = $42 AND event_at = $43 AND pulls = $44)
         OR (event_seq = $45 AND event_at = $46 AND pulls = $47)
         OR (event_seq = $48 AND event_at = $49 AND pulls = $50))";

/// `$1` application, then at and seq of [`MOST_PULLED`] places. With the plus SQLite does not take the application's index, which would lead
/// to all of its events.
const EVENTS_AT: &str = "SELECT txid, seq, id, test, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
     WHERE +app = $1
       AND ((recorded_at = $2 AND seq = $3) OR (recorded_at = $4 AND seq = $5) OR (recorded_at = $6 AND seq = $7)
         OR (recorded_at = $8 AND seq = $9) OR (recorded_at = $10 AND seq = $11) OR (recorded_at = $12 AND seq = $13)
         OR (recorded_at = $14 AND seq = $15) OR (recorded_at = $16 AND seq = $17) OR (recorded_at = $18 AND seq = $19)
         OR (recorded_at = $20 AND seq = $21) OR (recorded_at = $22 AND seq = $23) OR (recorded_at = $24 AND seq = $25)
         OR (recorded_at = $26 AND seq = $27) OR (recorded_at = $28 AND seq = $29) OR (recorded_at = $30 AND seq = $31)
         OR (recorded_at = $32 AND seq = $33))";
