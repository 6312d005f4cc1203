//! Endpoints: where an application wants its events pushed, and how far each has been served.
//!
//! An endpoint's cursor is kept without an epoch: [`Tx::renew_epoch`] moves it together with the log.

use reelgate_model::{AppId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed};
use crate::{Cursor, Read, StoreError, Tx};

/// A push target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Whose events it gets.
    pub app: AppId,
    /// Where to.
    pub url: String,
    /// In which shape; `vendor3` is the only one.
    pub shape: String,
    /// Whether new events are handed to it.
    pub enabled: bool,
    /// Up to where the log has been handed to it.
    pub cursor_txid: i64,
    /// Up to where the log has been handed to it.
    pub cursor_seq: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was removed: what is still to be sent to it is given up.
    pub removed_at: Option<Time>,
}

impl Read {
    /// The endpoint of an application.
    pub async fn endpoint(&mut self, scope: &Scope) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query(
            "SELECT id, app, url, shape, enabled, cursor_txid, cursor_seq, created_at, removed_at FROM endpoints
              WHERE app = $1 AND removed_at IS NULL ORDER BY id DESC LIMIT 1",
        )
        .bind(scope.app().0)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// One endpoint of any application, removed or not: for who sends.
    pub async fn endpoint_by_id(&mut self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query(
            "SELECT id, app, url, shape, enabled, cursor_txid, cursor_seq, created_at, removed_at FROM endpoints
              WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` endpoints of all applications for which the log holds events that they have not been handed yet.
    pub async fn endpoints_behind(&mut self, limit: u32) -> Result<Vec<Endpoint>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, app, url, shape, enabled, cursor_txid, cursor_seq, created_at, removed_at FROM endpoints
              WHERE enabled = 1 AND removed_at IS NULL
                AND EXISTS (SELECT 1 FROM events AS e
                             WHERE e.app = endpoints.app
                               AND (e.txid, e.seq) > (endpoints.cursor_txid, endpoints.cursor_seq)
                               AND e.txid < (SELECT txid FROM log_horizon))
              ORDER BY id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Makes the application's one endpoint, or gives the one it has another address: what is still to be sent then
    /// goes there, at once. A new endpoint begins at the end of the log. `Stale` if the application is revoked or unknown.
    pub async fn put_endpoint(
        &mut self,
        scope: &Scope,
        url: &str,
        shape: &str,
    ) -> Result<Endpoint, StoreError> {
        self.lock_app(scope).await?;
        match self.endpoint(scope).await? {
            Some(endpoint) if endpoint.url == url && endpoint.shape == shape => Ok(endpoint),
            Some(endpoint) => self.readdress_endpoint(endpoint, url, shape).await,
            None => self.create_endpoint(scope, url, shape).await,
        }
    }

    /// Removes the application's endpoint and makes what is still to be sent to it due, so that it is given up with
    /// a reason. Returns it, or `None` if there is none.
    pub async fn remove_endpoint(&mut self, scope: &Scope) -> Result<Option<Endpoint>, StoreError> {
        self.lock_app(scope).await?;
        let Some(endpoint) = self.endpoint(scope).await? else { return Ok(None) };
        let now = self.now();
        let result = sqlx::query(
            "UPDATE endpoints SET removed_at = $1 WHERE app = $2 AND id = $3 AND removed_at IS NULL",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(&endpoint.id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.hasten_deliveries(&endpoint.id).await?;
        Ok(Some(Endpoint { removed_at: Some(now), ..endpoint }))
    }

    /// Notes that the log has been handed to `endpoint` up to `next`. `Stale` if somebody else did it first: then the
    /// unit, with the deliveries it made, must roll back.
    pub async fn move_endpoint(&mut self, endpoint: &Endpoint, next: &Cursor) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE endpoints SET cursor_txid = $1, cursor_seq = $2
              WHERE id = $3 AND cursor_txid = $4 AND cursor_seq = $5 AND enabled = 1 AND removed_at IS NULL
                AND EXISTS (SELECT 1 FROM server_meta WHERE key = 'epoch' AND value = $6)",
        )
        .bind(next.txid)
        .bind(next.seq)
        .bind(&endpoint.id)
        .bind(endpoint.cursor_txid)
        .bind(endpoint.cursor_seq)
        .bind(&next.epoch)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    async fn create_endpoint(
        &mut self,
        scope: &Scope,
        url: &str,
        shape: &str,
    ) -> Result<Endpoint, StoreError> {
        let (id, now, end) = (self.new_id(), self.now(), self.log_end().await?);
        sqlx::query(
            "INSERT INTO endpoints (id, app, url, shape, cursor_txid, cursor_seq, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(url)
        .bind(shape)
        .bind(end.txid)
        .bind(end.seq)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        Ok(Endpoint {
            id,
            app: scope.app(),
            url: url.to_owned(),
            shape: shape.to_owned(),
            enabled: true,
            cursor_txid: end.txid,
            cursor_seq: end.seq,
            created_at: now,
            removed_at: None,
        })
    }

    async fn readdress_endpoint(
        &mut self,
        endpoint: Endpoint,
        url: &str,
        shape: &str,
    ) -> Result<Endpoint, StoreError> {
        let result = sqlx::query(
            "UPDATE endpoints SET url = $1, shape = $2 WHERE app = $3 AND id = $4 AND removed_at IS NULL",
        )
        .bind(url)
        .bind(shape)
        .bind(endpoint.app.0)
        .bind(&endpoint.id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.hasten_deliveries(&endpoint.id).await?;
        Ok(Endpoint { url: url.to_owned(), shape: shape.to_owned(), ..endpoint })
    }

    /// Two callers that set the endpoint of one application at once take turns: the second sees what the first made.
    async fn lock_app(&mut self, scope: &Scope) -> Result<(), StoreError> {
        let result = sqlx::query("UPDATE apps SET private = private WHERE id = $1 AND revoked_at IS NULL")
            .bind(scope.app().0)
            .execute(self.conn())
            .await?;
        ensure_changed(&result)
    }
}

fn decode(row: &AnyRow) -> Result<Endpoint, StoreError> {
    Ok(Endpoint {
        id: row.text("id")?,
        app: row.app_id("app")?,
        url: row.text("url")?,
        shape: row.text("shape")?,
        enabled: row.flag("enabled")?,
        cursor_txid: row.int("cursor_txid")?,
        cursor_seq: row.int("cursor_seq")?,
        created_at: row.time("created_at")?,
        removed_at: row.optional_time("removed_at")?,
    })
}
