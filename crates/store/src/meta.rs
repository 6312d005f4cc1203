//! What identifies this database: a few words and values, the epoch first of all.

use crate::row::{Columns, corrupt};
use crate::{Read, StoreError, Tx};

const EPOCH: &str = "epoch";

impl Read {
    /// The value under `key`.
    pub async fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT value FROM server_meta WHERE key = $1")
            .bind(key)
            .fetch_optional(self.conn())
            .await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// Which life of the database this is; part of every event cursor.
    pub async fn epoch(&mut self) -> Result<String, StoreError> {
        let epoch = self.meta(EPOCH).await?;
        epoch.ok_or_else(|| corrupt("server_meta.value", "the database has no epoch: migrate it".to_owned()))
    }
}

impl Tx {
    /// Writes `value` under `key` unless there is one, and returns the one that is there then.
    pub async fn set_meta_if_absent(&mut self, key: &str, value: &str) -> Result<String, StoreError> {
        sqlx::query("INSERT INTO server_meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
            .bind(key)
            .bind(value)
            .execute(self.conn())
            .await?;
        let found = self.meta(key).await?;
        found.ok_or_else(|| corrupt("server_meta.value", format!("{key} is gone right after it was written")))
    }

    /// Writes `value` under `key`, whatever is there.
    pub async fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO server_meta (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(key)
        .bind(value)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Gives a new database its first epoch, and one that was restored from another server's dump a new one. Must be
    /// the first thing in its unit.
    pub(crate) async fn settle_epoch(&mut self) -> Result<(), StoreError> {
        if self.log_is_foreign().await? {
            tracing::warn!(
                "the database comes from another server: beginning a new epoch, event cursors will be reset"
            );
            return self.renew_epoch().await;
        }
        self.set_meta_if_absent(EPOCH, &new_epoch()).await.map(drop)
    }

    /// Begins a new epoch: to be called once on a database restored from a copy, before anything reads its log. Cursors handed out
    /// earlier then say "reset" instead of skipping. The log is renumbered, because a restored server counts its
    /// transactions anew and would wait for the old numbers; the cursors of endpoints move to the same event, or
    /// before it, never past it.
    pub async fn renew_epoch(&mut self) -> Result<(), StoreError> {
        sqlx::query("UPDATE server_meta SET value = $1 WHERE key = $2")
            .bind(new_epoch())
            .bind(EPOCH)
            .execute(self.conn())
            .await?;
        sqlx::query(
            "UPDATE endpoints SET cursor_txid = 0, cursor_seq = COALESCE(
                (SELECT MIN(e.seq) - 1 FROM events AS e
                  WHERE e.app = endpoints.app
                    AND (e.txid, e.seq) > (endpoints.cursor_txid, endpoints.cursor_seq)),
                (SELECT MAX(e.seq) FROM events AS e WHERE e.app = endpoints.app),
                0)",
        )
        .execute(self.conn())
        .await?;
        // What readers hold besides: queues and replays by the same numbers, and where the kept log begins.
        for renumber in [
            "UPDATE deliveries SET event_txid = 0 WHERE event_txid <> 0",
            "UPDATE pull_events SET event_txid = 0 WHERE event_txid <> 0",
            "UPDATE event_files SET last_txid = 0 WHERE last_txid <> 0",
            "UPDATE event_configs SET cursor_txid = 0, cursor_seq = COALESCE(
                (SELECT MIN(e.seq) - 1 FROM events AS e
                  WHERE e.app = event_configs.app
                    AND (e.txid, e.seq) > (event_configs.cursor_txid, event_configs.cursor_seq)),
                (SELECT MAX(e.seq) FROM events AS e WHERE e.app = event_configs.app),
                0)",
            "UPDATE replays SET cursor_txid = 0, cursor_seq = 0, until_txid = 0,
                                until_seq = (SELECT COALESCE(MAX(e.seq), 0) FROM events AS e)
              WHERE finished_at IS NULL",
            "UPDATE server_meta SET value = '0.' || CAST((SELECT COALESCE(MIN(e.seq), 1) - 1 FROM events AS e) AS TEXT)
              WHERE key = 'events_floor'",
        ] {
            sqlx::query(renumber).execute(self.conn()).await?;
        }
        sqlx::query("UPDATE events SET txid = 0 WHERE txid <> 0").execute(self.conn()).await?;
        Ok(())
    }

    /// Whether the log holds numbers that this server has not given out yet. A transaction without a number gets one
    /// after the statement's view of the rows was fixed, so nothing it can see has a larger one.
    async fn log_is_foreign(&mut self) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(CASE WHEN EXISTS (
                SELECT 1 FROM events WHERE txid > (SELECT txid FROM log_writer)
             ) THEN 1 ELSE 0 END AS BIGINT) AS found",
        )
        .fetch_one(self.conn())
        .await?;
        row.flag("found")
    }
}

fn new_epoch() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
