//! What was used of a limit: of a user on one UTC day, or of one permission while its sessions are open.
//!
//! A reservation is one guarded update, so any number of nodes may reserve at once and none gets past the limit.

use reelgate_model::{Scope, Time};

use crate::row::Columns;
use crate::{Read, StoreError, Tx};

/// Uploads and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Uploads.
    pub uploads: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Whose limit it is, and for which time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `user:{name}` or `permission:{id}`.
    pub subject: String,
    /// Days since the epoch, or [`Quota::WHILE_OPEN`].
    pub period: i64,
    /// When nobody asks for the row any more.
    pub expires_at: Time,
}

impl Quota {
    /// The period of what is used only while a session is open.
    pub const WHILE_OPEN: i64 = -1;
}

impl Read {
    /// What was used so far.
    pub async fn quota_used(
        &mut self,
        scope: &Scope,
        subject: &str,
        period: i64,
    ) -> Result<Amount, StoreError> {
        let row =
            sqlx::query("SELECT uploads, bytes FROM quotas WHERE app = $1 AND subject = $2 AND period = $3")
                .bind(scope.app().0)
                .bind(subject)
                .bind(period)
                .fetch_optional(self.conn())
                .await?;
        let Some(row) = row else { return Ok(Amount::default()) };
        Ok(Amount { uploads: row.size("uploads")?, bytes: row.size("bytes")? })
    }
}

impl Tx {
    /// Takes `wanted` if it fits under `most` beside what others took. `Some` is what was used already when it does
    /// not fit; nothing is taken then. On PostgreSQL a concurrent reservation waits here for the other's end.
    pub async fn reserve_quota(
        &mut self,
        scope: &Scope,
        quota: &Quota,
        wanted: Amount,
        most: Amount,
    ) -> Result<Option<Amount>, StoreError> {
        sqlx::query(
            "INSERT INTO quotas (app, subject, period, uploads, bytes, expires_at) VALUES ($1, $2, $3, 0, 0, $4)
             ON CONFLICT (app, subject, period) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(&quota.subject)
        .bind(quota.period)
        .bind(quota.expires_at.0)
        .execute(self.conn())
        .await?;
        let result = sqlx::query(
            "UPDATE quotas SET uploads = uploads + $4, bytes = bytes + $5,
                expires_at = CASE WHEN expires_at < $8 THEN $8 ELSE expires_at END
              WHERE app = $1 AND subject = $2 AND period = $3 AND uploads <= $6 AND bytes <= $7",
        )
        .bind(scope.app().0)
        .bind(&quota.subject)
        .bind(quota.period)
        .bind(stored(wanted.uploads))
        .bind(stored(wanted.bytes))
        .bind(stored(most.uploads) - stored(wanted.uploads))
        .bind(stored(most.bytes) - stored(wanted.bytes))
        .bind(quota.expires_at.0)
        .execute(self.conn())
        .await?;
        match result.rows_affected() {
            1 => Ok(None),
            _ => self.quota_used(scope, &quota.subject, quota.period).await.map(Some),
        }
    }

    /// Gives back what was reserved and not used.
    pub async fn return_quota(
        &mut self,
        scope: &Scope,
        subject: &str,
        period: i64,
        unused: Amount,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE quotas SET uploads = uploads - $4, bytes = bytes - $5
              WHERE app = $1 AND subject = $2 AND period = $3",
        )
        .bind(scope.app().0)
        .bind(subject)
        .bind(period)
        .bind(stored(unused.uploads))
        .bind(stored(unused.bytes))
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Notes that `permission` is used from `address` and returns from how many addresses it has been used with it.
    /// On PostgreSQL the caller must hold a row of the permission, or two new addresses do not see each other.
    pub async fn note_permission_address(
        &mut self,
        scope: &Scope,
        permission: &str,
        address: &str,
        expires_at: Time,
    ) -> Result<u64, StoreError> {
        sqlx::query(
            "INSERT INTO permission_addresses (app, permission, address, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (app, permission, address) DO NOTHING",
        )
        .bind(scope.app().0)
        .bind(permission)
        .bind(address)
        .bind(expires_at.0)
        .execute(self.conn())
        .await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS found FROM permission_addresses WHERE app = $1 AND permission = $2",
        )
        .bind(scope.app().0)
        .bind(permission)
        .fetch_one(self.conn())
        .await?;
        row.size("found")
    }

    /// Forgets quotas and addresses that nobody asks for any more. Up to `limit` rows of each.
    pub async fn forget_quotas(&mut self, now: Time, limit: u32) -> Result<u64, StoreError> {
        let quotas = sqlx::query(
            "DELETE FROM quotas WHERE (app, subject, period) IN
                (SELECT app, subject, period FROM quotas WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .execute(self.conn())
        .await?;
        let addresses = sqlx::query(
            "DELETE FROM permission_addresses WHERE (app, permission, address) IN
                (SELECT app, permission, address FROM permission_addresses WHERE expires_at < $1
                  ORDER BY expires_at LIMIT $2)",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .execute(self.conn())
        .await?;
        Ok(quotas.rows_affected() + addresses.rows_affected())
    }
}

fn stored(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
