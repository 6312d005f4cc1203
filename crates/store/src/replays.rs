//! Replays: events that an endpoint is to get again. What they hand over is in `handover.rs`.

use reelgate_model::{FileId, Scope, Time};

use crate::{Endpoint, StoreError, Topic, Tx};

/// Which events are to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReplay {
    /// Recorded from then on.
    pub from: Time,
    /// Recorded until then.
    pub to: Time,
    /// Of these types, written as an endpoint's.
    pub types: String,
    /// About this file.
    pub file: Option<FileId>,
    /// Only those that were given up.
    pub dead_only: bool,
}

impl Tx {
    /// Begins a replay of what the log holds by now, and returns its id. `Stale` if the endpoint does not take anything.
    pub async fn create_replay(
        &mut self,
        scope: &Scope,
        endpoint: &Endpoint,
        replay: &NewReplay,
    ) -> Result<String, StoreError> {
        self.lock_taking_endpoint(scope, &endpoint.id).await?;
        let (id, now, start, end) =
            (self.new_id(), self.now(), self.log_start().await?, self.log_end().await?);
        sqlx::query(
            "INSERT INTO replays (id, app, endpoint_id, cursor_txid, cursor_seq, until_txid, until_seq, from_at, to_at, types,
                                  file_id, dead_only, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(&endpoint.id)
        .bind(start.txid)
        .bind(start.seq)
        .bind(end.txid)
        .bind(end.seq)
        .bind(replay.from.0)
        .bind(replay.to.0)
        .bind(&replay.types)
        .bind(replay.file.map(|file| file.0))
        .bind(i64::from(replay.dead_only))
        .bind(now.0)
        .execute(self.conn())
        .await?;
        self.hint(Topic::Events);
        Ok(id)
    }
}
