//! What a caller of the store can meet, told apart by what it can do about it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::ErrorKind;
use sqlx::migrate::MigrateError;

/// Why a call did not do what it was asked. A lookup that finds nothing is no error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The guard of a change did not hold: somebody else was first, or the row is in another state.
    #[error("the row is not in the state that this change starts from: read it again")]
    Stale,
    /// A row with this key is there already.
    #[error("a row with this key exists already")]
    AlreadyExists,
    /// A row that the new one refers to does not exist.
    #[error("a row that the new one refers to does not exist")]
    Dangling,
    /// PostgreSQL ended a deadlock or a serialization failure by rolling this unit back. Nothing was written and the
    /// same unit may be tried again; a unit is consumed when it runs, so the caller is who repeats it.
    #[error("the database ended a conflict between writers by undoing this one: try it again")]
    Conflict,
    /// A row holds what this version cannot read.
    #[error("cannot read column {column}: {detail}")]
    Corrupt {
        /// The column as the statement names it.
        column: String,
        /// What was found there.
        detail: String,
    },
    /// A unit of work ran longer than is allowed and was rolled back.
    #[error("a unit of work took longer than {0:?} and was rolled back")]
    TooLong(Duration),
    /// The database was migrated by a newer binary.
    #[error("the database has migration {found}, which this binary does not know: run a newer reelgate")]
    NewerSchema {
        /// The first migration that is not known here.
        found: i64,
    },
    /// The database lacks a migration.
    #[error("the database lacks migration {missing}: run `reelgate migrate`")]
    NotMigrated {
        /// The first migration that is missing.
        missing: i64,
    },
    /// A migration failed; the database is as it was before that migration.
    #[error("cannot migrate the database")]
    Migration(#[source] Arc<MigrateError>),
    /// The URL or its file cannot be used.
    #[error("cannot open the database: {0}")]
    BadUrl(String),
    /// The database did not answer, or refused for a reason of its own (disk full, shut down, connection lost).
    #[error("the database did not carry out a statement")]
    Unavailable(#[source] Arc<sqlx::Error>),
}

/// SQLSTATE of a serialization failure, of a deadlock and of a lock that `lock_timeout` did not see; sqlx has no kind for them.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "55P03"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => match cause.kind() {
                ErrorKind::UniqueViolation => Self::AlreadyExists,
                ErrorKind::ForeignKeyViolation => Self::Dangling,
                _ if cause.code().is_some_and(|code| CONFLICTS.contains(&code.as_ref())) => Self::Conflict,
                _ => Self::Unavailable(Arc::new(error)),
            },
            sqlx::Error::ColumnDecode { index, source } => {
                Self::Corrupt { column: index.clone(), detail: source.to_string() }
            }
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(found) => Self::NewerSchema { found },
            other => Self::Migration(Arc::new(other)),
        }
    }
}
