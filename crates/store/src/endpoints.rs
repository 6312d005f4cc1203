//! Endpoints: where an application wants its events pushed, how far each has been served, and how it is doing.
//!
//! An endpoint's cursor is kept without an epoch: [`Tx::renew_epoch`] moves it together with the log. Every statement
//! that hands events over demands that the endpoint be enabled, in the same row that disabling changes: a disabled or
//! removed endpoint accumulates nothing.

use reelgate_model::{AppId, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed, storable};
use crate::{Read, StoreError, Topic, Tx};

/// A push target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Whose events it gets.
    pub app: AppId,
    /// `vendor`: the one of ModifyEventConfig; `main`: the one that has a short form; else empty.
    pub role: String,
    /// What its owner chose.
    pub settings: EndpointSettings,
    /// Whether new events are handed to it.
    pub enabled: bool,
    /// Up to where the log has been handed to it.
    pub cursor_txid: i64,
    /// Up to where the log has been handed to it.
    pub cursor_seq: i64,
    /// Attempts that failed since the last that succeeded.
    pub failures: i64,
    /// When the first of them was made.
    pub failing_since: Option<Time>,
    /// It is left alone until then.
    pub not_before: Time,
    /// What the last of them met.
    pub last_error: String,
    /// When it was disabled.
    pub disabled_at: Option<Time>,
    /// Why.
    pub disabled_reason: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was removed.
    pub removed_at: Option<Time>,
}

/// What the owner of an endpoint chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Where to. Empty for the vendor's one while it has no address.
    pub url: String,
    /// In which shape: `vendor3`, `vendor2` or `standard`.
    pub shape: String,
    /// `file`: the next event about a file waits for the one before; `none`: it does not.
    pub ordering: String,
    /// Which types, as words separated by commas: `*` all of the vendor's, `reelgate.*` all of ours, a name, or `-` and a name
    /// to leave it out.
    pub types: String,
}

/// Columns of an endpoint, for every statement that reads one.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, app, role, url, shape, ordering, types, enabled, cursor_txid, cursor_seq, failures, failing_since,
                    not_before, last_error, disabled_at, disabled_reason, created_at, removed_at
               FROM endpoints ",
            $rest
        )
    };
}

impl Read {
    /// All endpoints of an application, oldest first.
    pub async fn endpoints(&mut self, scope: &Scope) -> Result<Vec<Endpoint>, StoreError> {
        let rows = sqlx::query(select!("WHERE app = $1 AND removed_at IS NULL ORDER BY id"))
            .bind(scope.app().0)
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode)
    }

    /// One endpoint of an application.
    pub async fn endpoint(&mut self, scope: &Scope, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query(select!("WHERE app = $1 AND id = $2 AND removed_at IS NULL"))
            .bind(scope.app().0)
            .bind(id)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The endpoint of an application that has `role`.
    pub async fn endpoint_in_role(
        &mut self,
        scope: &Scope,
        role: &str,
    ) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query(select!(
            "WHERE app = $1 AND role = $2 AND removed_at IS NULL ORDER BY id DESC LIMIT 1"
        ))
        .bind(scope.app().0)
        .bind(role)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// One endpoint of any application, removed or not: for who sends.
    pub async fn endpoint_by_id(&mut self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1")).bind(id).fetch_optional(self.conn()).await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` endpoints of all applications, by id from `after` on, for which there is something to do now: a delivery
    /// is due, the log holds events that they have not been handed yet, or a replay is not finished.
    pub async fn endpoints_to_serve(
        &mut self,
        now: Time,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Endpoint>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE enabled = 1 AND removed_at IS NULL AND not_before <= $1 AND id > $2
               AND (EXISTS (SELECT 1 FROM deliveries AS d
                             WHERE d.endpoint_id = endpoints.id AND d.state = 'pending' AND d.next_at <= $1)
                    OR EXISTS (SELECT 1 FROM events AS e
                                WHERE e.app = endpoints.app
                                  AND (e.txid, e.seq) > (endpoints.cursor_txid, endpoints.cursor_seq)
                                  AND e.txid < (SELECT txid FROM log_horizon))
                    OR EXISTS (SELECT 1 FROM replays AS r
                                WHERE r.endpoint_id = endpoints.id AND r.finished_at IS NULL))
             ORDER BY id LIMIT $3"
        ))
        .bind(now.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Makes an endpoint, which begins at the end of the log. `Stale` if the application is revoked or unknown.
    pub async fn create_endpoint(
        &mut self,
        scope: &Scope,
        role: &str,
        settings: &EndpointSettings,
    ) -> Result<Endpoint, StoreError> {
        self.lock_app(scope).await?;
        let (id, now, end) = (self.new_id(), self.now(), self.log_end().await?);
        sqlx::query(
            "INSERT INTO endpoints (id, app, role, url, shape, ordering, types, cursor_txid, cursor_seq, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(role)
        .bind(&settings.url)
        .bind(&settings.shape)
        .bind(&settings.ordering)
        .bind(&settings.types)
        .bind(end.txid)
        .bind(end.seq)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        self.endpoint(scope, &id).await?.ok_or(StoreError::Stale)
    }

    /// Changes what the owner chooses. What is still to be sent goes to the new address, in the new shape; when the address
    /// changes, at once. `Stale` if there is no such endpoint.
    pub async fn change_endpoint(
        &mut self,
        scope: &Scope,
        id: &str,
        settings: &EndpointSettings,
    ) -> Result<Endpoint, StoreError> {
        let before = self.endpoint(scope, id).await?.ok_or(StoreError::Stale)?;
        let result = sqlx::query(
            "UPDATE endpoints SET url = $1, shape = $2, ordering = $3, types = $4
              WHERE app = $5 AND id = $6 AND removed_at IS NULL",
        )
        .bind(&settings.url)
        .bind(&settings.shape)
        .bind(&settings.ordering)
        .bind(&settings.types)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        if before.settings.url != settings.url {
            self.absolve_endpoint(id).await?;
            self.hasten_deliveries(id).await?;
        }
        self.endpoint(scope, id).await?.ok_or(StoreError::Stale)
    }

    /// Ends the handing over of events and gives up what is still to be sent. Returns the endpoint and how much that was.
    /// `Stale` if it is disabled already or unknown.
    pub async fn disable_endpoint(
        &mut self,
        scope: &Scope,
        id: &str,
        reason: &str,
    ) -> Result<(Endpoint, u64), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE endpoints SET enabled = 0, disabled_at = $1, disabled_reason = $2
              WHERE app = $3 AND id = $4 AND enabled = 1 AND removed_at IS NULL",
        )
        .bind(now.0)
        .bind(reason)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        let given_up = self.give_up_deliveries(id, "the endpoint was disabled").await?;
        Ok((self.endpoint(scope, id).await?.ok_or(StoreError::Stale)?, given_up))
    }

    /// Begins again at the end of the log. `Stale` if it is not disabled.
    pub async fn enable_endpoint(&mut self, scope: &Scope, id: &str) -> Result<Endpoint, StoreError> {
        let end = self.log_end().await?;
        let result = sqlx::query(
            "UPDATE endpoints SET enabled = 1, disabled_at = NULL, disabled_reason = '', cursor_txid = $1, cursor_seq = $2
              WHERE app = $3 AND id = $4 AND enabled = 0 AND removed_at IS NULL",
        )
        .bind(end.txid)
        .bind(end.seq)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        self.absolve_endpoint(id).await?;
        self.endpoint(scope, id).await?.ok_or(StoreError::Stale)
    }

    /// Removes an endpoint and gives up what is still to be sent to it. Returns it and how much that was, or `None` if there is
    /// no such endpoint.
    pub async fn remove_endpoint(
        &mut self,
        scope: &Scope,
        id: &str,
    ) -> Result<Option<(Endpoint, u64)>, StoreError> {
        let Some(endpoint) = self.endpoint(scope, id).await? else { return Ok(None) };
        let now = self.now();
        let result = sqlx::query(
            "UPDATE endpoints SET removed_at = $1 WHERE app = $2 AND id = $3 AND removed_at IS NULL",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        let given_up = self.give_up_deliveries(id, "the endpoint was removed").await?;
        Ok(Some((Endpoint { removed_at: Some(now), ..endpoint }, given_up)))
    }

    /// Notes a failed attempt, and that the endpoint is left alone until `not_before`.
    pub async fn blame_endpoint(
        &mut self,
        id: &str,
        error: &str,
        not_before: Time,
    ) -> Result<(), StoreError> {
        let now = self.now();
        sqlx::query(
            "UPDATE endpoints SET failures = failures + 1, failing_since = COALESCE(failing_since, $1),
                                  last_error = $2, not_before = $3
              WHERE id = $4",
        )
        .bind(now.0)
        .bind(storable(error))
        .bind(not_before.0)
        .bind(id)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Holds the row that disabling changes: whoever disables the endpoint afterwards finds what this unit makes for it, and gives it
    /// up. `Stale` if it does not take anything.
    pub(crate) async fn lock_taking_endpoint(&mut self, scope: &Scope, id: &str) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE endpoints SET enabled = 1 WHERE app = $1 AND id = $2 AND enabled = 1 AND removed_at IS NULL",
        )
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Notes that the endpoint takes events (again).
    pub async fn absolve_endpoint(&mut self, id: &str) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE endpoints SET failures = 0, failing_since = NULL, last_error = '', not_before = 0
              WHERE id = $1 AND failures > 0",
        )
        .bind(id)
        .execute(self.conn())
        .await?;
        if result.rows_affected() > 0 {
            self.hint(Topic::Events);
        }
        Ok(())
    }

    /// Callers that change the endpoints of one application by what they find there take turns. `Stale` if the
    /// application is revoked or unknown.
    pub async fn lock_app(&mut self, scope: &Scope) -> Result<(), StoreError> {
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
        role: row.text("role")?,
        settings: EndpointSettings {
            url: row.text("url")?,
            shape: row.text("shape")?,
            ordering: row.text("ordering")?,
            types: row.text("types")?,
        },
        enabled: row.flag("enabled")?,
        cursor_txid: row.int("cursor_txid")?,
        cursor_seq: row.int("cursor_seq")?,
        failures: row.int("failures")?,
        failing_since: row.optional_time("failing_since")?,
        not_before: row.time("not_before")?,
        last_error: row.text("last_error")?,
        disabled_at: row.optional_time("disabled_at")?,
        disabled_reason: row.text("disabled_reason")?,
        created_at: row.time("created_at")?,
        removed_at: row.optional_time("removed_at")?,
    })
}
