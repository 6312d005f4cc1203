//! The event log: facts, in an order that readers can follow (docs/adr/0003-event-cursor.md).
//!
//! A reader goes by `(txid, seq)` and sees only what lies below `log_horizon`, so that it never passes an event that
//! commits later. On SQLite every committed row is below it.

use reelgate_model::{AppId, FileId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, corrupt, each};
use crate::{Cursor, Engine, Read, StoreError, Topic, Tx};

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
    /// For whom it is.
    pub readers: Readers,
}

/// Who gets an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// Every reader of the application.
    #[default]
    All,
    /// Every reader; what it tells of was made up by somebody who tries things out.
    TestAll,
    /// This endpoint alone, whose owner tries it out.
    TestOf(String),
}

impl Readers {
    /// The columns `test` and `endpoint_id`.
    fn columns(&self) -> (i64, &str) {
        match self {
            Self::All => (0, ""),
            Self::TestAll => (1, ""),
            Self::TestOf(endpoint) => (1, endpoint),
        }
    }
}

/// What an event was given when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: String,
    /// Its place in the order of insertion.
    pub seq: i64,
    /// Its number among the events of its file, from 1; none without a file.
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
    /// Whether somebody made it up to try things out.
    pub test: bool,
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
    /// Events after the cursor have been dropped because of their age. Holds the cursor before the oldest that is kept.
    Expired(Cursor),
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
    /// Up to `limit` events of one application after `cursor`. When there are no more, the next cursor is at the end of
    /// the whole log: a reader that looks now and then is never behind what is kept, however quiet its application.
    pub async fn events_after(
        &mut self,
        scope: &Scope,
        cursor: &Cursor,
        limit: u32,
    ) -> Result<LogRead, StoreError> {
        let start = self.log_start().await?;
        if start.epoch != cursor.epoch {
            return Ok(LogRead::Reset(start));
        }
        if start.is_after(cursor) {
            return Ok(LogRead::Expired(start));
        }
        // Before the page: what is recorded in between is then after the end, not skipped.
        let end = self.log_end_after(start).await?;
        let rows = sqlx::query(
            "SELECT txid, seq, id, test, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
              WHERE app = $1 AND (txid, seq) > ($2, $3) AND txid < (SELECT txid FROM log_horizon)
                AND endpoint_id = ''
              ORDER BY txid, seq LIMIT $4",
        )
        .bind(scope.app().0)
        .bind(cursor.txid)
        .bind(cursor.seq)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        let events = each(&rows, decode)?;
        let full = events.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let read = events.last().map_or_else(|| cursor.clone(), |last| last.place(&cursor.epoch));
        let next = if full || read.is_after(&end) { read } else { end };
        let held_back = !full && self.has_held_back().await?;
        Ok(LogRead::Page(LogPage { events, next, held_back }))
    }

    /// The event at one place of the log.
    pub async fn event(&mut self, scope: &Scope, place: Place) -> Result<Option<Event>, StoreError> {
        let row = sqlx::query(
            "SELECT txid, seq, id, test, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
              WHERE app = $1 AND recorded_at = $2 AND seq = $3",
        )
        .bind(scope.app().0)
        .bind(place.at.0)
        .bind(place.seq)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Before the oldest event that is kept.
    pub async fn log_start(&mut self) -> Result<Cursor, StoreError> {
        let (epoch, floor) = (self.epoch().await?, self.meta(FLOOR).await?);
        let (txid, seq) = match floor {
            Some(text) => place_of(&text).ok_or_else(|| {
                corrupt("server_meta.value", format!("{FLOOR} {text:?} is no place in the log"))
            })?,
            None => (0, 0),
        };
        Ok(Cursor { epoch, txid, seq })
    }

    /// After the last event that a reader can have seen by now: where a new reader that wants no history begins.
    pub async fn log_end(&mut self) -> Result<Cursor, StoreError> {
        let start = self.log_start().await?;
        self.log_end_after(start).await
    }

    async fn log_end_after(&mut self, start: Cursor) -> Result<Cursor, StoreError> {
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
            "SELECT txid, seq, id, test, app, file_id, file_seq, type, fact, raw, recorded_at FROM events
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

    /// The end of the next page of an application's log after `from`, and how many events it passes: for readers whose place is kept
    /// here. Up to what can be read by now, or up to `until`. `None`: there is nothing.
    pub(crate) async fn log_page(
        &mut self,
        app: AppId,
        from: (i64, i64),
        until: Option<(i64, i64)>,
    ) -> Result<Option<((i64, i64), usize)>, StoreError> {
        let until = until.unwrap_or((i64::MAX, i64::MAX));
        let rows = sqlx::query(
            "SELECT txid, seq FROM events
              WHERE app = $1 AND (txid, seq) > ($2, $3) AND (txid, seq) <= ($4, $5)
                AND txid < (SELECT txid FROM log_horizon)
              ORDER BY txid, seq LIMIT $6",
        )
        .bind(app.0)
        .bind(from.0)
        .bind(from.1)
        .bind(until.0)
        .bind(until.1)
        .bind(PAGE)
        .fetch_all(self.conn())
        .await?;
        let Some(last) = rows.last() else { return Ok(None) };
        Ok(Some(((last.int("txid")?, last.int("seq")?), rows.len())))
    }

    /// Whether events are committed that a slower writer still holds back. Never on SQLite.
    pub async fn has_held_back(&mut self) -> Result<bool, StoreError> {
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
        let (test, endpoint) = event.readers.columns();
        let sql = match (event.file, self.engine()) {
            (None, _) => APPEND,
            (Some(_), Engine::Sqlite) => APPEND_OF_FILE_SQLITE,
            (Some(_), Engine::Postgres) => APPEND_OF_FILE_POSTGRES,
        };
        let rows = sqlx::query(sql)
            .bind(scope.app().0)
            .bind(event.file.map(|file| file.0))
            .bind(&id)
            .bind(&event.kind)
            .bind(&event.fact)
            .bind(event.raw.as_deref())
            .bind(now.0)
            .bind(test)
            .bind(endpoint)
            // Not `fetch_one`, which gives up at a statement without a row.
            .fetch_all(self.conn())
            .await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        self.hint(Topic::Events);
        Ok(Recorded { id, seq: row.int("seq")?, file_seq: row.value("file_seq")? })
    }
}

/// `$1` application, `$2` file, `$3` id, `$4` type, `$5` fact, `$6` raw, `$7` now, `$8` test, `$9` endpoint.
const APPEND: &str = "
    INSERT INTO events (txid, id, app, file_id, file_seq, type, fact, raw, recorded_at, test, endpoint_id)
    SELECT txid, $3, $1, $2, NULL, $4, $5, $6, $7, $8, $9 FROM log_writer
    RETURNING seq, file_seq";

/// Counts the file's event first. A transaction gets its number at its first write, maybe before another one records an event about
/// the same file and commits: the larger number keeps the order. No reader is passed by it: below the horizon then means that both
/// transactions are over.
macro_rules! count_of_file {
    () => {
        "INSERT INTO event_files (app, file_id, recorded, last_txid) SELECT $1, $2, 1, txid FROM log_writer WHERE 1 = 1
         ON CONFLICT (app, file_id) DO UPDATE
            SET recorded = event_files.recorded + 1,
                last_txid = CASE WHEN excluded.last_txid > event_files.last_txid THEN excluded.last_txid
                                 ELSE event_files.last_txid END"
    };
}
macro_rules! append_of_file {
    ($count:literal) => {
        concat!(
            "INSERT INTO events (txid, id, app, file_id, file_seq, type, fact, raw, recorded_at, test, endpoint_id)
             SELECT last_txid, $3, $1, $2, recorded, $4, $5, $6, $7, $8, $9 FROM ",
            $count,
            " RETURNING seq, file_seq"
        )
    };
}
/// Both in one call: each costs a way to the database's thread and back.
const APPEND_OF_FILE_SQLITE: &str =
    concat!(count_of_file!(), "; ", append_of_file!("event_files WHERE app = $1 AND file_id = $2"));
const APPEND_OF_FILE_POSTGRES: &str = concat!(
    "WITH counted AS (",
    count_of_file!(),
    " RETURNING recorded, last_txid) ",
    append_of_file!("counted")
);

impl Event {
    /// Where it lies.
    pub fn place(&self, epoch: &str) -> Cursor {
        Cursor { epoch: epoch.to_owned(), txid: self.txid, seq: self.seq }
    }
}

/// Events that a reader whose place is kept here passes at once.
const PAGE: i64 = 256;

/// The key under which the place of the newest dropped event is kept, as `{txid}.{seq}`.
pub(crate) const FLOOR: &str = "events_floor";

fn place_of(text: &str) -> Option<(i64, i64)> {
    let (txid, seq) = text.split_once('.')?;
    Some((txid.parse().ok()?, seq.parse().ok()?))
}

/// How one event is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When it was recorded: which part of the log holds it.
    pub at: Time,
    /// Order of insertion.
    pub seq: i64,
}

pub(crate) fn decode(row: &AnyRow) -> Result<Event, StoreError> {
    Ok(Event {
        txid: row.int("txid")?,
        seq: row.int("seq")?,
        id: row.text("id")?,
        test: row.flag("test")?,
        app: row.app_id("app")?,
        file: row.optional_file_id("file_id")?,
        file_seq: row.value("file_seq")?,
        kind: row.text("type")?,
        fact: row.text("fact")?,
        raw: row.value("raw")?,
        recorded_at: row.time("recorded_at")?,
    })
}
