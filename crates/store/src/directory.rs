//! The applications and keys that are good, all at once, for processes that hold them in memory, and the number that
//! tells whether they have changed.

use crate::row::{Columns, each};
use crate::{ApiKey, App, Read, SecretKey, StoreError, Tx, api_keys, apps};

/// Everything that decides who may call, at one version. Revoked ones are not in it.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Grows with every change.
    pub version: i64,
    /// Applications.
    pub apps: Vec<App>,
    /// API keys with their hashes (hex SHA-256 of the whole key).
    pub api_keys: Vec<(String, ApiKey)>,
    /// Key pairs, newest last.
    pub secret_keys: Vec<SecretKey>,
}

impl Read {
    /// The number of the newest change.
    pub async fn directory_version(&mut self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT version FROM directory WHERE id = 1").fetch_one(self.conn()).await?;
        row.int("version")
    }

    /// All of it. The version is read first: a change that comes meanwhile is read again, never missed.
    pub async fn directory(&mut self) -> Result<Directory, StoreError> {
        let version = self.directory_version().await?;
        let rows = sqlx::query(
            "SELECT id, name, private, created_at, revoked_at FROM apps WHERE revoked_at IS NULL ORDER BY id",
        )
        .fetch_all(self.conn())
        .await?;
        let apps = each(&rows, apps::decode)?;
        let rows = sqlx::query(
            "SELECT k.hash, k.id, k.app, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at
               FROM api_keys AS k JOIN apps AS a ON a.id = k.app
              WHERE k.revoked_at IS NULL AND a.revoked_at IS NULL",
        )
        .fetch_all(self.conn())
        .await?;
        let api_keys = each(&rows, |row| Ok((row.text("hash")?, api_keys::decode(row)?)))?;
        let secret_keys = self.live_secret_keys().await?;
        Ok(Directory { version, apps, api_keys, secret_keys })
    }
}

impl Tx {
    /// Tells every process that applications or keys have changed.
    pub(crate) async fn touch_directory(&mut self) -> Result<(), StoreError> {
        sqlx::query("UPDATE directory SET version = version + 1 WHERE id = 1").execute(self.conn()).await?;
        Ok(())
    }
}
