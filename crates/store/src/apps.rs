//! Applications: the vendor's SubAppIds of this account.
//!
//! No `Scope` here: applications are what scopes are made from.

use reelgate_model::{AppId, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed, ensure_inserted};
use crate::{Read, StoreError, Tx};

/// One application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its SubAppId; the main application has the account's AppId.
    pub id: AppId,
    /// What people call it.
    pub name: String,
    /// Whether its media stay private until the verdict.
    pub private: bool,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked; nothing is accepted for it from then on.
    pub revoked_at: Option<Time>,
}

/// An application to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApp {
    /// Its SubAppId.
    pub id: AppId,
    /// What people call it.
    pub name: String,
    /// Whether its media stay private until the verdict.
    pub private: bool,
}

impl Read {
    /// The application with this id, revoked or not.
    pub async fn app(&mut self, id: AppId) -> Result<Option<App>, StoreError> {
        let row = sqlx::query("SELECT id, name, private, created_at, revoked_at FROM apps WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` applications with ids above `after`, by id, revoked ones included.
    pub async fn apps(&mut self, after: Option<AppId>, limit: u32) -> Result<Vec<App>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, private, created_at, revoked_at FROM apps
              WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.map_or(i64::MIN, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Makes an application. `AlreadyExists` if the id is taken.
    pub async fn create_app(&mut self, app: &NewApp) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO apps (id, name, private, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(app.id.0)
        .bind(&app.name)
        .bind(i64::from(app.private))
        .bind(now.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)?;
        self.touch_directory().await
    }

    /// Sets whether an application's media stay private until the verdict. `Stale` if it is revoked or unknown.
    pub async fn set_app_private(&mut self, id: AppId, private: bool) -> Result<(), StoreError> {
        let result = sqlx::query("UPDATE apps SET private = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(i64::from(private))
            .bind(id.0)
            .execute(self.conn())
            .await?;
        ensure_changed(&result)?;
        self.touch_directory().await
    }

    /// Revokes an application. `Stale` if it is revoked already or unknown.
    pub async fn revoke_app(&mut self, id: AppId) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query("UPDATE apps SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now.0)
            .bind(id.0)
            .execute(self.conn())
            .await?;
        ensure_changed(&result)?;
        self.touch_directory().await
    }
}

pub(crate) fn decode(row: &AnyRow) -> Result<App, StoreError> {
    Ok(App {
        id: row.app_id("id")?,
        name: row.text("name")?,
        private: row.flag("private")?,
        created_at: row.time("created_at")?,
        revoked_at: row.optional_time("revoked_at")?,
    })
}
