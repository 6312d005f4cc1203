//! Old events go, with all that was kept about them (docs/adr/0015-event-retention.md).
//!
//! On PostgreSQL a week is a partition of each table and is dropped whole; what was recorded before there were partitions is
//! deleted in batches. On SQLite everything is deleted in batches, from the oldest on. In both cases the place of the
//! newest event that went is kept, so that a reader who is behind it is told instead of skipping.

use reelgate_model::{AppId, Time};
use sqlx::AssertSqlSafe;

use crate::events::FLOOR;
use crate::row::{Columns, each};
use crate::{Cursor, Engine, Read, StoreError, Tx};

/// Length of a partition, in milliseconds.
const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;
/// Weeks for which there is a partition ahead of time.
const AHEAD: i64 = 2;
/// Tables that go by the time of the event, and the column that has it.
const TABLES: [(&str, &str); 4] = [
    ("events", "recorded_at"),
    ("deliveries", "event_at"),
    ("delivery_attempts", "event_at"),
    ("pull_events", "event_at"),
];
/// Events deleted in one unit where there are no partitions.
const BATCH: i64 = 2_000;

/// What one step of retention took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Whether there may be more to take.
    pub more: bool,
    /// Endpoints that had not got all of it.
    pub unsent: Vec<Unsent>,
}

/// Events that went before an endpoint had them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// The endpoint.
    pub endpoint: String,
    /// Its application.
    pub app: AppId,
    /// Events of the application that it had not been handed, whatever their type, and deliveries that were still to be made.
    pub events: i64,
}

impl Tx {
    /// Makes the partitions of this week and the next ones; nothing on SQLite. A week of which there are rows already stays
    /// with the rows from before there were partitions.
    pub async fn prepare_event_weeks(&mut self) -> Result<(), StoreError> {
        if self.engine() == Engine::Sqlite {
            return Ok(());
        }
        let this = self.now().0.div_euclid(WEEK_MS);
        let known = self.weeks_of("events").await?;
        for week in (this..=this + AHEAD).filter(|week| !known.contains(week)) {
            self.prepare_week(week).await?;
        }
        Ok(())
    }

    /// Makes the partitions of one week, of all tables or of none: what is in one goes when the others go.
    async fn prepare_week(&mut self, week: i64) -> Result<(), StoreError> {
        let (from, to) = (week * WEEK_MS, (week + 1) * WEEK_MS);
        for (table, column) in TABLES {
            // Numbers and our own names only.
            let taken = format!(
                "SELECT COUNT(*) AS rows FROM (SELECT 1 AS one FROM {table}_default
                  WHERE {column} >= {from} AND {column} < {to} LIMIT 1) AS found"
            );
            if sqlx::query(AssertSqlSafe(taken)).fetch_one(self.conn()).await?.int("rows")? > 0 {
                return Ok(());
            }
        }
        for (table, _) in TABLES {
            let make = format!(
                "SET LOCAL lock_timeout = '2s';
                 CREATE TABLE IF NOT EXISTS {table}_w{week} PARTITION OF {table} FOR VALUES FROM ({from}) TO ({to})
                   {}",
                if table == "events" || table == "delivery_attempts" { "" } else { "WITH (fillfactor = 80)" }
            );
            sqlx::raw_sql(AssertSqlSafe(make)).execute(self.conn()).await?;
        }
        Ok(())
    }

    /// Lets events that were recorded before `before` go: a week or a batch.
    pub async fn drop_events(&mut self, before: Time) -> Result<Dropped, StoreError> {
        if self.engine() == Engine::Postgres {
            let last = before.0.div_euclid(WEEK_MS);
            if let Some(week) = self.weeks_of("events").await?.into_iter().filter(|week| *week < last).min() {
                return Ok(Dropped { more: true, unsent: self.drop_week(week).await? });
            }
        }
        self.drop_batch(before).await
    }

    async fn drop_week(&mut self, week: i64) -> Result<Vec<Unsent>, StoreError> {
        sqlx::raw_sql("SET LOCAL lock_timeout = '2s'").execute(self.conn()).await?;
        let newest = format!("SELECT txid, seq FROM events_w{week} ORDER BY txid DESC, seq DESC LIMIT 1");
        let mut unsent = Vec::new();
        if let Some(row) = sqlx::query(AssertSqlSafe(newest)).fetch_optional(self.conn()).await? {
            unsent = self.unsent(&format!("_w{week}"), (i64::MAX, i64::MAX)).await?;
            self.raise_floor(row.int("txid")?, row.int("seq")?).await?;
        }
        for (table, _) in TABLES {
            let drop = format!("DROP TABLE IF EXISTS {table}_w{week}");
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(self.conn()).await?;
        }
        Ok(unsent)
    }

    async fn drop_batch(&mut self, before: Time) -> Result<Dropped, StoreError> {
        let sql = match self.engine() {
            Engine::Sqlite => "SELECT txid, seq, recorded_at FROM events ORDER BY seq LIMIT $1",
            Engine::Postgres => {
                "SELECT txid, seq, recorded_at FROM events_default ORDER BY recorded_at, seq LIMIT $1"
            }
        };
        let oldest = sqlx::query(sql).bind(BATCH).fetch_all(self.conn()).await?;
        let places = each(&oldest, |row| Ok((row.time("recorded_at")?, row.int("txid")?, row.int("seq")?)))?;
        let gone: Vec<_> = places.into_iter().take_while(|(at, ..)| *at < before).collect();
        let last_at = gone.iter().map(|(at, ..)| *at).max();
        let last_seq = gone.iter().map(|(.., seq)| *seq).max();
        let place = gone.iter().map(|(_, txid, seq)| (*txid, *seq)).max();
        let (Some(last_at), Some(last_seq), Some(place)) = (last_at, last_seq, place) else {
            return Ok(Dropped::default());
        };
        let part = if self.engine() == Engine::Sqlite { "" } else { "_default" };
        let unsent = self.unsent(part, (last_seq, last_at.0)).await?;
        self.raise_floor(place.0, place.1).await?;
        for sql in match self.engine() {
            Engine::Sqlite => DELETE_SQLITE,
            Engine::Postgres => DELETE_POSTGRES,
        } {
            sqlx::query(sql).bind(last_seq).bind(last_at.0).execute(self.conn()).await?;
        }
        Ok(Dropped { more: i64::try_from(gone.len()).is_ok_and(|count| count == BATCH), unsent })
    }

    /// Who will miss what goes of one part of the tables, up to a number and a time.
    async fn unsent(&mut self, part: &str, (seq, at): (i64, i64)) -> Result<Vec<Unsent>, StoreError> {
        // With the endpoint first, SQLite finds the deliveries by their key.
        let sql = format!(
            "SELECT endpoint_id, app, CAST(SUM(events) AS BIGINT) AS events FROM (
                 SELECT p.id AS endpoint_id, p.app, COUNT(*) AS events
                   FROM endpoints AS p JOIN events{part} AS e
                        ON e.app = p.app AND (e.txid, e.seq) > (p.cursor_txid, p.cursor_seq)
                  WHERE p.enabled = 1 AND p.removed_at IS NULL AND e.endpoint_id IN ('', p.id)
                    AND e.seq <= $1 AND e.recorded_at <= $2
                  GROUP BY p.id, p.app
                  UNION ALL
                 SELECT endpoint_id, app, COUNT(*) FROM deliveries{part}
                  WHERE endpoint_id IN (SELECT id FROM endpoints) AND event_seq <= $1 AND event_at <= $2 AND state = 'pending'
                  GROUP BY endpoint_id, app) AS missed
              GROUP BY endpoint_id, app ORDER BY endpoint_id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(seq).bind(at).fetch_all(self.conn()).await?;
        each(&rows, |row| {
            Ok(Unsent {
                endpoint: row.text("endpoint_id")?,
                app: row.app_id("app")?,
                events: row.int("events")?,
            })
        })
    }

    /// Remembers that everything up to this place may be gone.
    async fn raise_floor(&mut self, txid: i64, seq: i64) -> Result<(), StoreError> {
        let now = self.log_start().await?;
        let floor = Cursor { txid, seq, ..now.clone() };
        if !floor.is_after(&now) {
            return Ok(());
        }
        self.set_meta(FLOOR, &format!("{txid}.{seq}")).await
    }
}

impl Read {
    /// The weeks for which a table has a partition.
    async fn weeks_of(&mut self, table: &'static str) -> Result<Vec<i64>, StoreError> {
        let rows = sqlx::query(
            "SELECT CAST(part.relname AS TEXT) AS name
               FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid
              WHERE inhparent = CAST($1 AS regclass)",
        )
        .bind(table)
        .fetch_all(self.conn())
        .await?;
        let names = each(&rows, |row| row.text("name"))?;
        Ok(names
            .iter()
            .filter_map(|name| name.strip_prefix(table)?.strip_prefix("_w")?.parse().ok())
            .collect())
    }
}

/// `$1` the largest number of what goes, `$2` when the last of it was recorded. Numbers follow time there: one writer.
const DELETE_SQLITE: [&str; 4] = [
    "DELETE FROM delivery_attempts WHERE endpoint_id IN (SELECT id FROM endpoints) AND event_seq <= $1 AND event_at <= $2",
    "DELETE FROM deliveries WHERE endpoint_id IN (SELECT id FROM endpoints) AND event_seq <= $1 AND event_at <= $2",
    "DELETE FROM pull_events WHERE event_seq <= $1 AND event_at <= $2",
    "DELETE FROM events WHERE seq <= $1 AND recorded_at <= $2",
];
/// The same for what lies outside of the weeks' partitions.
const DELETE_POSTGRES: [&str; 4] = [
    "DELETE FROM delivery_attempts_default WHERE event_seq <= $1 AND event_at <= $2",
    "DELETE FROM deliveries_default WHERE event_seq <= $1 AND event_at <= $2",
    "DELETE FROM pull_events_default WHERE event_seq <= $1 AND event_at <= $2",
    "DELETE FROM events_default WHERE seq <= $1 AND recorded_at <= $2",
];
