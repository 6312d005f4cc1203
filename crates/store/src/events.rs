//! The event log: facts, in an order that readers can follow (docs/adr/0003-event-cursor.md).
//!
//! A reader goes by `(txid, seq)` and sees only what lies below `log_horizon`, so that it never passes an event that
//! commits later. On SQLite every committed row is below it.

use reelgate_model::{AppId, FileId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each};
use crate::{Cursor, Read, StoreError, Topic, Tx};

/// A fact to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The file it is about.
    pub file: Option<FileId>,
    /// Its type, such as `NewFileUpload`.
    pub kind: String,
    /// Our own record of it, JSON; every shape that readers get is rendered from it.
    pub fact: String,
    /// The body as received, if it came from elsewhere.
    pub raw: Option<Vec<u8>>,
}

/// What an event was given when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: String,
    /// Its place in the order of insertion.
    pub seq: i64,
    /// Its number among the events of its file, from 1; none without a file or before the file's media exists.
    pub file_seq: Option<i64>,
}

/// A recorded fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Order in which writers may still commit.
    pub txid: i64,
    /// Order of insertion.
    pub seq: i64,
    /// Stable id, for receivers to drop repeats by.
    pub id: String,
    /// The application it belongs to.
    pub app: AppId,
    /// The file it is about.
    pub file: Option<FileId>,
    /// Its number among the events of that file, from 1.
    pub file_seq: Option<i64>,
    /// Its type.
    pub kind: String,
    /// Our own record, JSON.
    pub fact: String,
    /// The body as received, if it came from elsewhere.
    pub raw: Option<Vec<u8>>,
    /// When it was recorded.
    pub recorded_at: Time,
}

/// The answer to "what came after this cursor".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRead {
    /// Events in order, possibly none.
    Page(LogPage),
    /// The cursor belongs to another life of the database: events may have been lost or renumbered since. Holds the cursor of the
    /// log's start, from which to read everything again.
    Reset(Cursor),
}

/// A stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// In the order of the log.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: Cursor,
    /// Events are committed that a slower writer still holds back. No further hint will come for them: look again within
    /// milliseconds instead of waiting for one. Never on SQLite.
    pub held_back: bool,
}

impl Read {
    /// Up to `limit` events of one application after `cursor`.
    pub async fn events_after(
        &mut self,
        scope: &Scope,
        cursor: &Cursor,
        limit: u32,
    ) -> Result<LogRead, StoreError> {
        if let Some(reset) = self.reset(cursor).await? {
            return Ok(LogRead::Reset(reset));
        }
        let rows = sqlx::query(
            "SELECT txid, seq, id, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
              WHERE app = $1 AND (txid, seq) > ($2, $3) AND txid < (SELECT txid FROM log_horizon)
              ORDER BY txid, seq LIMIT $4",
        )
        .bind(scope.app().0)
        .bind(cursor.txid)
        .bind(cursor.seq)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        self.page(&rows, cursor, limit).await
    }

    /// Up to `limit` events of all applications after `cursor`: the system's own fan-out.
    pub async fn log_after(&mut self, cursor: &Cursor, limit: u32) -> Result<LogRead, StoreError> {
        if let Some(reset) = self.reset(cursor).await? {
            return Ok(LogRead::Reset(reset));
        }
        let rows = sqlx::query(
            "SELECT txid, seq, id, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
              WHERE (txid, seq) > ($1, $2) AND txid < (SELECT txid FROM log_horizon)
              ORDER BY txid, seq LIMIT $3",
        )
        .bind(cursor.txid)
        .bind(cursor.seq)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        self.page(&rows, cursor, limit).await
    }

    /// The event at one place of the log.
    pub async fn event(&mut self, scope: &Scope, txid: i64, seq: i64) -> Result<Option<Event>, StoreError> {
        let row = sqlx::query(
            "SELECT txid, seq, id, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
              WHERE app = $1 AND txid = $2 AND seq = $3",
        )
        .bind(scope.app().0)
        .bind(txid)
        .bind(seq)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Before the first event.
    pub async fn log_start(&mut self) -> Result<Cursor, StoreError> {
        Ok(Cursor { epoch: self.epoch().await?, txid: 0, seq: 0 })
    }

    /// After the last event that a reader can have seen by now: where a new reader that wants no history begins.
    pub async fn log_end(&mut self) -> Result<Cursor, StoreError> {
        let start = self.log_start().await?;
        let last = sqlx::query(
            "SELECT txid, seq FROM events WHERE txid < (SELECT txid FROM log_horizon)
              ORDER BY txid DESC, seq DESC LIMIT 1",
        )
        .fetch_optional(self.conn())
        .await?;
        match last {
            Some(row) => Ok(Cursor { txid: row.int("txid")?, seq: row.int("seq")?, ..start }),
            None => Ok(start),
        }
    }

    /// Up to `limit` events of one file inserted after `after_seq` (0: from the first), in the order of insertion. For
    /// showing a file's history, not for following the log: it includes what readers of the log do not see yet.
    pub async fn file_events(
        &mut self,
        scope: &Scope,
        file: FileId,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query(
            "SELECT txid, seq, id, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
              WHERE app = $1 AND file_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .bind(after_seq)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }

    /// The start of the log if `cursor` is of another epoch.
    async fn reset(&mut self, cursor: &Cursor) -> Result<Option<Cursor>, StoreError> {
        let start = self.log_start().await?;
        Ok((start.epoch != cursor.epoch).then_some(start))
    }

    async fn page(&mut self, rows: &[AnyRow], cursor: &Cursor, limit: u32) -> Result<LogRead, StoreError> {
        let events = each(rows, decode)?;
        let next = match events.last() {
            Some(last) => Cursor { epoch: cursor.epoch.clone(), txid: last.txid, seq: last.seq },
            None => cursor.clone(),
        };
        let full = events.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let held_back = !full && self.has_held_back().await?;
        Ok(LogRead::Page(LogPage { events, next, held_back }))
    }

    async fn has_held_back(&mut self) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(CASE WHEN EXISTS (
                SELECT 1 FROM events WHERE txid >= (SELECT txid FROM log_horizon)
             ) THEN 1 ELSE 0 END AS BIGINT) AS found",
        )
        .fetch_one(self.conn())
        .await?;
        row.flag("found")
    }
}

impl Tx {
    /// Records a fact and wakes the readers of the log after the commit. An event about a file gets the file's next
    /// number; until the end of the unit no other event about that file can be recorded.
    pub async fn append_event(&mut self, scope: &Scope, event: &NewEvent) -> Result<Recorded, StoreError> {
        let (id, now) = (self.new_id(), self.now());
        let file_seq = match event.file {
            Some(file) => self.next_file_seq(scope, file).await?,
            None => None,
        };
        // A transaction gets its number at its first write, maybe before another one records an event about the same
        // file and commits. Taking the larger number keeps the file's order and is as safe for readers: below the
        // horizon then means that both are over.
        let row = sqlx::query(
            "INSERT INTO events (txid, id, app, file_id, file_seq, type, fact, raw, recorded_at)
             VALUES ((SELECT MAX(known.txid) FROM (
                          SELECT txid FROM log_writer
                          UNION ALL
                          SELECT txid FROM (SELECT txid FROM events WHERE file_id = $3
                                             ORDER BY file_seq DESC LIMIT 1) AS previous
                      ) AS known),
                     $1, $2, $3, $4, $5, $6, $7, $8)
             RETURNING seq",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(event.file.map(|file| file.0))
        .bind(file_seq)
        .bind(&event.kind)
        .bind(&event.fact)
        .bind(event.raw.as_deref())
        .bind(now.0)
        .fetch_one(self.conn())
        .await?;
        self.hint(Topic::Events);
        Ok(Recorded { id, seq: row.int("seq")?, file_seq })
    }

    async fn next_file_seq(&mut self, scope: &Scope, file: FileId) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "UPDATE media SET next_event = next_event + 1 WHERE file_id = $1 AND app = $2
             RETURNING next_event - 1 AS number",
        )
        .bind(file.0)
        .bind(scope.app().0)
        .fetch_optional(self.conn())
        .await?;
        row.map(|row| row.int("number")).transpose()
    }
}

fn decode(row: &AnyRow) -> Result<Event, StoreError> {
    Ok(Event {
        txid: row.int("txid")?,
        seq: row.int("seq")?,
        id: row.text("id")?,
        app: row.app_id("app")?,
        file: row.optional_file_id("file_id")?,
        file_seq: row.value("file_seq")?,
        kind: row.text("type")?,
        fact: row.text("fact")?,
        raw: row.value("raw")?,
        recorded_at: row.time("recorded_at")?,
    })
}
