//! What the signature service granted or refused, to whom and from where. Written in batches, off the hot path.

use std::fmt::Write;
use std::sync::LazyLock;

use reelgate_model::{AppId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each};
use crate::{Engine, Read, StoreError, Tx};

/// One answer of the signature service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureEntry {
    /// Its application.
    pub app: AppId,
    /// When.
    pub at: Time,
    /// Random: tells entries of one millisecond apart.
    pub id: i64,
    /// The application's own user; empty when unknown.
    pub user: String,
    /// Who asked.
    pub caller: String,
    /// `granted`, or the code of the refusal.
    pub code: String,
    /// JSON: what was granted, or the sentence of the refusal.
    pub detail: String,
    /// The address it came from.
    pub remote: String,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct SignatureQuery<'a> {
    /// Of this user only.
    pub user: Option<&'a str>,
    /// Not before.
    pub since: Option<Time>,
    /// Before.
    pub until: Option<Time>,
    /// The last entry of the page before.
    pub before: Option<(Time, i64)>,
}

/// Rows of one statement: enough to be cheap, few enough for any engine's limit of parameters.
const ROWS: usize = 64;
const COLUMNS: usize = 8;

static MANY: LazyLock<String> = LazyLock::new(|| insert(ROWS));
static ONE: LazyLock<String> = LazyLock::new(|| insert(1));

fn insert(rows: usize) -> String {
    let mut sql =
        "INSERT INTO signature_log (app, at, id, user_name, caller, code, detail, remote) VALUES ".to_owned();
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=COLUMNS {
            let comma = if column == 1 { "" } else { ", " };
            let _ = write!(sql, "{comma}${}", row * COLUMNS + column);
        }
        sql.push(')');
    }
    sql.push_str(" ON CONFLICT DO NOTHING");
    sql
}

impl Read {
    /// Up to `limit` entries of the application, newest first.
    pub async fn signature_log(
        &mut self,
        scope: &Scope,
        query: &SignatureQuery<'_>,
        limit: u32,
    ) -> Result<Vec<SignatureEntry>, StoreError> {
        let (at, id) = query.before.unwrap_or((Time(i64::MAX), i64::MAX));
        // Two texts, so that each finds its index.
        let sql = if query.user.is_some() {
            "SELECT app, at, id, user_name, caller, code, detail, remote FROM signature_log
              WHERE app = $1 AND (at, id) < ($2, $3) AND at >= $4 AND at < $5 AND user_name = $6
              ORDER BY at DESC, id DESC LIMIT $7"
        } else {
            "SELECT app, at, id, user_name, caller, code, detail, remote FROM signature_log
              WHERE app = $1 AND (at, id) < ($2, $3) AND at >= $4 AND at < $5 AND $6 = ''
              ORDER BY at DESC, id DESC LIMIT $7"
        };
        let rows = sqlx::query(sql)
            .bind(scope.app().0)
            .bind(at.0)
            .bind(id)
            .bind(query.since.map_or(i64::MIN, |time| time.0))
            .bind(query.until.map_or(i64::MAX, |time| time.0))
            .bind(query.user.unwrap_or(""))
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Writes a batch. An entry that is there already stays as it is.
    pub async fn log_signatures(&mut self, entries: &[SignatureEntry]) -> Result<(), StoreError> {
        let (many, rest) = entries.as_chunks::<ROWS>();
        for chunk in many {
            self.insert_signatures(&MANY, chunk).await?;
        }
        for entry in rest {
            self.insert_signatures(&ONE, std::slice::from_ref(entry)).await?;
        }
        Ok(())
    }

    async fn insert_signatures(
        &mut self,
        sql: &'static str,
        entries: &[SignatureEntry],
    ) -> Result<(), StoreError> {
        let mut query = sqlx::query(sql);
        for entry in entries {
            query = query
                .bind(entry.app.0)
                .bind(entry.at.0)
                .bind(entry.id)
                .bind(entry.user.as_str())
                .bind(entry.caller.as_str())
                .bind(entry.code.as_str())
                .bind(entry.detail.as_str())
                .bind(entry.remote.as_str());
        }
        query.execute(self.conn()).await?;
        Ok(())
    }

    /// Forgets entries older than `before`, up to `limit` rows on SQLite. On PostgreSQL whole weeks are dropped, and the weeks
    /// around `now` are made.
    pub async fn rotate_signature_log(
        &mut self,
        now: Time,
        before: Time,
        limit: u32,
    ) -> Result<u64, StoreError> {
        match self.engine() {
            Engine::Sqlite => {
                let result = sqlx::query(
                    "DELETE FROM signature_log WHERE (app, at, id) IN
                        (SELECT app, at, id FROM signature_log WHERE at < $1 LIMIT $2)",
                )
                .bind(before.0)
                .bind(i64::from(limit))
                .execute(self.conn())
                .await?;
                Ok(result.rows_affected())
            }
            Engine::Postgres => {
                let week = week_of(now);
                for week in week..=week + 2 {
                    self.make_week(week).await?;
                }
                self.drop_weeks(before).await
            }
        }
    }

    /// A week that cannot be made (its rows lie in the default partition already) stays there: slower to drop, not lost.
    async fn make_week(&mut self, week: i64) -> Result<(), StoreError> {
        let (from, to) = (week * WEEK_MS, (week + 1) * WEEK_MS);
        let row = sqlx::query(
            "SELECT CAST(CASE WHEN to_regclass($1) IS NULL AND NOT EXISTS (
                SELECT 1 FROM signature_log_default WHERE at >= $2 AND at < $3) THEN 1 ELSE 0 END AS BIGINT) AS wanted",
        )
        .bind(partition(week))
        .bind(from)
        .bind(to)
        .fetch_one(self.conn())
        .await?;
        if row.flag("wanted")? {
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS {} PARTITION OF signature_log FOR VALUES FROM ({from}) TO ({to})",
                partition(week)
            );
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(self.conn()).await?;
        }
        Ok(())
    }

    async fn drop_weeks(&mut self, before: Time) -> Result<u64, StoreError> {
        let rows = sqlx::query(
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables
              WHERE schemaname = current_schema() AND tablename LIKE 'signature\\_log\\_w%'",
        )
        .fetch_all(self.conn())
        .await?;
        let mut dropped = 0;
        for name in each(&rows, |row| row.text("name"))? {
            let week = name.strip_prefix(PARTITION).and_then(|week| week.parse::<i64>().ok());
            if let Some(week) = week.filter(|week| (week + 1) * WEEK_MS <= before.0) {
                let sql = format!("DROP TABLE IF EXISTS {}", partition(week));
                sqlx::query(sqlx::AssertSqlSafe(sql)).execute(self.conn()).await?;
                dropped += 1;
            }
        }
        let result = sqlx::query("DELETE FROM signature_log_default WHERE at < $1")
            .bind(before.0)
            .execute(self.conn())
            .await?;
        Ok(dropped + result.rows_affected())
    }
}

const PARTITION: &str = "signature_log_w";
const WEEK_MS: i64 = 7 * 86_400_000;

/// Weeks since the epoch.
fn week_of(time: Time) -> i64 {
    time.0.div_euclid(WEEK_MS)
}

fn partition(week: i64) -> String {
    format!("{PARTITION}{week}")
}

fn decode(row: &AnyRow) -> Result<SignatureEntry, StoreError> {
    Ok(SignatureEntry {
        app: row.app_id("app")?,
        at: row.time("at")?,
        id: row.int("id")?,
        user: row.text("user_name")?,
        caller: row.text("caller")?,
        code: row.text("code")?,
        detail: row.text("detail")?,
        remote: row.text("remote")?,
    })
}
