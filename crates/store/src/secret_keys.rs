//! SecretIds and their keys, with which backends sign. A key is stored sealed; the store never sees it open.
//!
//! No `Scope` here: secret keys belong to the account, and scopes are made from them.

use reelgate_model::{AppId, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed, ensure_inserted};
use crate::{Read, StoreError, Tx};

/// Which applications a SecretId reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyApps {
    /// All of the account, later ones included.
    All,
    /// These only.
    Listed(Vec<AppId>),
}

impl KeyApps {
    /// Whether `app` is among them.
    pub fn contains(&self, app: AppId) -> bool {
        match self {
            Self::All => true,
            Self::Listed(apps) => apps.contains(&app),
        }
    }
}

/// A SecretId.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey {
    /// The public half.
    pub secret_id: String,
    /// The secret half, encrypted with the master key.
    pub sealed: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// Where it is good.
    pub apps: KeyApps,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by rotation.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl SecretKey {
    /// Whether its time by rotation is over.
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// A SecretId to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecretKey {
    /// The public half.
    pub secret_id: String,
    /// The secret half, encrypted with the master key.
    pub sealed: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// Where it is good.
    pub apps: KeyApps,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewSecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecretKey").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

impl Read {
    /// The key with this SecretId, unless it is revoked.
    pub async fn secret_key(&mut self, secret_id: &str) -> Result<Option<SecretKey>, StoreError> {
        let row = sqlx::query(
            "SELECT secret_id, sealed, name, all_apps, created_at, expires_at, revoked_at FROM secret_keys
              WHERE secret_id = $1 AND revoked_at IS NULL",
        )
        .bind(secret_id)
        .fetch_optional(self.conn())
        .await?;
        match row {
            Some(row) => self.with_apps(&row).await.map(Some),
            None => Ok(None),
        }
    }

    /// All keys that are not revoked, newest last.
    pub(crate) async fn live_secret_keys(&mut self) -> Result<Vec<SecretKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT secret_id, sealed, name, all_apps, created_at, expires_at, revoked_at FROM secret_keys
              WHERE revoked_at IS NULL ORDER BY created_at, secret_id",
        )
        .fetch_all(self.conn())
        .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            keys.push(self.with_apps(row).await?);
        }
        Ok(keys)
    }

    /// Up to `limit` keys with SecretIds after `after` (empty: from the first), revoked ones included.
    pub async fn secret_keys(&mut self, after: &str, limit: u32) -> Result<Vec<SecretKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT secret_id, sealed, name, all_apps, created_at, expires_at, revoked_at FROM secret_keys
              WHERE secret_id > $1 ORDER BY secret_id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            keys.push(self.with_apps(row).await?);
        }
        Ok(keys)
    }

    async fn with_apps(&mut self, row: &AnyRow) -> Result<SecretKey, StoreError> {
        let secret_id = row.text("secret_id")?;
        let apps = if row.flag("all_apps")? {
            KeyApps::All
        } else {
            let rows = sqlx::query("SELECT app FROM secret_key_apps WHERE secret_id = $1 ORDER BY app")
                .bind(&secret_id)
                .fetch_all(self.conn())
                .await?;
            KeyApps::Listed(each(&rows, |row| row.app_id("app"))?)
        };
        Ok(SecretKey {
            secret_id,
            sealed: row.bytes("sealed")?,
            name: row.text("name")?,
            apps,
            created_at: row.time("created_at")?,
            expires_at: row.optional_time("expires_at")?,
            revoked_at: row.optional_time("revoked_at")?,
        })
    }
}

impl Tx {
    /// Stores a key. `AlreadyExists` if the SecretId is taken, `Dangling` if a listed application does not exist.
    pub async fn create_secret_key(&mut self, key: &NewSecretKey) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO secret_keys (secret_id, sealed, name, all_apps, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (secret_id) DO NOTHING",
        )
        .bind(&key.secret_id)
        .bind(key.sealed.as_slice())
        .bind(&key.name)
        .bind(i64::from(key.apps == KeyApps::All))
        .bind(now.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)?;
        if let KeyApps::Listed(apps) = &key.apps {
            for app in apps {
                sqlx::query(
                    "INSERT INTO secret_key_apps (secret_id, app) VALUES ($1, $2)
                     ON CONFLICT (secret_id, app) DO NOTHING",
                )
                .bind(&key.secret_id)
                .bind(app.0)
                .execute(self.conn())
                .await?;
            }
        }
        self.touch_directory().await
    }

    /// Lets a key end at `end` (rotation). `Stale` if it is revoked, unknown, or ends earlier already.
    pub async fn retire_secret_key(&mut self, secret_id: &str, end: Time) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE secret_keys SET expires_at = $1
              WHERE secret_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)",
        )
        .bind(end.0)
        .bind(secret_id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.touch_directory().await
    }

    /// Revokes a key. `Stale` if it is revoked already or unknown.
    pub async fn revoke_secret_key(&mut self, secret_id: &str) -> Result<(), StoreError> {
        let now = self.now();
        let result =
            sqlx::query("UPDATE secret_keys SET revoked_at = $1 WHERE secret_id = $2 AND revoked_at IS NULL")
                .bind(now.0)
                .bind(secret_id)
                .execute(self.conn())
                .await?;
        ensure_changed(&result)?;
        self.touch_directory().await
    }
}
