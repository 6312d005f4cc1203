//! Searching the library.

use reelgate_model::{FileId, Scope, Time};
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use crate::media::{COLUMNS, Media, decode};
use crate::row::{Columns, each};
use crate::{Read, StoreError};

/// Conditions that all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaSearch {
    /// One of these; empty: any.
    pub files: Vec<FileId>,
    /// The name begins with one of these; empty: any.
    pub name_prefixes: Vec<String>,
    /// Made then or later.
    pub from: Option<Time>,
    /// Made then or earlier.
    pub until: Option<Time>,
    /// Oldest first rather than newest first.
    pub ascending: bool,
}

impl Read {
    /// How many media that are not deleted meet the conditions.
    pub async fn media_count(&mut self, scope: &Scope, search: &MediaSearch) -> Result<u64, StoreError> {
        let text = format!("SELECT COUNT(*) AS found FROM media WHERE {}", search.conditions());
        let row = search.bind(&text, scope).fetch_one(self.conn()).await?;
        row.size("found")
    }

    /// Up to `limit` media that are not deleted and meet the conditions, without the first `offset`.
    pub async fn media_search(
        &mut self,
        scope: &Scope,
        search: &MediaSearch,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Media>, StoreError> {
        let order = if search.ascending { "ASC" } else { "DESC" };
        // Numbers of ours: they cannot be anything else in the text.
        let text = format!(
            "SELECT {COLUMNS} FROM media WHERE {} ORDER BY created_at {order}, file_id {order}
              LIMIT {limit} OFFSET {offset}",
            search.conditions()
        );
        let rows = search.bind(&text, scope).fetch_all(self.conn()).await?;
        each(&rows, decode)
    }
}

impl MediaSearch {
    /// `$1` application, `$2` and `$3` the times, then the files, then the prefixes.
    fn conditions(&self) -> String {
        let place = |n: usize| format!("${}", 4 + n);
        let files: Vec<String> = (0..self.files.len()).map(place).collect();
        let names = (self.files.len()..self.files.len() + self.name_prefixes.len()).map(place);
        let names: Vec<String> =
            names.map(|n| format!("substr(name, 1, length(CAST({n} AS TEXT))) = {n}")).collect();
        let mut text = "app = $1 AND status = 'normal' AND created_at >= $2 AND created_at <= $3".to_owned();
        if !files.is_empty() {
            text.push_str(&format!(" AND file_id IN ({})", files.join(", ")));
        }
        if !names.is_empty() {
            text.push_str(&format!(" AND ({})", names.join(" OR ")));
        }
        text
    }

    fn bind<'q>(&'q self, text: &str, scope: &Scope) -> Query<'q, sqlx::Any, AnyArguments> {
        // The text varies in how many placeholders it has, and in nothing that comes from outside.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text.to_owned()))
            .bind(scope.app().0)
            .bind(self.from.unwrap_or(Time(i64::MIN)).0)
            .bind(self.until.unwrap_or(Time(i64::MAX)).0);
        for file in &self.files {
            query = query.bind(file.0);
        }
        for prefix in &self.name_prefixes {
            query = query.bind(prefix);
        }
        query
    }
}
