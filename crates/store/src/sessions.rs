//! Upload sessions, and the one-time signatures that opened them.

use reelgate_model::{AppId, FileId, NotifyMode, Scope, SessionState, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed};
use crate::{Read, StoreError, Tx};

/// One upload session, from Apply to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its application.
    pub app: AppId,
    /// The file it makes, or whose cover it replaces.
    pub file_id: FileId,
    /// Whether bytes may arrive.
    pub state: SessionState,
    /// What was asked for at Apply.
    pub request: NewSession,
    /// When it was opened.
    pub created_at: Time,
    /// When it was committed or expired.
    pub ended_at: Option<Time>,
    /// Why it ended, as a stable word; empty while open.
    pub end_reason: String,
}

/// What a session is opened with; all of it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The file it makes, or whose cover it replaces.
    pub file_id: FileId,
    /// Replaces a cover of an existing media.
    pub cover_only: bool,
    /// Key pair of the signature that opened it.
    pub secret_id: String,
    /// Hex MAC of the signature that opened it.
    pub signature_mac: String,
    /// The application's own user; empty when it did not say.
    pub user: String,
    /// Id of the permission; empty for signatures that the application made itself.
    pub permission: String,
    /// Object key of the video; empty in cover-only mode.
    pub video_key: String,
    /// Name without extension.
    pub video_name: String,
    /// Extension as announced.
    pub video_type: String,
    /// Bytes, when announced.
    pub video_size: Option<u64>,
    /// Object key of the cover; empty when none was announced.
    pub cover_key: String,
    /// Extension of the cover as announced.
    pub cover_type: String,
    /// Most bytes that one object of the session may have.
    pub max_size: u64,
    /// Longest video in seconds that the permission allows.
    pub max_duration: Option<u32>,
    /// Storage region told to the client.
    pub region: String,
    /// Media category.
    pub class_id: i64,
    /// Procedure to run after Commit; empty: none.
    pub procedure: String,
    /// -10 to 10.
    pub priority: i64,
    /// When ProcedureStateChanged is sent.
    pub notify_mode: NotifyMode,
    /// From the signature, byte for byte.
    pub source_context: String,
    /// From the signature, byte for byte.
    pub session_context: String,
    /// When the media is to vanish; `None`: never.
    pub media_expires_at: Option<Time>,
    /// The client's address.
    pub remote: String,
    /// Name of the policy behind the permission; empty when there is none.
    pub policy: String,
    /// Id of the key the permission was issued with; empty for signatures that the application made itself.
    pub key_id: String,
    /// When the signature was issued.
    pub issued_at: Time,
    /// UTC day on which the user's quota counts it; `None`: not counted.
    pub quota_day: Option<i64>,
    /// Permission that it occupies while open; empty: none that is limited.
    pub holder: String,
    /// Bytes that are reserved for it.
    pub reserved: u64,
    /// File types that its permission allows, lower case; none: all.
    pub types: Vec<String>,
    /// Whether it is counted among its application's bytes in flight.
    pub app_counted: bool,
    /// When the session ends unless it is committed.
    pub expires_at: Time,
}

/// What a one-time signature was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureUse {
    /// The session it opened.
    pub session_id: String,
    /// Hex SHA-256 of the request that opened it.
    pub request_hash: String,
}

pub(crate) const COLUMNS: &str = "id, app, file_id, state, cover_only, secret_id, signature_mac, user_name, permission, video_key, \
    video_name, video_type, video_size, cover_key, cover_type, max_size, max_duration, region, class_id, procedure_name, \
    task_priority, notify_mode, source_context, session_context, media_expires_at, remote, policy, key_id, \
    issued_at, quota_day, holder, reserved, types, app_counted, created_at, expires_at, ended_at, end_reason";

/// Open sessions of an application by a condition over `$2` and `$3`, up to `$4`.
pub(crate) fn open_where(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM upload_sessions
          WHERE app = $1 AND state = 'open' AND CAST($3 AS BIGINT) IS NOT NULL AND {condition} ORDER BY id LIMIT $4"
    )
}

impl Read {
    /// The session with this id, in any state. No scope: the caller has its key, or is the system.
    pub async fn session(&mut self, id: &str) -> Result<Option<Session>, StoreError> {
        let row =
            sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM upload_sessions WHERE id = $1")))
                .bind(id)
                .fetch_optional(self.conn())
                .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The session with this id, in any state, and whether its permission has been revoked. No scope: the caller has
    /// its key.
    pub async fn session_and_revocation(&mut self, id: &str) -> Result<Option<(Session, bool)>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS}, CAST(CASE WHEN EXISTS (
                SELECT 1 FROM revocations AS r
                 WHERE r.app = s.app AND r.subject <> ''
                   AND ((r.kind = 'permission' AND r.subject = s.permission)
                     OR (r.kind = 'user' AND r.subject = s.user_name AND r.revoked_at >= s.issued_at)
                     OR (r.kind = 'key' AND r.subject = s.key_id AND r.revoked_at >= s.issued_at))
             ) THEN 1 ELSE 0 END AS BIGINT) AS revoked
               FROM upload_sessions AS s WHERE id = $1",
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(self.conn()).await?;
        row.map(|row| Ok((decode(&row)?, row.flag("revoked")?))).transpose()
    }

    /// The session that made a file, for its timeline.
    pub async fn session_of_file(
        &mut self,
        scope: &Scope,
        file: FileId,
    ) -> Result<Option<Session>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM upload_sessions WHERE app = $1 AND file_id = $2 AND cover_only = 0
              ORDER BY created_at LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(file.0)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` open sessions whose time is over, oldest first.
    pub async fn sessions_due(&mut self, now: Time, limit: u32) -> Result<Vec<Session>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM upload_sessions WHERE state = 'open' AND expires_at <= $1
              ORDER BY expires_at LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(now.0)
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode)
    }

    /// What a one-time signature was used for, if it was used.
    pub async fn signature_use(
        &mut self,
        scope: &Scope,
        mac: &str,
    ) -> Result<Option<SignatureUse>, StoreError> {
        let row =
            sqlx::query("SELECT session_id, request_hash FROM signature_uses WHERE app = $1 AND mac = $2")
                .bind(scope.app().0)
                .bind(mac)
                .fetch_optional(self.conn())
                .await?;
        row.map(|row| {
            Ok(SignatureUse { session_id: row.text("session_id")?, request_hash: row.text("request_hash")? })
        })
        .transpose()
    }
}

impl Tx {
    /// Opens a session. `AlreadyExists` if the id is taken.
    pub async fn open_session(&mut self, scope: &Scope, new: &NewSession) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query(
            "INSERT INTO upload_sessions (id, app, file_id, state, cover_only, secret_id, signature_mac, user_name,
                permission, video_key, video_name, video_type, video_size, cover_key, cover_type, max_size, max_duration,
                region, class_id, procedure_name, task_priority, notify_mode, source_context, session_context,
                media_expires_at, remote, created_at, expires_at, policy, key_id, issued_at, quota_day, holder, reserved,
                types, app_counted)
             VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)",
        )
        .bind(&new.id)
        .bind(scope.app().0)
        .bind(new.file_id.0)
        .bind(i64::from(new.cover_only))
        .bind(&new.secret_id)
        .bind(&new.signature_mac)
        .bind(&new.user)
        .bind(&new.permission)
        .bind(&new.video_key)
        .bind(&new.video_name)
        .bind(&new.video_type)
        .bind(new.video_size.map(stored))
        .bind(&new.cover_key)
        .bind(&new.cover_type)
        .bind(stored(new.max_size))
        .bind(new.max_duration.map(i64::from))
        .bind(&new.region)
        .bind(new.class_id)
        .bind(&new.procedure)
        .bind(new.priority)
        .bind(new.notify_mode.as_str())
        .bind(&new.source_context)
        .bind(&new.session_context)
        .bind(new.media_expires_at.map(|time| time.0))
        .bind(&new.remote)
        .bind(now.0)
        .bind(new.expires_at.0)
        .bind(&new.policy)
        .bind(&new.key_id)
        .bind(new.issued_at.0)
        .bind(new.quota_day)
        .bind(&new.holder)
        .bind(stored(new.reserved))
        .bind(new.types.join(","))
        .bind(i64::from(new.app_counted))
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Marks a one-time signature as used by `session`. `false` if it was used before; then look at
    /// [`Read::signature_use`]. On PostgreSQL a concurrent use waits here for the other's end.
    pub async fn consume_signature(
        &mut self,
        scope: &Scope,
        mac: &str,
        used: &SignatureUse,
        expires_at: Time,
    ) -> Result<bool, StoreError> {
        let result = sqlx::query(
            "INSERT INTO signature_uses (app, mac, session_id, request_hash, expires_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (app, mac) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(mac)
        .bind(&used.session_id)
        .bind(&used.request_hash)
        .bind(expires_at.0)
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Ends an open session. `Stale` if it is not open any more: somebody else has ended it.
    pub async fn end_session(
        &mut self,
        scope: &Scope,
        id: &str,
        state: SessionState,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE upload_sessions SET state = $1, ended_at = $2, end_reason = $3
              WHERE app = $4 AND id = $5 AND state = 'open'",
        )
        .bind(state.as_str())
        .bind(now.0)
        .bind(reason)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// `Stale` unless the session is open; on PostgreSQL its row stays locked until the unit ends, so that a Commit
    /// cannot come in between.
    pub async fn hold_session_open(&mut self, scope: &Scope, id: &str) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE upload_sessions SET state = 'open' WHERE app = $1 AND id = $2 AND state = 'open'",
        )
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Forgets the uses of signatures that have expired; they are refused for that reason now. Up to `limit` rows.
    pub async fn forget_signature_uses(&mut self, now: Time, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "DELETE FROM signature_uses WHERE (app, mac) IN
                (SELECT app, mac FROM signature_uses WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected())
    }
}

fn stored(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(crate) fn decode(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.text("id")?,
        app: row.app_id("app")?,
        file_id: row.file_id("file_id")?,
        state: row.word("state")?,
        created_at: row.time("created_at")?,
        ended_at: row.optional_time("ended_at")?,
        end_reason: row.text("end_reason")?,
        request: decode_request(row)?,
    })
}

fn decode_request(row: &AnyRow) -> Result<NewSession, StoreError> {
    Ok(NewSession {
        id: row.text("id")?,
        file_id: row.file_id("file_id")?,
        cover_only: row.flag("cover_only")?,
        secret_id: row.text("secret_id")?,
        signature_mac: row.text("signature_mac")?,
        user: row.text("user_name")?,
        permission: row.text("permission")?,
        video_key: row.text("video_key")?,
        video_name: row.text("video_name")?,
        video_type: row.text("video_type")?,
        video_size: row.value::<Option<i64>>("video_size")?.and_then(|size| u64::try_from(size).ok()),
        cover_key: row.text("cover_key")?,
        cover_type: row.text("cover_type")?,
        max_size: row.size("max_size")?,
        max_duration: row.value::<Option<i64>>("max_duration")?.and_then(|length| u32::try_from(length).ok()),
        region: row.text("region")?,
        class_id: row.int("class_id")?,
        procedure: row.text("procedure_name")?,
        priority: row.int("task_priority")?,
        notify_mode: row.word("notify_mode")?,
        source_context: row.text("source_context")?,
        session_context: row.text("session_context")?,
        media_expires_at: row.optional_time("media_expires_at")?,
        remote: row.text("remote")?,
        policy: row.text("policy")?,
        key_id: row.text("key_id")?,
        issued_at: row.time("issued_at")?,
        quota_day: row.value("quota_day")?,
        holder: row.text("holder")?,
        reserved: row.size("reserved")?,
        types: row.text("types")?.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect(),
        app_counted: row.flag("app_counted")?,
        expires_at: row.time("expires_at")?,
    })
}
