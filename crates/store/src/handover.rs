//! Handing the log over to endpoints: deliveries are made and the endpoint's cursor moves in one unit, so that no event is
//! skipped and none is handed over twice.

use std::time::Duration;

use reelgate_model::Scope;

use crate::row::{Columns, ensure_changed};
use crate::{Delivery, Endpoint, StoreError, Topic, Tx};

/// What an endpoint was given to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Claimed, in the order of the log.
    pub deliveries: Vec<Delivery>,
    /// Whether there may be more to hand over at once.
    pub more: bool,
}

/// Whether event `e` is of a type that the `types` of this row want (see [`crate::EndpointSettings`]).
macro_rules! wanted {
    ($row:literal) => {
        concat!(
            "((',' || ",
            $row,
            ".types || ',' LIKE '%,*,%' AND e.type NOT LIKE 'reelgate.%')
              OR (',' || ",
            $row,
            ".types || ',' LIKE '%,reelgate.*,%' AND e.type LIKE 'reelgate.%')
              OR REPLACE(',' || ",
            $row,
            ".types || ',', ',' || e.type || ',', '') <> ',' || ",
            $row,
            ".types || ',')
             AND REPLACE(',' || ",
            $row,
            ".types || ',', ',-' || e.type || ',', '') = ',' || ",
            $row,
            ".types || ','"
        )
    };
}

impl Tx {
    /// Claims up to `limit` deliveries to `endpoint` until `lease` is over. Only when fewer wait is more of the log handed
    /// over: what has not been asked for stays in the log, however far behind the endpoint is.
    ///
    /// Processes that do this for one endpoint at once take turns; whoever finds the cursor moved hands nothing over.
    pub async fn take_deliveries(
        &mut self,
        endpoint: &Endpoint,
        lease: Duration,
        limit: usize,
    ) -> Result<Taken, StoreError> {
        let mut deliveries = self.claim_deliveries(endpoint, lease, limit).await?;
        if deliveries.len() >= limit {
            return Ok(Taken { deliveries, more: true });
        }
        let handed = self.hand_over(endpoint).await? + self.hand_over_replays(endpoint).await?;
        if handed > 0 {
            let room = limit - deliveries.len();
            deliveries.extend(self.claim_deliveries(endpoint, lease, room).await?);
        }
        Ok(Taken { deliveries, more: handed > 0 })
    }

    /// One page of the log to one endpoint. Returns how many events it passed.
    async fn hand_over(&mut self, endpoint: &Endpoint) -> Result<usize, StoreError> {
        let from = (endpoint.cursor_txid, endpoint.cursor_seq);
        let Some(((txid, seq), passed)) = self.log_page(endpoint.app, from, None).await? else {
            return Ok(0);
        };
        let moved = sqlx::query(
            "UPDATE endpoints SET cursor_txid = $1, cursor_seq = $2
              WHERE id = $3 AND cursor_txid = $4 AND cursor_seq = $5 AND enabled = 1 AND removed_at IS NULL",
        )
        .bind(txid)
        .bind(seq)
        .bind(&endpoint.id)
        .bind(endpoint.cursor_txid)
        .bind(endpoint.cursor_seq)
        .execute(self.conn())
        .await?;
        if moved.rows_affected() == 0 {
            return Ok(0);
        }
        let now = self.now();
        sqlx::query(concat!(
            "INSERT INTO deliveries (endpoint_id, event_seq, event_at, event_txid, event_id, event_type, app, file_id,
                                     state, next_at, created_at)
             SELECT p.id, e.seq, e.recorded_at, e.txid, e.id, e.type, e.app, e.file_id, 'pending', $1, $1
               FROM endpoints AS p
               JOIN events AS e ON e.app = p.app
              WHERE p.id = $2 AND (e.txid, e.seq) > ($3, $4) AND (e.txid, e.seq) <= ($5, $6)
                AND (e.endpoint_id = p.id OR (e.endpoint_id = '' AND ",
            wanted!("p"),
            ")) ON CONFLICT (endpoint_id, event_seq, event_at) DO NOTHING",
        ))
        .bind(now.0)
        .bind(&endpoint.id)
        .bind(endpoint.cursor_txid)
        .bind(endpoint.cursor_seq)
        .bind(txid)
        .bind(seq)
        .execute(self.conn())
        .await?;
        Ok(passed)
    }

    /// One page of the oldest replay of an endpoint. Returns how many events it passed.
    async fn hand_over_replays(&mut self, endpoint: &Endpoint) -> Result<usize, StoreError> {
        let open = sqlx::query(
            "SELECT id, cursor_txid, cursor_seq, until_txid, until_seq, from_at, to_at, types, file_id, dead_only
               FROM replays WHERE endpoint_id = $1 AND finished_at IS NULL ORDER BY id LIMIT 1",
        )
        .bind(&endpoint.id)
        .fetch_optional(self.conn())
        .await?;
        let Some(open) = open else { return Ok(0) };
        let id = open.text("id")?;
        let from = (open.int("cursor_txid")?, open.int("cursor_seq")?);
        let until = (open.int("until_txid")?, open.int("until_seq")?);
        let page = self.log_page(endpoint.app, from, Some(until)).await?;
        let now = self.now();
        let Some((to, passed)) = page else {
            sqlx::query("UPDATE replays SET finished_at = $1 WHERE id = $2 AND finished_at IS NULL")
                .bind(now.0)
                .bind(&id)
                .execute(self.conn())
                .await?;
            return Ok(0);
        };
        let moved = sqlx::query(
            "UPDATE replays SET cursor_txid = $1, cursor_seq = $2
              WHERE id = $3 AND cursor_txid = $4 AND cursor_seq = $5 AND finished_at IS NULL",
        )
        .bind(to.0)
        .bind(to.1)
        .bind(&id)
        .bind(from.0)
        .bind(from.1)
        .execute(self.conn())
        .await?;
        if moved.rows_affected() > 0 {
            self.hand_over_again(&id, from, to, open.flag("dead_only")?).await?;
        }
        Ok(passed)
    }

    /// What a replay wants of a page: made anew, or begun again when it has ended. What is still to be sent stays as it is.
    async fn hand_over_again(
        &mut self,
        replay: &str,
        from: (i64, i64),
        to: (i64, i64),
        dead_only: bool,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let sql = if dead_only { AGAIN_DEAD } else { AGAIN_ALL };
        sqlx::query(sql)
            .bind(now.0)
            .bind(replay)
            .bind(from.0)
            .bind(from.1)
            .bind(to.0)
            .bind(to.1)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// Sends one delivery again that has ended. `Stale` if it has not, or its endpoint does not take anything.
    pub async fn revive_delivery(&mut self, scope: &Scope, delivery: &Delivery) -> Result<(), StoreError> {
        self.lock_taking_endpoint(scope, &delivery.endpoint).await?;
        let now = self.now();
        let result = sqlx::query(
            "UPDATE deliveries SET state = 'pending', reason = '', tries = 0, next_at = $1, finished_at = NULL
              WHERE app = $2 AND endpoint_id = $3 AND event_seq = $4 AND event_at = $5 AND state <> 'pending'",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(&delivery.endpoint)
        .bind(delivery.place.seq)
        .bind(delivery.place.at.0)
        .execute(self.conn())
        .await?;
        self.hint(Topic::Events);
        ensure_changed(&result)
    }
}

/// `$1` now, `$2` replay, `$3`, `$4` and `$5`, `$6` the page. A replay hands over only what the endpoint may have: never
/// what another endpoint's owner tried out.
macro_rules! again_sql {
    ($on_conflict:literal, $join:literal) => {
        concat!(
            "INSERT INTO deliveries (endpoint_id, event_seq, event_at, event_txid, event_id, event_type, app, file_id,
                                     state, next_at, created_at)
             SELECT r.endpoint_id, e.seq, e.recorded_at, e.txid, e.id, e.type, e.app, e.file_id, 'pending', $1, $1
               FROM replays AS r
               JOIN events AS e ON e.app = r.app ",
            $join,
            " WHERE r.id = $2 AND (e.txid, e.seq) > ($3, $4) AND (e.txid, e.seq) <= ($5, $6)
                AND e.recorded_at >= r.from_at AND e.recorded_at <= r.to_at
                AND (r.file_id IS NULL OR e.file_id = r.file_id)
                AND e.endpoint_id IN ('', r.endpoint_id) AND ",
            wanted!("r"),
            " ON CONFLICT (endpoint_id, event_seq, event_at) ",
            $on_conflict
        )
    };
}
const AGAIN_ALL: &str = again_sql!(
    "DO UPDATE SET state = 'pending', reason = '', tries = 0, next_at = excluded.next_at, finished_at = NULL
      WHERE deliveries.state <> 'pending'",
    ""
);
const AGAIN_DEAD: &str = again_sql!(
    "DO UPDATE SET state = 'pending', reason = '', tries = 0, next_at = excluded.next_at, finished_at = NULL
      WHERE deliveries.state = 'dead'",
    "JOIN deliveries AS d ON d.endpoint_id = r.endpoint_id AND d.event_seq = e.seq AND d.event_at = e.recorded_at
                         AND d.state = 'dead'"
);
