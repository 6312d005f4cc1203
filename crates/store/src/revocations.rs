//! Permissions that are not good any more: one, or all of a user or of a key that were issued up to a moment.

use reelgate_model::{AppId, RevocationKind, Scope, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each};
use crate::{Read, Session, StoreError, Tx, sessions};

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Grows with time.
    pub id: String,
    /// What `subject` names.
    pub kind: RevocationKind,
    /// Id of a permission, name of a user, or id of a key.
    pub subject: String,
    /// What was issued up to this moment is not good.
    pub revoked_at: Time,
    /// Why, for people.
    pub reason: String,
    /// Who did it.
    pub principal: String,
}

/// A revocation to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRevocation {
    /// What `subject` names.
    pub kind: RevocationKind,
    /// Id of a permission, name of a user, or id of a key.
    pub subject: String,
    /// Why, for people.
    pub reason: String,
    /// When everything it speaks of has expired by itself.
    pub expires_at: Time,
}

/// What a door knows of a permission.
#[derive(Clone, Copy, Debug)]
pub struct PermissionFacts<'a> {
    /// Its id; empty for signatures that the application made itself.
    pub id: &'a str,
    /// Its user; empty when it names none.
    pub user: &'a str,
    /// Id of the key it was issued with; empty when there is none.
    pub key_id: &'a str,
    /// When it was issued.
    pub issued_at: Time,
}

impl Read {
    /// What revokes a permission, if anything does.
    pub async fn revocation_of(
        &mut self,
        scope: &Scope,
        permission: PermissionFacts<'_>,
    ) -> Result<Option<RevocationKind>, StoreError> {
        let row = sqlx::query(
            "SELECT kind FROM revocations
              WHERE app = $1
                AND ((kind = 'permission' AND subject = $2 AND subject <> '')
                  OR (kind = 'user' AND subject = $3 AND subject <> '' AND revoked_at >= $5)
                  OR (kind = 'key' AND subject = $4 AND subject <> '' AND revoked_at >= $5))
              LIMIT 1",
        )
        .bind(scope.app().0)
        .bind(permission.id)
        .bind(permission.user)
        .bind(permission.key_id)
        .bind(permission.issued_at.0)
        .fetch_optional(self.conn())
        .await?;
        row.map(|row| row.word("kind")).transpose()
    }

    /// Revocations since `since` of all applications, for upkeep.
    pub async fn recent_revocations(&mut self, since: Time) -> Result<Vec<(AppId, Revocation)>, StoreError> {
        let rows = sqlx::query(
            "SELECT app, id, kind, subject, revoked_at, reason, principal FROM revocations
              WHERE revoked_at >= $1 ORDER BY id",
        )
        .bind(since.0)
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| Ok((row.app_id("app")?, decode(row)?)))
    }

    /// Up to `limit` revocations of the application, newest first; `before` is the last one of the page before.
    pub async fn revocations(
        &mut self,
        scope: &Scope,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, kind, subject, revoked_at, reason, principal FROM revocations
              WHERE app = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3",
        )
        .bind(scope.app().0)
        .bind(before.unwrap_or(""))
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }

    /// Up to `limit` open sessions that a revocation ends.
    pub async fn sessions_revoked(
        &mut self,
        scope: &Scope,
        revocation: &Revocation,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = match revocation.kind {
            RevocationKind::Permission => sessions::open_where("permission = $2"),
            RevocationKind::User => sessions::open_where("user_name = $2 AND issued_at <= $3"),
            RevocationKind::Key => sessions::open_where("key_id = $2 AND issued_at <= $3"),
        };
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(scope.app().0)
            .bind(&revocation.subject)
            .bind(revocation.revoked_at.0)
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, sessions::decode)
    }
}

impl Tx {
    /// Stores a revocation; an earlier one of the same subject moves to now.
    pub async fn revoke_permissions(
        &mut self,
        scope: &Scope,
        new: &NewRevocation,
    ) -> Result<Revocation, StoreError> {
        let (id, now) = (self.new_id(), self.now());
        let revocation = Revocation {
            id,
            kind: new.kind,
            subject: new.subject.clone(),
            revoked_at: now,
            reason: new.reason.clone(),
            principal: scope.principal().to_string(),
        };
        sqlx::query(
            "INSERT INTO revocations (app, kind, subject, id, revoked_at, expires_at, reason, principal)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (app, kind, subject) DO UPDATE SET id = excluded.id, revoked_at = excluded.revoked_at,
                expires_at = excluded.expires_at, reason = excluded.reason, principal = excluded.principal",
        )
        .bind(scope.app().0)
        .bind(new.kind.as_str())
        .bind(&new.subject)
        .bind(&revocation.id)
        .bind(now.0)
        .bind(new.expires_at.0)
        .bind(&new.reason)
        .bind(&revocation.principal)
        .execute(self.conn())
        .await?;
        Ok(revocation)
    }

    /// Forgets revocations whose signatures have all expired. Up to `limit` rows.
    pub async fn forget_revocations(&mut self, now: Time, limit: u32) -> Result<u64, StoreError> {
        let result = sqlx::query(
            "DELETE FROM revocations WHERE id IN
                (SELECT id FROM revocations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected())
    }
}

fn decode(row: &AnyRow) -> Result<Revocation, StoreError> {
    Ok(Revocation {
        id: row.text("id")?,
        kind: row.word("kind")?,
        subject: row.text("subject")?,
        revoked_at: row.time("revoked_at")?,
        reason: row.text("reason")?,
        principal: row.text("principal")?,
    })
}
