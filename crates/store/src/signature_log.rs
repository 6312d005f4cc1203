//! What the signature service granted or refused, to whom and from where. Written in batches, off the hot path.
//!
//! An index over users would cost more than everything else that a signature costs, because every entry would dirty a
//! page of its own. So a row is a segment of many entries that says which users are in it (by a hash); small segments
//! are packed into large ones later, and a question about a user reads only those that may hold an answer.

use reelgate_model::{AppId, Scope, Time};
use serde_json::Value;

use crate::row::{Columns, corrupt, each};
use crate::{Engine, Read, StoreError, Tx};

/// One answer of the signature service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureEntry {
    /// Its application.
    pub app: AppId,
    /// When.
    pub at: Time,
    /// Random and not negative: tells entries of one millisecond apart.
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

/// Entries of a segment that is not packed any more.
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
        row.text("body")?.lines().map(|line| decode(scope.app(), line)).collect()
    }
}

impl Tx {
    /// Writes a batch. Written again, it changes nothing.
    pub async fn log_signatures(&mut self, entries: &[SignatureEntry]) -> Result<(), StoreError> {
        let mut apps: Vec<AppId> = entries.iter().map(|entry| entry.app).collect();
        apps.sort_unstable();
        apps.dedup();
        for app in apps {
            let mut own: Vec<&SignatureEntry> = entries.iter().filter(|entry| entry.app == app).collect();
            own.sort_by_key(|entry| (entry.at, entry.id));
            self.insert_segment(app, &own).await?;
        }
        Ok(())
    }

    async fn insert_segment(&mut self, app: AppId, entries: &[&SignatureEntry]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        let mut body = Vec::with_capacity(entries.len() * 320);
        for entry in entries {
            encode(entry, &mut body);
        }
        let body =
            String::from_utf8(body).map_err(|error| corrupt("signature_log.body", error.to_string()))?;
        let mut users: Vec<u32> = entries.iter().map(|entry| hash(&entry.user)).collect();
        users.sort_unstable();
        users.dedup();
        let users: Vec<u8> = users.iter().flat_map(|user| user.to_le_bytes()).collect();
        sqlx::query(
            "INSERT INTO signature_log (app, ends_at, id, begins_at, entries, users, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(app.0)
        .bind(last.at.0)
        .bind(last.id)
        .bind(first.at.0)
        .bind(i64::try_from(entries.len()).unwrap_or(i64::MAX))
        .bind(users)
        .bind(body)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Packs small segments that ended before `before` into a large one; returns how many it took, 0 when there are too
    /// few. `Stale` if somebody else packs the same ones.
    pub async fn pack_signature_log(&mut self, before: Time) -> Result<usize, StoreError> {
        let rows = sqlx::query(
            "SELECT app FROM signature_log WHERE entries < $1 AND ends_at < $2
              GROUP BY app HAVING COUNT(*) >= $3 ORDER BY app LIMIT 1",
        )
        .bind(FULL)
        .bind(before.0)
        .bind(WORTH)
        .fetch_all(self.conn())
        .await?;
        let Some(app) = each(&rows, |row| row.app_id("app"))?.pop() else { return Ok(0) };
        let rows = sqlx::query(
            "SELECT id, ends_at, entries, body FROM signature_log
              WHERE app = $1 AND entries < $2 AND ends_at < $3 ORDER BY ends_at, id LIMIT $4",
        )
        .bind(app.0)
        .bind(FULL)
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
            for line in row.text("body")?.lines() {
                entries.push(decode(app, line)?);
            }
            taken.push((ends_at, row.int("id")?));
        }
        if taken.len() < 2 {
            return self.settle_alone(app, &taken).await;
        }
        for (ends_at, id) in &taken {
            self.delete_segment(app, *ends_at, *id).await?;
        }
        self.log_signatures(&entries).await?;
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

/// FNV-1a, 32 bits (draft-eastlake-fnv): the same in every version, because rows hold it.
fn hash(user: &str) -> u32 {
    user.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Whether `user` is among sorted hashes.
fn holds(users: &[u8], user: u32) -> bool {
    let (users, _) = users.as_chunks::<4>();
    users.binary_search_by_key(&user, |bytes| u32::from_le_bytes(*bytes)).is_ok()
}

/// A line: `[at, id, user, caller, code, remote, detail]`, where the detail is JSON itself.
fn encode(entry: &SignatureEntry, body: &mut Vec<u8>) {
    use std::io::Write;

    // Writing to memory does not fail, and text becomes JSON without exception.
    let _ = write!(body, "[{},{}", entry.at.0, entry.id);
    for text in [&entry.user, &entry.caller, &entry.code, &entry.remote] {
        body.push(b',');
        let _ = serde_json::to_writer(&mut *body, text);
    }
    let _ = writeln!(body, ",{}]", entry.detail);
}

fn decode(app: AppId, line: &str) -> Result<SignatureEntry, StoreError> {
    let unreadable = |error: serde_json::Error| corrupt("signature_log.body", error.to_string());
    let (at, id, user, caller, code, remote, detail): (i64, i64, String, String, String, String, Value) =
        serde_json::from_str(line).map_err(unreadable)?;
    Ok(SignatureEntry { app, at: Time(at), id, user, caller, code, detail: detail.to_string(), remote })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_draft_and_found_again() {
        assert_eq!((hash(""), hash("a"), hash("foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
        let mut users = [hash("a"), hash("b"), hash("张三")];
        users.sort_unstable();
        let users: Vec<u8> = users.iter().flat_map(|user| user.to_le_bytes()).collect();
        assert!(holds(&users, hash("张三")) && !holds(&users, hash("c")) && !holds(&[], hash("a")));
    }
}
