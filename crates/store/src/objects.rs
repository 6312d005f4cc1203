//! Complete objects of upload sessions, and the bytes that a row has given up.

use reelgate_model::{AppId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_inserted};
use crate::{Read, StoreError, Tx};

/// The current complete object behind a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Key without a leading slash.
    pub key: String,
    /// The session it was written for.
    pub session_id: String,
    /// The multipart upload it came by; `None`: PUT Object.
    pub multipart_id: Option<String>,
    /// Where its bytes are.
    pub blob: String,
    /// Bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// CRC-64/XZ, decimal.
    pub crc64: String,
    /// When it was completed.
    pub completed_at: Time,
}

/// Bytes that may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abandoned {
    /// `blob:{path}` or `staging:{multipart id}`.
    pub place: String,
    /// Whose they were.
    pub app: AppId,
    /// When they were given up.
    pub abandoned_at: Time,
}

impl Read {
    /// The complete object behind `key`, if there is one.
    pub async fn object(&mut self, scope: &Scope, key: &str) -> Result<Option<Object>, StoreError> {
        let row = sqlx::query(
            "SELECT object_key, session_id, multipart_id, blob, size, etag, crc64, completed_at
               FROM objects WHERE app = $1 AND object_key = $2",
        )
        .bind(scope.app().0)
        .bind(key)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The complete objects of a session, oldest first: at most its video and its cover.
    pub async fn session_objects(&mut self, scope: &Scope, session: &str) -> Result<Vec<Object>, StoreError> {
        let rows = sqlx::query(
            "SELECT object_key, session_id, multipart_id, blob, size, etag, crc64, completed_at
               FROM objects WHERE app = $1 AND session_id = $2 ORDER BY completed_at, object_key",
        )
        .bind(scope.app().0)
        .bind(session)
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }

    /// Up to `limit` places that were given up before `before`.
    pub async fn abandoned(&mut self, before: Time, limit: u32) -> Result<Vec<Abandoned>, StoreError> {
        let rows = sqlx::query(
            "SELECT place, app, abandoned_at FROM abandoned WHERE abandoned_at <= $1
              ORDER BY abandoned_at, place LIMIT $2",
        )
        .bind(before.0)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| {
            Ok(Abandoned {
                place: row.text("place")?,
                app: row.app_id("app")?,
                abandoned_at: row.time("abandoned_at")?,
            })
        })
    }
}

impl Tx {
    /// Puts `object` behind its key. The blob that was behind it before is marked abandoned.
    pub async fn put_object(&mut self, scope: &Scope, object: &Object) -> Result<(), StoreError> {
        if let Some(old) = self.object(scope, &object.key).await?
            && old.blob != object.blob
        {
            self.abandon(scope, &format!("blob:{}", old.blob), "replaced").await?;
            sqlx::query("DELETE FROM objects WHERE app = $1 AND object_key = $2")
                .bind(scope.app().0)
                .bind(&object.key)
                .execute(self.conn())
                .await?;
        }
        let result = sqlx::query(
            "INSERT INTO objects (app, object_key, session_id, multipart_id, blob, size, etag, crc64, completed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (app, object_key) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(&object.key)
        .bind(&object.session_id)
        .bind(&object.multipart_id)
        .bind(&object.blob)
        .bind(i64::try_from(object.size).unwrap_or(i64::MAX))
        .bind(&object.etag)
        .bind(&object.crc64)
        .bind(object.completed_at.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)
    }

    /// Marks bytes as given up: the only ones that a sweep may delete. No matter if they are marked already.
    pub async fn abandon(&mut self, scope: &Scope, place: &str, reason: &str) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query(
            "INSERT INTO abandoned (place, app, reason, abandoned_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (place) DO NOTHING",
        )
        .bind(place)
        .bind(scope.app().0)
        .bind(reason)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Forgets a place whose bytes have been deleted.
    pub async fn forget_abandoned(&mut self, place: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM abandoned WHERE place = $1").bind(place).execute(self.conn()).await?;
        Ok(())
    }
}

pub(crate) fn decode(row: &AnyRow) -> Result<Object, StoreError> {
    Ok(Object {
        key: row.text("object_key")?,
        session_id: row.text("session_id")?,
        multipart_id: row.value("multipart_id")?,
        blob: row.text("blob")?,
        size: row.size("size")?,
        etag: row.text("etag")?,
        crc64: row.text("crc64")?,
        completed_at: row.time("completed_at")?,
    })
}
