//! Who did what to which application, and when. Written in the unit of the change it speaks of.

use reelgate_model::{Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each};
use crate::{Read, StoreError, Tx};

/// Something that was done. Who did it comes from the scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAudit {
    /// What was done, such as `app.revoke`.
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// More, for people. Never a secret.
    pub detail: String,
    /// The address it came from.
    pub remote: String,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Grows with time; the last one of a page is where the next page begins.
    pub id: String,
    /// When.
    pub at: Time,
    /// Who.
    pub principal: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More, for people.
    pub detail: String,
    /// The address it came from.
    pub remote: String,
}

impl Read {
    /// Up to `limit` entries of the application, newest first; `before` is the last entry of the page before.
    pub async fn audit_page(
        &mut self,
        scope: &Scope,
        before: Option<(Time, &str)>,
        limit: u32,
    ) -> Result<Vec<Audit>, StoreError> {
        let (at, id) = before.unwrap_or((Time(i64::MAX), ""));
        let rows = sqlx::query(
            "SELECT id, at, principal, action, subject, detail, remote FROM audit
              WHERE app = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4",
        )
        .bind(scope.app().0)
        .bind(at.0)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }
}

impl Tx {
    /// Notes what the principal of `scope` did.
    pub async fn audit(&mut self, scope: &Scope, entry: &NewAudit) -> Result<(), StoreError> {
        let (id, now) = (self.new_id(), self.now());
        sqlx::query(
            "INSERT INTO audit (id, app, at, principal, action, subject, detail, remote)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(now.0)
        .bind(scope.principal().to_string())
        .bind(&entry.action)
        .bind(&entry.subject)
        .bind(&entry.detail)
        .bind(&entry.remote)
        .execute(self.conn())
        .await?;
        Ok(())
    }
}

fn decode(row: &AnyRow) -> Result<Audit, StoreError> {
    Ok(Audit {
        id: row.text("id")?,
        at: row.time("at")?,
        principal: row.text("principal")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        detail: row.text("detail")?,
        remote: row.text("remote")?,
    })
}
