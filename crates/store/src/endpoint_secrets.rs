//! What pushes are signed with. A secret stays good for a while after another has taken its place.

use reelgate_model::{Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each};
use crate::{Read, StoreError, Tx};

/// One secret of an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret {
    /// Its id.
    pub id: String,
    /// Encrypted with the master key.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
    /// Until when it signs; `None`: until another takes its place.
    pub expires_at: Option<Time>,
}

impl std::fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Read {
    /// The secrets of an endpoint that are good at `now`, newest first: the one that no other has followed, then by their end. Two may
    /// have been made in one millisecond.
    pub async fn endpoint_secrets(
        &mut self,
        endpoint: &str,
        now: Time,
    ) -> Result<Vec<EndpointSecret>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, sealed, created_at, expires_at FROM endpoint_secrets
              WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > $2)
              ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, expires_at DESC, created_at DESC, id DESC",
        )
        .bind(endpoint)
        .bind(now.0)
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Adds a secret; the one before stays good until `overlap_until`. Those that are over are forgotten.
    pub async fn add_endpoint_secret(
        &mut self,
        scope: &Scope,
        endpoint: &str,
        sealed: &[u8],
        overlap_until: Time,
    ) -> Result<(), StoreError> {
        self.end_endpoint_secrets(endpoint, overlap_until).await?;
        let (id, now) = (self.new_id(), self.now());
        sqlx::query(
            "INSERT INTO endpoint_secrets (id, app, endpoint_id, sealed, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(scope.app().0)
        .bind(endpoint)
        .bind(sealed)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Lets all secrets end at `until` if they would last longer, and forgets those that are over.
    pub async fn end_endpoint_secrets(&mut self, endpoint: &str, until: Time) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query(
            "UPDATE endpoint_secrets SET expires_at = $1
              WHERE endpoint_id = $2 AND (expires_at IS NULL OR expires_at > $1)",
        )
        .bind(until.0)
        .bind(endpoint)
        .execute(self.conn())
        .await?;
        sqlx::query("DELETE FROM endpoint_secrets WHERE endpoint_id = $1 AND expires_at <= $2")
            .bind(endpoint)
            .bind(now.0)
            .execute(self.conn())
            .await?;
        Ok(())
    }
}

fn decode(row: &AnyRow) -> Result<EndpointSecret, StoreError> {
    Ok(EndpointSecret {
        id: row.text("id")?,
        sealed: row.bytes("sealed")?,
        created_at: row.time("created_at")?,
        expires_at: row.optional_time("expires_at")?,
    })
}
