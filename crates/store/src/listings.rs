//! Listings of a whole bucket: objects and open multipart uploads by key, a page at a time.
//!
//! Keys are compared by their bytes on both engines, so a page begins where the one before ended.

use reelgate_model::{FileId, Scope};

use crate::multiparts::{self, Multipart};
use crate::objects::{self, Object};
use crate::row::{each, ensure_changed};
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
    fn end(&self) -> Option<String> {
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
