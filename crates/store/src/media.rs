//! Media: the library.

use reelgate_model::{AppId, FileId, MediaStatus, Scope, Suggestion, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed};
use crate::{Read, StoreError, Tx};

/// One media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its FileId.
    pub file_id: FileId,
    /// Its application.
    pub app: AppId,
    /// The session that made it.
    pub session_id: String,
    /// The application's own user; empty when it did not say.
    pub user: String,
    /// Name without extension.
    pub name: String,
    /// Extension as announced.
    pub kind: String,
    /// Whether it can be used.
    pub status: MediaStatus,
    /// Media category.
    pub class_id: i64,
    /// Its source.
    pub source: StoredFile,
    /// Its cover; an empty name when there is none.
    pub cover: StoredFile,
    /// Bytes of the source.
    pub source_size: u64,
    /// What ffprobe found, JSON; empty while not probed.
    pub probe: String,
    /// Reason code when the bytes are not readable media; empty otherwise.
    pub probe_error: String,
    /// Storage region.
    pub region: String,
    /// From the signature, byte for byte.
    pub source_context: String,
    /// When NewFileUpload was written.
    pub announced_at: Option<Time>,
    /// The last verdict.
    pub verdict: Option<Suggestion>,
    /// When it is to vanish; `None`: never.
    pub expires_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
}

/// A file of a media that is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredFile {
    /// Last segment of its URL; empty: there is none.
    pub name: String,
    /// Where its bytes are.
    pub blob: String,
    /// Content type to serve, from what ffprobe found; empty while unknown.
    pub content_type: String,
}

/// A media to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMedia {
    /// Its FileId, given at Apply.
    pub file_id: FileId,
    /// The session that makes it.
    pub session_id: String,
    /// The application's own user.
    pub user: String,
    /// Name without extension.
    pub name: String,
    /// Extension as announced.
    pub kind: String,
    /// Media category.
    pub class_id: i64,
    /// Its source.
    pub source: StoredFile,
    /// Bytes of the source.
    pub source_size: u64,
    /// Its cover.
    pub cover: StoredFile,
    /// Storage region.
    pub region: String,
    /// From the signature.
    pub source_context: String,
    /// When it is to vanish.
    pub expires_at: Option<Time>,
}

/// What a probe says about a media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// JSON; of an empty structure for unreadable bytes.
    pub probe: String,
    /// Reason code for unreadable bytes; empty otherwise.
    pub probe_error: String,
    /// Content type to serve.
    pub content_type: String,
}

pub(crate) const COLUMNS: &str = "file_id, app, session_id, user_name, name, type, status, class_id, source_name, source_blob, \
    source_size, source_type, cover_name, cover_blob, cover_type, probe, probe_error, region, source_context, \
    announced_at, verdict, expires_at, created_at, updated_at";

impl Read {
    /// The media with this id, deleted or not.
    pub async fn media(&mut self, scope: &Scope, file: FileId) -> Result<Option<Media>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM media WHERE app = $1 AND file_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(file.0)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` media that are not deleted, newest first; `before` is the last one of the page before.
    pub async fn media_page(
        &mut self,
        scope: &Scope,
        before: Option<(Time, FileId)>,
        limit: u32,
    ) -> Result<Vec<Media>, StoreError> {
        let (time, file) = before.unwrap_or((Time(i64::MAX), FileId(i64::MAX)));
        let text = format!(
            "SELECT {COLUMNS} FROM media
              WHERE app = $1 AND status = 'normal' AND (created_at < $2 OR (created_at = $2 AND file_id < $3))
              ORDER BY created_at DESC, file_id DESC LIMIT $4"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(time.0)
            .bind(file.0)
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Makes a media, not yet announced. `AlreadyExists` if the file or its session has one.
    pub async fn create_media(&mut self, scope: &Scope, new: &NewMedia) -> Result<Media, StoreError> {
        let now = self.now();
        sqlx::query(
            "INSERT INTO media (file_id, app, session_id, user_name, name, type, status, class_id, source_name,
                source_blob, source_size, source_type, cover_name, cover_blob, cover_type, region, source_context,
                expires_at, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'normal', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)",
        )
        .bind(new.file_id.0)
        .bind(scope.app().0)
        .bind(&new.session_id)
        .bind(&new.user)
        .bind(&new.name)
        .bind(&new.kind)
        .bind(new.class_id)
        .bind(&new.source.name)
        .bind(&new.source.blob)
        .bind(i64::try_from(new.source_size).unwrap_or(i64::MAX))
        .bind(&new.source.content_type)
        .bind(&new.cover.name)
        .bind(&new.cover.blob)
        .bind(&new.cover.content_type)
        .bind(&new.region)
        .bind(&new.source_context)
        .bind(new.expires_at.map(|time| time.0))
        .bind(now.0)
        .execute(self.conn())
        .await?;
        self.media(scope, new.file_id).await?.ok_or(StoreError::Stale)
    }

    /// Writes what the probe found and that the media is announced now. `Stale` if it was announced before, or is deleted:
    /// at most one NewFileUpload is written for each media, and none after FileDeleted.
    pub async fn announce_media(
        &mut self,
        scope: &Scope,
        file: FileId,
        probed: &Probed,
    ) -> Result<Media, StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE media SET probe = $1, probe_error = $2, source_type = $3, announced_at = $4, updated_at = $4
              WHERE app = $5 AND file_id = $6 AND announced_at IS NULL AND status = 'normal'",
        )
        .bind(&probed.probe)
        .bind(&probed.probe_error)
        .bind(&probed.content_type)
        .bind(now.0)
        .bind(scope.app().0)
        .bind(file.0)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.media(scope, file).await?.ok_or(StoreError::Stale)
    }

    /// Puts another cover in place and returns the blob of the old one, empty when there was none. `Stale` if the media
    /// is unknown or deleted.
    pub async fn set_cover(
        &mut self,
        scope: &Scope,
        file: FileId,
        cover: &StoredFile,
    ) -> Result<String, StoreError> {
        let old = self.media(scope, file).await?.ok_or(StoreError::Stale)?.cover.blob;
        let now = self.now();
        let result = sqlx::query(
            "UPDATE media SET cover_name = $1, cover_blob = $2, cover_type = $3, updated_at = $4
              WHERE app = $5 AND file_id = $6 AND status = 'normal' AND cover_blob = $7",
        )
        .bind(&cover.name)
        .bind(&cover.blob)
        .bind(&cover.content_type)
        .bind(now.0)
        .bind(scope.app().0)
        .bind(file.0)
        .bind(&old)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        Ok(old)
    }

    /// Writes the verdict of a review.
    pub async fn set_verdict(
        &mut self,
        scope: &Scope,
        file: FileId,
        verdict: Suggestion,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result =
            sqlx::query("UPDATE media SET verdict = $1, updated_at = $2 WHERE app = $3 AND file_id = $4")
                .bind(verdict.as_str())
                .bind(now.0)
                .bind(scope.app().0)
                .bind(file.0)
                .execute(self.conn())
                .await?;
        ensure_changed(&result)
    }
}

pub(crate) fn decode(row: &AnyRow) -> Result<Media, StoreError> {
    let verdict = row.text("verdict")?;
    Ok(Media {
        file_id: row.file_id("file_id")?,
        app: row.app_id("app")?,
        session_id: row.text("session_id")?,
        user: row.text("user_name")?,
        name: row.text("name")?,
        kind: row.text("type")?,
        status: row.word("status")?,
        class_id: row.int("class_id")?,
        source: stored_file(row, ["source_name", "source_blob", "source_type"])?,
        cover: stored_file(row, ["cover_name", "cover_blob", "cover_type"])?,
        source_size: row.size("source_size")?,
        probe: row.text("probe")?,
        probe_error: row.text("probe_error")?,
        region: row.text("region")?,
        source_context: row.text("source_context")?,
        announced_at: row.optional_time("announced_at")?,
        verdict: if verdict.is_empty() { None } else { Some(row.word("verdict")?) },
        expires_at: row.optional_time("expires_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn stored_file(row: &AnyRow, [name, blob, kind]: [&str; 3]) -> Result<StoredFile, StoreError> {
    Ok(StoredFile { name: row.text(name)?, blob: row.text(blob)?, content_type: row.text(kind)? })
}
