//! Multipart uploads on the object leg, and their acknowledged parts.

use reelgate_model::{AppId, MultipartState, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed};
use crate::{Read, StoreError, Tx};

/// One multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// The UploadId: 32 hexadecimal digits.
    pub id: String,
    /// Its application.
    pub app: AppId,
    /// The session it belongs to.
    pub session_id: String,
    /// Object key without a leading slash.
    pub key: String,
    /// Whether parts may arrive.
    pub state: MultipartState,
    /// Size of every part but the last, once learned.
    pub part_size: Option<u64>,
    /// When it was begun.
    pub created_at: Time,
    /// When it was completed or aborted.
    pub ended_at: Option<Time>,
}

/// One acknowledged part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10000.
    pub number: u32,
    /// Where the bytes are, in the storage backend's words.
    pub place: String,
    /// Bytes.
    pub size: u64,
    /// Hex MD5: the part's ETag without quotes.
    pub md5: String,
    /// CRC-64/XZ.
    pub crc64: u64,
    /// When it was acknowledged.
    pub stored_at: Time,
}

/// Parts of an upload in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartTotals {
    /// How many.
    pub count: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// When the first of them was stored.
    pub first: Time,
    /// When the last of them was stored.
    pub last: Time,
}

pub(crate) const COLUMNS: &str = "id, app, session_id, object_key, state, part_size, created_at, ended_at";

impl Read {
    /// The upload with this id, in any state.
    pub async fn multipart(&mut self, scope: &Scope, id: &str) -> Result<Option<Multipart>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM multiparts WHERE app = $1 AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(id)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// All uploads of a session, oldest first; at most `limit`.
    pub async fn session_multiparts(
        &mut self,
        scope: &Scope,
        session: &str,
        limit: u32,
    ) -> Result<Vec<Multipart>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM multiparts WHERE app = $1 AND session_id = $2 ORDER BY created_at, id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(session)
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode)
    }

    /// Uploads whose completion was begun, by anybody, longest ago first: for recovery after a crash.
    pub async fn multiparts_completing(&mut self, limit: u32) -> Result<Vec<Multipart>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM multiparts WHERE state = 'completing' ORDER BY created_at, id LIMIT $1"
        );
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(i64::from(limit)).fetch_all(self.conn()).await?;
        each(&rows, decode)
    }

    /// Up to `limit` acknowledged parts with numbers above `after`, by number. The caller has checked the upload.
    pub async fn parts(&mut self, multipart: &str, after: u32, limit: u32) -> Result<Vec<Part>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, place, size, md5, crc64, stored_at FROM parts
              WHERE multipart_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(multipart)
        .bind(i64::from(after))
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode_part)
    }

    /// One acknowledged part.
    pub async fn part(&mut self, multipart: &str, number: u32) -> Result<Option<Part>, StoreError> {
        let row = sqlx::query(
            "SELECT number, place, size, md5, crc64, stored_at FROM parts WHERE multipart_id = $1 AND number = $2",
        )
        .bind(multipart)
        .bind(i64::from(number))
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode_part).transpose()
    }

    /// Acknowledged parts in numbers, `except` left out (0: none).
    pub async fn part_totals(&mut self, multipart: &str, except: u32) -> Result<PartTotals, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(COUNT(*) AS BIGINT) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes,
                    CAST(COALESCE(MIN(stored_at), 0) AS BIGINT) AS first, CAST(COALESCE(MAX(stored_at), 0) AS BIGINT) AS last
               FROM parts WHERE multipart_id = $1 AND number <> $2",
        )
        .bind(multipart)
        .bind(i64::from(except))
        .fetch_one(self.conn())
        .await?;
        Ok(PartTotals {
            count: row.size("count")?,
            bytes: row.size("bytes")?,
            first: row.time("first")?,
            last: row.time("last")?,
        })
    }
}

impl Read {
    /// Bytes of all acknowledged parts for a key of a session whose uploads have not ended, part `except` of the upload
    /// `multipart` left out.
    pub async fn staged_bytes(
        &mut self,
        scope: &Scope,
        session: &str,
        key: &str,
        multipart: &str,
        except: u32,
    ) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(p.size), 0) AS BIGINT) AS bytes
               FROM multiparts AS m JOIN parts AS p ON p.multipart_id = m.id
              WHERE m.app = $1 AND m.session_id = $2 AND m.object_key = $3 AND m.state IN ('open', 'completing')
                AND NOT (m.id = $4 AND p.number = $5)",
        )
        .bind(scope.app().0)
        .bind(session)
        .bind(key)
        .bind(multipart)
        .bind(i64::from(except))
        .fetch_one(self.conn())
        .await?;
        row.size("bytes")
    }
}

impl Tx {
    /// Begins an upload for `key`. `Stale` unless its session is open.
    pub async fn begin_multipart(
        &mut self,
        scope: &Scope,
        id: &str,
        session: &str,
        key: &str,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO multiparts (id, app, session_id, object_key, state, created_at)
             SELECT $1, app, id, $2, 'open', $3 FROM upload_sessions
              WHERE app = $4 AND id = $5 AND state = 'open'",
        )
        .bind(id)
        .bind(key)
        .bind(now.0)
        .bind(scope.app().0)
        .bind(session)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Remembers the part size unless it is known, and returns the one that is known then.
    pub async fn learn_part_size(
        &mut self,
        scope: &Scope,
        id: &str,
        part_size: u64,
    ) -> Result<Option<u64>, StoreError> {
        sqlx::query("UPDATE multiparts SET part_size = $1 WHERE app = $2 AND id = $3 AND part_size IS NULL")
            .bind(i64::try_from(part_size).unwrap_or(i64::MAX))
            .bind(scope.app().0)
            .bind(id)
            .execute(self.conn())
            .await?;
        Ok(self.multipart(scope, id).await?.and_then(|found| found.part_size))
    }

    /// Acknowledges a part and returns the place of the one it replaces, if any. `Stale` unless the upload and its
    /// session are open.
    pub async fn put_part(
        &mut self,
        scope: &Scope,
        multipart: &str,
        part: &Part,
    ) -> Result<Option<String>, StoreError> {
        self.hold_open(scope, multipart).await?;
        let old = self.part(multipart, part.number).await?.map(|old| old.place);
        sqlx::query(
            "INSERT INTO parts (multipart_id, number, place, size, md5, crc64, stored_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (multipart_id, number) DO UPDATE SET place = excluded.place, size = excluded.size,
                md5 = excluded.md5, crc64 = excluded.crc64, stored_at = excluded.stored_at",
        )
        .bind(multipart)
        .bind(i64::from(part.number))
        .bind(&part.place)
        .bind(i64::try_from(part.size).unwrap_or(i64::MAX))
        .bind(&part.md5)
        .bind(part.crc64.to_string())
        .bind(part.stored_at.0)
        .execute(self.conn())
        .await?;
        Ok(old.filter(|place| *place != part.place))
    }

    /// `Stale` unless the upload and its session are open; on PostgreSQL the row stays locked until the unit ends, so
    /// that a Complete cannot begin in between.
    async fn hold_open(&mut self, scope: &Scope, multipart: &str) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE multiparts SET state = 'open' WHERE app = $1 AND id = $2 AND state = 'open'
                AND session_id IN (SELECT id FROM upload_sessions WHERE app = $1 AND state = 'open')",
        )
        .bind(scope.app().0)
        .bind(multipart)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Forgets the parts that a completion leaves out.
    pub async fn keep_only_parts(
        &mut self,
        scope: &Scope,
        id: &str,
        numbers: &[u32],
    ) -> Result<(), StoreError> {
        let there = self.parts(id, 0, u32::MAX).await?;
        for part in there.iter().filter(|part| !numbers.contains(&part.number)) {
            sqlx::query(
                "DELETE FROM parts WHERE multipart_id IN (SELECT id FROM multiparts WHERE app = $1 AND id = $2)
                    AND number = $3",
            )
            .bind(scope.app().0)
            .bind(id)
            .bind(i64::from(part.number))
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// Moves an upload from one state to the next. `Stale` if it is not in `from`.
    pub async fn move_multipart(
        &mut self,
        scope: &Scope,
        id: &str,
        from: MultipartState,
        to: MultipartState,
    ) -> Result<(), StoreError> {
        let ended = matches!(to, MultipartState::Completed | MultipartState::Aborted).then(|| self.now().0);
        let result = sqlx::query(
            "UPDATE multiparts SET state = $1, ended_at = $2 WHERE app = $3 AND id = $4 AND state = $5",
        )
        .bind(to.as_str())
        .bind(ended)
        .bind(scope.app().0)
        .bind(id)
        .bind(from.as_str())
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Aborts every upload of a session that has not ended and returns their ids.
    pub async fn abort_multiparts_of(
        &mut self,
        scope: &Scope,
        session: &str,
    ) -> Result<Vec<String>, StoreError> {
        let now = self.now();
        let rows = sqlx::query(
            "UPDATE multiparts SET state = 'aborted', ended_at = $1
              WHERE app = $2 AND session_id = $3 AND state IN ('open', 'completing') RETURNING id",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(session)
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| row.text("id"))
    }
}

pub(crate) fn decode(row: &AnyRow) -> Result<Multipart, StoreError> {
    Ok(Multipart {
        id: row.text("id")?,
        app: row.app_id("app")?,
        session_id: row.text("session_id")?,
        key: row.text("object_key")?,
        state: row.word("state")?,
        part_size: row.value::<Option<i64>>("part_size")?.and_then(|size| u64::try_from(size).ok()),
        created_at: row.time("created_at")?,
        ended_at: row.optional_time("ended_at")?,
    })
}

fn decode_part(row: &AnyRow) -> Result<Part, StoreError> {
    let crc64 = row.text("crc64")?;
    Ok(Part {
        number: u32::try_from(row.int("number")?).unwrap_or(0),
        place: row.text("place")?,
        size: row.size("size")?,
        md5: row.text("md5")?,
        crc64: crc64
            .parse()
            .map_err(|_| crate::row::corrupt("crc64", format!("{crc64:?} is not a number")))?,
        stored_at: row.time("stored_at")?,
    })
}
