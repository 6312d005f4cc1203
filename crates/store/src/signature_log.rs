//! What the signature service granted or refused, to whom and from where. Written in batches, off the hot path.
//!
//! An index over users would cost more than everything else that a signature costs, because every entry would dirty a
//! page of its own. So a row is a segment of many entries that says which users are in it (by a hash); small segments
//! are packed into large ones later, and a question about a user reads only those that may hold an answer.

use reelgate_model::{AppId, Scope, Time};

use crate::row::{Columns, each};
use crate::signature_segment::{hash, holds, read_segment};
use crate::{Engine, Read, SignatureEntry, SignatureSegment, StoreError, Tx};

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

impl SignatureQuery<'_> {
    fn wants(&self, entry: &SignatureEntry) -> bool {
        self.user.is_none_or(|user| entry.user == user)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.before.is_none_or(|before| (entry.at, entry.id) < before)
    }

    /// The latest time that a wanted entry can have.
    fn latest(&self) -> Time {
        let until = self.until.map_or(Time(i64::MAX), |until| Time(until.0.saturating_sub(1)));
        self.before.map_or(until, |(at, _)| until.min(at))
    }
}

/// Entries of a segment that is not packed any more. The statements say it, too: an index holds what is below it, and a bound
/// value would not find that index.
const FULL: i64 = 2_048;
/// Entries that a segment gets by packing, at most.
const PACKED: i64 = 4_096;
/// Small segments that are worth packing: a segment that is not full yet is written again each time.
const WORTH: i64 = 64;
/// Segments looked at in one statement.
const STEP: i64 = 64;

/// What of a segment is read first.
struct Outline {
    id: i64,
    ends_at: Time,
    users: Vec<u8>,
}

impl Read {
    /// Up to `limit` entries of the application, newest first.
    pub async fn signature_log(
        &mut self,
        scope: &Scope,
        query: &SignatureQuery<'_>,
        limit: u32,
    ) -> Result<Vec<SignatureEntry>, StoreError> {
        let limit = limit as usize;
        let since = query.since.unwrap_or(Time(i64::MIN));
        let wanted = query.user.map(hash);
        let mut found: Vec<SignatureEntry> = Vec::new();
        let mut place = (Time(i64::MAX), i64::MAX);
        loop {
            let outlines = self.outlines(scope, place, since, query.latest()).await?;
            for outline in &outlines {
                // Nothing that is still unread is newer than this.
                if settled(&mut found, outline.ends_at) >= limit {
                    found.truncate(limit);
                    return Ok(found);
                }
                if wanted.is_none_or(|user| holds(&outline.users, user)) {
                    let entries = self.segment(scope, outline).await?;
                    found.extend(entries.into_iter().filter(|entry| query.wants(entry)));
                }
            }
            match outlines.last() {
                Some(last) => place = (last.ends_at, last.id),
                None => break,
            }
        }
        settled(&mut found, Time(i64::MIN));
        found.truncate(limit);
        Ok(found)
    }

    /// Segments before `place`, newest end first, that may hold entries between `since` and `latest`.
    async fn outlines(
        &mut self,
        scope: &Scope,
        place: (Time, i64),
        since: Time,
        latest: Time,
    ) -> Result<Vec<Outline>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, ends_at, users FROM signature_log
              WHERE app = $1 AND (ends_at, id) < ($2, $3) AND ends_at >= $4 AND begins_at <= $5
              ORDER BY ends_at DESC, id DESC LIMIT $6",
        )
        .bind(scope.app().0)
        .bind(place.0.0)
        .bind(place.1)
        .bind(since.0)
        .bind(latest.0)
        .bind(STEP)
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| {
            Ok(Outline { id: row.int("id")?, ends_at: row.time("ends_at")?, users: row.bytes("users")? })
        })
    }

    async fn segment(&mut self, scope: &Scope, of: &Outline) -> Result<Vec<SignatureEntry>, StoreError> {
        let row = sqlx::query("SELECT body FROM signature_log WHERE app = $1 AND ends_at = $2 AND id = $3")
            .bind(scope.app().0)
            .bind(of.ends_at.0)
            .bind(of.id)
            .fetch_optional(self.conn())
            .await?;
        // Packed or dropped since its outline was read: a reader of a moving log goes on.
        let Some(row) = row else { return Ok(Vec::new()) };
        read_segment(scope.app(), &row.text("body")?)
    }
}

impl Tx {
    /// Writes a segment. Written again, it changes nothing.
    pub async fn put_signatures(&mut self, segment: &SignatureSegment) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO signature_log (app, ends_at, id, begins_at, entries, users, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(segment.app().0)
        .bind(segment.ends_at().0)
        .bind(segment.id())
        .bind(segment.begins_at().0)
        .bind(segment.len())
        .bind(segment.users())
        .bind(segment.body()?)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Packs small segments that ended before `before` into a large one; returns how many it took, 0 when there are too
    /// few. `Stale` if somebody else packs the same ones.
    pub async fn pack_signature_log(&mut self, before: Time) -> Result<usize, StoreError> {
        let rows = sqlx::query(
            "SELECT app FROM signature_log WHERE entries < 2048 AND ends_at < $1
              GROUP BY app HAVING COUNT(*) >= $2 ORDER BY app LIMIT 1",
        )
        .bind(before.0)
        .bind(WORTH)
        .fetch_all(self.conn())
        .await?;
        let Some(app) = each(&rows, |row| row.app_id("app"))?.pop() else { return Ok(0) };
        let rows = sqlx::query(
            "SELECT id, ends_at, entries, body FROM signature_log
              WHERE app = $1 AND entries < 2048 AND ends_at < $2 ORDER BY ends_at, id LIMIT $3",
        )
        .bind(app.0)
        .bind(before.0)
        .bind(STEP * 4)
        .fetch_all(self.conn())
        .await?;
        let mut taken = Vec::new();
        let mut entries: Vec<SignatureEntry> = Vec::new();
        for row in &rows {
            let full =
                i64::try_from(entries.len()).unwrap_or(i64::MAX).saturating_add(row.int("entries")?) > PACKED;
            // A week's partition is dropped whole, so segments do not reach over its end.
            let ends_at = row.time("ends_at")?;
            let other_week = entries.first().is_some_and(|first| week_of(first.at) != week_of(ends_at));
            if full || other_week {
                break;
            }
            entries.extend(read_segment(app, &row.text("body")?)?);
            taken.push((ends_at, row.int("id")?));
        }
        if taken.len() < 2 {
            return self.settle_alone(app, &taken).await;
        }
        for (ends_at, id) in &taken {
            self.delete_segment(app, *ends_at, *id).await?;
        }
        self.put_signatures(&SignatureSegment::of(app, &entries)).await?;
        Ok(taken.len())
    }

    /// A small segment whose neighbours do not go with it counts as full from now on.
    async fn settle_alone(&mut self, app: AppId, taken: &[(Time, i64)]) -> Result<usize, StoreError> {
        for (ends_at, id) in taken {
            sqlx::query("UPDATE signature_log SET entries = $1 WHERE app = $2 AND ends_at = $3 AND id = $4")
                .bind(FULL)
                .bind(app.0)
                .bind(ends_at.0)
                .bind(id)
                .execute(self.conn())
                .await?;
        }
        Ok(taken.len())
    }

    /// `Stale` if somebody else has packed it meanwhile; then nothing of this unit stays.
    async fn delete_segment(&mut self, app: AppId, ends_at: Time, id: i64) -> Result<(), StoreError> {
        let result = sqlx::query("DELETE FROM signature_log WHERE app = $1 AND ends_at = $2 AND id = $3")
            .bind(app.0)
            .bind(ends_at.0)
            .bind(id)
            .execute(self.conn())
            .await?;
        crate::row::ensure_changed(&result)
    }

    /// Forgets segments that ended before `before`, up to `limit` of them on SQLite. On PostgreSQL whole weeks are dropped,
    /// and the weeks around `now` are made.
    pub async fn rotate_signature_log(
        &mut self,
        now: Time,
        before: Time,
        limit: u32,
    ) -> Result<u64, StoreError> {
        match self.engine() {
            Engine::Sqlite => {
                let result = sqlx::query(
                    "DELETE FROM signature_log WHERE (app, ends_at, id) IN
                        (SELECT app, ends_at, id FROM signature_log WHERE ends_at < $1 LIMIT $2)",
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
                SELECT 1 FROM signature_log_default WHERE ends_at >= $2 AND ends_at < $3) THEN 1 ELSE 0 END AS BIGINT)
                AS wanted",
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
        let result = sqlx::query("DELETE FROM signature_log_default WHERE ends_at < $1")
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

/// Sorts, newest first, and tells how many entries are newer than `horizon`: those are in their final place.
fn settled(entries: &mut [SignatureEntry], horizon: Time) -> usize {
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.id)));
    entries.partition_point(|entry| entry.at > horizon)
}
