//! Uploads by offset (tus): one row says how far an upload has come and who may write. Its bytes are the parts of a
//! multipart upload.

use std::time::Duration;

use reelgate_model::{AppId, Scope};
use sqlx::any::AnyRow;

use crate::multiparts::Part;
use crate::row::{Columns, each, ensure_changed};
use crate::{Read, StoreError, Tx};

/// One upload by offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TusUpload {
    /// Its application.
    pub app: AppId,
    /// Its session; there is one such upload to a session at most.
    pub session_id: String,
    /// The multipart upload that its bytes are the parts of.
    pub multipart_id: String,
    /// Bytes of the whole.
    pub length: u64,
    /// `Upload-Metadata` without the signature.
    pub metadata: String,
    /// Bytes that are acknowledged: the offset to go on at.
    pub stored: u64,
    /// Number of parts that they lie in.
    pub parts: u32,
    /// Before this offset a writer that was cut off may still be writing into the staging file.
    pub aside_until: u64,
    /// Whether somebody else asks for the lease.
    pub wanted: bool,
}

const COLUMNS: &str = "app, session_id, multipart_id, length, metadata, stored, parts, aside_until, wanted";

impl Read {
    /// The upload of a session, if it is one by offset.
    pub async fn tus_upload(
        &mut self,
        scope: &Scope,
        session: &str,
    ) -> Result<Option<TusUpload>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM tus_uploads WHERE app = $1 AND session_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(session)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` uploads that have all their bytes but whose sessions are still open, by anybody.
    pub async fn tus_uploads_full(&mut self, limit: u32) -> Result<Vec<TusUpload>, StoreError> {
        let rows = sqlx::query(
            "SELECT t.app, t.session_id, t.multipart_id, t.length, t.metadata, t.stored, t.parts, t.aside_until, t.wanted
               FROM upload_sessions AS s JOIN tus_uploads AS t ON t.session_id = s.id
              WHERE s.state = 'open' AND t.stored = t.length ORDER BY t.session_id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Notes an upload of `length` bytes. `false`: the session has one already.
    pub async fn create_tus_upload(
        &mut self,
        scope: &Scope,
        session: &str,
        multipart: &str,
        length: u64,
        metadata: &str,
    ) -> Result<bool, StoreError> {
        let result = sqlx::query(
            "INSERT INTO tus_uploads (session_id, app, multipart_id, length, metadata) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (session_id) DO NOTHING",
        )
        .bind(session)
        .bind(scope.app().0)
        .bind(multipart)
        .bind(i64::try_from(length).unwrap_or(i64::MAX))
        .bind(metadata)
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Gives `holder` the lease for `life` if nobody has it; otherwise asks whoever has it to let go. Whether it was given.
    pub async fn lease_tus_upload(
        &mut self,
        scope: &Scope,
        session: &str,
        holder: &str,
        life: Duration,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE tus_uploads SET holder = $1, lease_until = $2, wanted = 0
              WHERE app = $3 AND session_id = $4 AND (holder = '' OR holder = $1 OR lease_until <= $5)",
        )
        .bind(holder)
        .bind((now + life).0)
        .bind(scope.app().0)
        .bind(session)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        if result.rows_affected() == 1 {
            return Ok(true);
        }
        sqlx::query("UPDATE tus_uploads SET wanted = 1 WHERE app = $1 AND session_id = $2 AND holder <> ''")
            .bind(scope.app().0)
            .bind(session)
            .execute(self.conn())
            .await?;
        Ok(false)
    }

    /// Extends the lease. `Stale`: somebody else has it.
    pub async fn renew_tus_upload(
        &mut self,
        scope: &Scope,
        session: &str,
        holder: &str,
        life: Duration,
    ) -> Result<(), StoreError> {
        let until = self.now() + life;
        let result = sqlx::query(
            "UPDATE tus_uploads SET lease_until = $1 WHERE app = $2 AND session_id = $3 AND holder = $4",
        )
        .bind(until.0)
        .bind(scope.app().0)
        .bind(session)
        .bind(holder)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Gives the lease back. No matter if it is lost already.
    pub async fn release_tus_upload(
        &mut self,
        scope: &Scope,
        session: &str,
        holder: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE tus_uploads SET holder = '', lease_until = 0, wanted = 0
              WHERE app = $1 AND session_id = $2 AND holder = $3",
        )
        .bind(scope.app().0)
        .bind(session)
        .bind(holder)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Acknowledges the next part of `upload`, whose fields are what the caller last knew. `Stale`: the lease is lost, the
    /// upload has grown meanwhile, or it or its session has ended.
    pub async fn append_tus_part(
        &mut self,
        scope: &Scope,
        upload: &TusUpload,
        holder: &str,
        part: &Part,
        aside_until: u64,
    ) -> Result<(), StoreError> {
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let result = sqlx::query(
            "UPDATE tus_uploads SET stored = stored + $1, parts = parts + 1, aside_until = $2
              WHERE app = $3 AND session_id = $4 AND holder = $5 AND stored = $6 AND parts = $7",
        )
        .bind(number(part.size))
        .bind(number(aside_until))
        .bind(scope.app().0)
        .bind(&upload.session_id)
        .bind(holder)
        .bind(number(upload.stored))
        .bind(i64::from(upload.parts))
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.put_part(scope, &upload.multipart_id, part).await?;
        Ok(())
    }
}

fn decode(row: &AnyRow) -> Result<TusUpload, StoreError> {
    let parts = row.size("parts")?;
    Ok(TusUpload {
        app: row.app_id("app")?,
        session_id: row.text("session_id")?,
        multipart_id: row.text("multipart_id")?,
        length: row.size("length")?,
        metadata: row.text("metadata")?,
        stored: row.size("stored")?,
        parts: u32::try_from(parts).unwrap_or(u32::MAX),
        aside_until: row.size("aside_until")?,
        wanted: row.flag("wanted")?,
    })
}
