//! API keys, known by the hash of the whole key only.

use reelgate_model::{ApiScope, AppId, Scope, StateError, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, corrupt, each, ensure_changed, ensure_inserted};
use crate::{Read, StoreError, Tx};

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public id.
    pub id: String,
    /// The application it is good for.
    pub app: AppId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<ApiScope>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by rotation.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl ApiKey {
    /// Whether its time by rotation is over.
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// An API key to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Hex SHA-256 of the whole key.
    pub hash: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<ApiScope>,
}

impl std::fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Read {
    /// The key with this id, unless it or its application is revoked; for who has a console session of it.
    pub async fn live_api_key(&mut self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let row = sqlx::query(
            "SELECT k.id, k.app, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at
               FROM api_keys AS k JOIN apps AS a ON a.id = k.app
              WHERE k.id = $1 AND k.revoked_at IS NULL AND a.revoked_at IS NULL",
        )
        .bind(id)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` keys of the application with ids after `after` (empty: from the first), revoked ones included.
    pub async fn api_keys(
        &mut self,
        scope: &Scope,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, app, name, scopes, created_at, expires_at, revoked_at FROM api_keys
              WHERE app = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(scope.app().0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Stores a key and returns its id. `AlreadyExists` if the same key is stored already.
    pub async fn create_api_key(&mut self, scope: &Scope, key: &NewApiKey) -> Result<String, StoreError> {
        let (id, now) = (self.new_id(), self.now());
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let result = sqlx::query(
            "INSERT INTO api_keys (id, app, hash, name, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (hash) DO NOTHING",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(&key.hash)
        .bind(&key.name)
        .bind(scopes.join(" "))
        .bind(now.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)?;
        self.touch_directory().await?;
        Ok(id)
    }

    /// Lets a key end at `end` (rotation). `Stale` if it is revoked, unknown, or ends earlier already.
    pub async fn retire_api_key(&mut self, scope: &Scope, id: &str, end: Time) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE api_keys SET expires_at = $1
              WHERE app = $2 AND id = $3 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)",
        )
        .bind(end.0)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.touch_directory().await
    }

    /// Revokes a key and ends the console sessions opened with it. `Stale` if it is revoked already or unknown.
    pub async fn revoke_api_key(&mut self, scope: &Scope, id: &str) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE api_keys SET revoked_at = $1 WHERE app = $2 AND id = $3 AND revoked_at IS NULL",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        sqlx::query("DELETE FROM console_sessions WHERE api_key = $1").bind(id).execute(self.conn()).await?;
        self.touch_directory().await
    }
}

pub(crate) fn decode(row: &AnyRow) -> Result<ApiKey, StoreError> {
    let scopes: Result<Vec<ApiScope>, StateError> =
        row.text("scopes")?.split_whitespace().map(str::parse).collect();
    Ok(ApiKey {
        id: row.text("id")?,
        app: row.app_id("app")?,
        name: row.text("name")?,
        scopes: scopes.map_err(|error| corrupt("scopes", error.to_string()))?,
        created_at: row.time("created_at")?,
        expires_at: row.optional_time("expires_at")?,
        revoked_at: row.optional_time("revoked_at")?,
    })
}
