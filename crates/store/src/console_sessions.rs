//! People signed in to the console with an API key. The cookie is known by its hash only.
//!
//! No `Scope` here: a session is what the console's scope is made from.

use reelgate_model::Time;

use crate::row::{Columns, ensure_inserted};
use crate::{ApiKey, Read, StoreError, Tx};

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSession {
    /// The key it was opened with, not revoked.
    pub key: ApiKey,
    /// What a changing request must repeat.
    pub csrf: String,
    /// When it ends by itself.
    pub expires_at: Time,
}

/// A session to be opened.
#[derive(Clone, PartialEq, Eq)]
pub struct NewConsoleSession {
    /// Hex SHA-256 of the cookie.
    pub id: String,
    /// Id of the API key it is opened with.
    pub api_key: String,
    /// What a changing request must repeat.
    pub csrf: String,
    /// When it ends by itself.
    pub expires_at: Time,
}

impl std::fmt::Debug for NewConsoleSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewConsoleSession").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

impl Read {
    /// The session behind the cookie with this hash, if it has not ended by `now` and its key is not revoked.
    pub async fn console_session(
        &mut self,
        id: &str,
        now: Time,
    ) -> Result<Option<ConsoleSession>, StoreError> {
        let row = sqlx::query(
            "SELECT api_key, csrf, expires_at FROM console_sessions WHERE id = $1 AND expires_at > $2",
        )
        .bind(id)
        .bind(now.0)
        .fetch_optional(self.conn())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let Some(key) = self.live_api_key(&row.text("api_key")?).await? else { return Ok(None) };
        Ok(Some(ConsoleSession { key, csrf: row.text("csrf")?, expires_at: row.time("expires_at")? }))
    }
}

impl Tx {
    /// Opens a session. `Dangling` if the API key does not exist.
    pub async fn create_console_session(&mut self, session: &NewConsoleSession) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO console_sessions (id, api_key, csrf, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&session.id)
        .bind(&session.api_key)
        .bind(&session.csrf)
        .bind(now.0)
        .bind(session.expires_at.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)
    }

    /// Ends a session; no matter whether it was there.
    pub async fn end_console_session(&mut self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM console_sessions WHERE id = $1").bind(id).execute(self.conn()).await?;
        Ok(())
    }

    /// Removes sessions that have ended by themselves. Returns how many.
    pub async fn sweep_console_sessions(&mut self) -> Result<u64, StoreError> {
        let now = self.now();
        let result = sqlx::query("DELETE FROM console_sessions WHERE expires_at <= $1")
            .bind(now.0)
            .execute(self.conn())
            .await?;
        Ok(result.rows_affected())
    }
}
