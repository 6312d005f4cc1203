//! Listings of a whole bucket: objects and open multipart uploads by key, a page at a time.
//!
//! Keys are compared by their bytes on both engines, so a page begins where the one before ended.

use reelgate_model::{FileId, Scope};

use crate::multiparts::{self, Multipart};
use crate::objects::{self, Object};
use crate::row::{Columns, each, ensure_changed};
use crate::sessions::{self, Session};
use crate::{Read, StoreError, Tx};

/// The keys of one page.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// Keys begin with this; may be empty.
    pub prefix: &'a str,
    /// And come after this one; empty: from the first.
    pub after: &'a str,
}

impl Keys<'_> {
    /// The first text behind all that begins with the prefix; `None`: there is nothing behind.
    pub(crate) fn end(&self) -> Option<String> {
        let mut end = self.prefix.to_owned();
        while let Some(last) = end.pop() {
            // Surrogates are no characters: behind U+D7FF comes U+E000.
            let next =
                if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
            if let Some(next) = next {
                end.push(next);
                return Some(end);
            }
        }
        None
    }
}

impl Read {
    /// Up to `limit` complete objects, by key.
    pub async fn objects(
        &mut self,
        scope: &Scope,
        keys: Keys<'_>,
        limit: u32,
    ) -> Result<Vec<Object>, StoreError> {
        let rows = sqlx::query(
            "SELECT object_key, session_id, multipart_id, blob, size, etag, crc64, completed_at FROM objects
              WHERE app = $1 AND object_key >= $2 AND object_key > $3
                AND (CAST($4 AS TEXT) IS NULL OR object_key < CAST($4 AS TEXT))
              ORDER BY object_key LIMIT $5",
        )
        .bind(scope.app().0)
        .bind(keys.prefix)
        .bind(keys.after)
        .bind(keys.end())
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, objects::decode)
    }

    /// Up to `limit` objects whose bytes must be there, by key: those of open sessions, and those that a media is made of.
    /// By the system alone.
    pub async fn kept_objects(
        &mut self,
        scope: &Scope,
        keys: Keys<'_>,
        limit: u32,
    ) -> Result<Vec<Object>, StoreError> {
        let rows = sqlx::query(
            "SELECT o.object_key, o.session_id, o.multipart_id, o.blob, o.size, o.etag, o.crc64, o.completed_at
               FROM objects AS o JOIN upload_sessions AS s ON s.id = o.session_id
              WHERE o.app = $1 AND o.object_key >= $2 AND o.object_key > $3
                AND (CAST($4 AS TEXT) IS NULL OR o.object_key < CAST($4 AS TEXT))
                AND (s.state = 'open' OR EXISTS (SELECT 1 FROM media AS m
                      WHERE m.file_id = s.file_id AND (m.source_blob = o.blob OR m.cover_blob = o.blob)))
              ORDER BY o.object_key LIMIT $5",
        )
        .bind(scope.app().0)
        .bind(keys.prefix)
        .bind(keys.after)
        .bind(keys.end())
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, objects::decode)
    }

    /// Every place that a row gives to bytes of a file: blobs, and directories of outputs with a slash at their end; those that
    /// a row has given up and the sweep will remove are among them.
    pub async fn places_of_file(&mut self, scope: &Scope, file: FileId) -> Result<Vec<String>, StoreError> {
        let below = format!("{}/{file}/", scope.app());
        let rows = sqlx::query(
            "SELECT o.blob AS place FROM objects AS o
              WHERE o.app = $1 AND o.object_key >= $3 AND o.object_key < $4
             UNION ALL SELECT source_blob FROM media WHERE app = $1 AND file_id = $2
             UNION ALL SELECT cover_blob FROM media WHERE app = $1 AND file_id = $2
             UNION ALL SELECT $3 || dir || '/' FROM output_dirs WHERE app = $1 AND file_id = $2
             UNION ALL SELECT CASE WHEN substr(place, 1, 4) = 'dir:' THEN place || '/' ELSE place END FROM abandoned
              WHERE place || '/' = 'dir:' || $3 OR substr(place, 1, length($3) + 4) = 'dir:' || $3
                 OR substr(place, 1, length($3) + 5) = 'blob:' || $3",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .bind(&below)
        .bind(Keys { prefix: &below, after: "" }.end().unwrap_or_default())
        .fetch_all(self.conn())
        .await?;
        let places = each(&rows, |row| row.text("place"))?;
        let bare = |place: String| {
            let kind = place.split_once(':').filter(|(kind, _)| matches!(*kind, "dir" | "blob"));
            kind.map_or_else(|| place.clone(), |(_, name)| name.to_owned())
        };
        Ok(places.into_iter().map(bare).filter(|place| !place.is_empty()).collect())
    }

    /// Whether a row names this staging area: its upload has not ended, or the sweep will remove it.
    pub async fn names_staging(&mut self, multipart: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM multiparts WHERE id = $1 AND state IN ('open', 'completing'))
                             OR EXISTS (SELECT 1 FROM abandoned WHERE place = 'staging:' || CAST($1 AS TEXT))
                        THEN 1 ELSE 0 END AS BIGINT) AS named",
        )
        .bind(multipart)
        .fetch_one(self.conn())
        .await?;
        row.flag("named")
    }

    /// Up to `limit` open multipart uploads: by key, and for one key in the order of their beginning. With `after_id` those
    /// of the key `keys.after` that come after that upload are among them.
    pub async fn open_multiparts(
        &mut self,
        scope: &Scope,
        keys: Keys<'_>,
        after_id: &str,
        limit: u32,
    ) -> Result<Vec<Multipart>, StoreError> {
        let columns = multiparts::COLUMNS;
        // Ids are made of the time, so they tell the order of beginning.
        let text = format!(
            "SELECT {columns} FROM multiparts
              WHERE app = $1 AND state = 'open' AND object_key >= $2
                AND (object_key > $3 OR (CAST($6 AS TEXT) <> '' AND object_key = $3 AND id > CAST($6 AS TEXT)))
                AND (CAST($4 AS TEXT) IS NULL OR object_key < CAST($4 AS TEXT))
              ORDER BY object_key, id LIMIT $5"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(keys.prefix)
            .bind(keys.after)
            .bind(keys.end())
            .bind(i64::from(limit))
            .bind(after_id)
            .fetch_all(self.conn())
            .await?;
        each(&rows, multiparts::decode)
    }

    /// The open session that may write `key`, which is one of the file `file`.
    pub async fn session_writing(
        &mut self,
        scope: &Scope,
        file: FileId,
        key: &str,
    ) -> Result<Option<Session>, StoreError> {
        let columns = sessions::COLUMNS;
        let text = format!(
            "SELECT {columns} FROM upload_sessions
              WHERE app = $1 AND file_id = $2 AND state = 'open' AND (video_key = $3 OR cover_key = $3)
              ORDER BY created_at DESC, id LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(file.0)
            .bind(key)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(sessions::decode).transpose()
    }
}

impl Tx {
    /// Takes the object from behind its key and marks its bytes abandoned. `Stale`: another object is there, or none.
    pub async fn remove_object(&mut self, scope: &Scope, object: &Object) -> Result<(), StoreError> {
        let result = sqlx::query("DELETE FROM objects WHERE app = $1 AND object_key = $2 AND blob = $3")
            .bind(scope.app().0)
            .bind(&object.key)
            .bind(&object.blob)
            .execute(self.conn())
            .await?;
        ensure_changed(&result)?;
        self.abandon(scope, &format!("blob:{}", object.blob), "deleted_by_client").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_lies_behind_everything_that_begins_with_the_prefix() {
        let end = |prefix| Keys { prefix, after: "" }.end();
        assert_eq!(end(""), None);
        assert_eq!(end("a/").as_deref(), Some("a0"));
        assert_eq!(end("视频").as_deref(), Some("视颒"));
        assert_eq!(end("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(end("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end("\u{10ffff}"), None);
    }
}
