//! Events that came from the real cloud: recorded once, however often and by whichever way they come.

use reelgate_model::{Scope, Time};

use crate::row::Columns;
use crate::{NewEvent, Read, Recorded, StoreError, Tx};

impl Read {
    /// The id of the event that was recorded under `identity`.
    pub async fn received(&mut self, scope: &Scope, identity: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT event_id FROM received_events WHERE app = $1 AND identity = $2")
            .bind(scope.app().0)
            .bind(identity)
            .fetch_optional(self.conn())
            .await?;
        row.map(|row| row.text("event_id")).transpose()
    }
}

impl Tx {
    /// Notes that `identity` has been seen, and `note` beside it. Returns the note of whoever was first, or `None` if that is the
    /// caller. Who comes at the same moment waits for the other unit.
    pub async fn claim_identity(
        &mut self,
        scope: &Scope,
        identity: &str,
        note: &str,
    ) -> Result<Option<String>, StoreError> {
        let now = self.now();
        let claimed = sqlx::query(
            "INSERT INTO received_events (app, identity, event_id, received_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (app, identity) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(identity)
        .bind(note)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        if claimed.rows_affected() == 1 { Ok(None) } else { self.received(scope, identity).await }
    }

    /// Records an event unless one with this identity has been recorded before; then `None`.
    pub async fn receive_event(
        &mut self,
        scope: &Scope,
        identity: &str,
        event: &NewEvent,
    ) -> Result<Option<Recorded>, StoreError> {
        // First the identity: whoever brings the same event at the same moment waits here, and then finds it.
        if self.claim_identity(scope, identity, "").await?.is_some() {
            return Ok(None);
        }
        let recorded = self.append_event(scope, event).await?;
        sqlx::query("UPDATE received_events SET event_id = $1 WHERE app = $2 AND identity = $3")
            .bind(&recorded.id)
            .bind(scope.app().0)
            .bind(identity)
            .execute(self.conn())
            .await?;
        Ok(Some(recorded))
    }

    /// Forgets up to `limit` identities from before `before`. Returns how many.
    pub async fn forget_received(&mut self, before: Time, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "DELETE FROM received_events WHERE (app, identity) IN (
                 SELECT app, identity FROM received_events WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
        )
        .bind(before.0)
        .bind(i64::from(limit))
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected())
    }
}
