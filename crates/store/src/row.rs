//! From a row to domain types, and from a row count to an answer.

use std::str::FromStr;

use reelgate_model::{AppId, FileId, StateError, Time};
use sqlx::Any;
use sqlx::any::{AnyQueryResult, AnyRow};
use sqlx::{Decode, Row, Type};

use crate::StoreError;

/// `Stale` unless exactly the one row was changed.
pub(crate) fn ensure_changed(result: &AnyQueryResult) -> Result<(), StoreError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// `AlreadyExists` unless the one row was inserted; for `ON CONFLICT DO NOTHING`.
pub(crate) fn ensure_inserted(result: &AnyQueryResult) -> Result<(), StoreError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(StoreError::AlreadyExists) }
}

/// Reads columns by name; an unexpected value is [`StoreError::Corrupt`] with the name of the column.
pub(crate) trait Columns {
    /// The value as the driver has it.
    fn value<'r, T: Decode<'r, Any> + Type<Any>>(&'r self, column: &str) -> Result<T, StoreError>;

    /// A `BIGINT`.
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.value(column)
    }

    /// A `TEXT`.
    fn text(&self, column: &str) -> Result<String, StoreError> {
        self.value(column)
    }

    /// A `BLOB` or `BYTEA`.
    fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.value(column)
    }

    /// A `BIGINT` that cannot be negative, such as a size.
    fn size(&self, column: &str) -> Result<u64, StoreError> {
        let value = self.int(column)?;
        u64::try_from(value).map_err(|_| corrupt(column, format!("{value} is negative")))
    }

    /// A flag stored as 0 or 1.
    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(corrupt(column, format!("{other} is neither 0 nor 1"))),
        }
    }

    /// Epoch milliseconds.
    fn time(&self, column: &str) -> Result<Time, StoreError> {
        self.int(column).map(Time)
    }

    /// Epoch milliseconds or null.
    fn optional_time(&self, column: &str) -> Result<Option<Time>, StoreError> {
        Ok(self.value::<Option<i64>>(column)?.map(Time))
    }

    /// The application that owns the row.
    fn app_id(&self, column: &str) -> Result<AppId, StoreError> {
        self.int(column).map(AppId)
    }

    /// A file.
    fn file_id(&self, column: &str) -> Result<FileId, StoreError> {
        self.int(column).map(FileId)
    }

    /// A file or null.
    fn optional_file_id(&self, column: &str) -> Result<Option<FileId>, StoreError> {
        match self.value::<Option<i64>>(column)? {
            Some(_) => self.file_id(column).map(Some),
            None => Ok(None),
        }
    }

    /// A state, by its word.
    fn word<T: FromStr<Err = StateError>>(&self, column: &str) -> Result<T, StoreError> {
        let word: String = self.text(column)?;
        word.parse().map_err(|error: StateError| corrupt(column, error.to_string()))
    }
}

impl Columns for AnyRow {
    fn value<'r, T: Decode<'r, Any> + Type<Any>>(&'r self, column: &str) -> Result<T, StoreError> {
        self.try_get(column).map_err(|error| match error {
            sqlx::Error::ColumnDecode { source, .. } => corrupt(column, source.to_string()),
            other => corrupt(column, other.to_string()),
        })
    }
}

/// Without NUL, which PostgreSQL cannot store: for text that comes from a stranger's server.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(crate) fn corrupt(column: &str, detail: String) -> StoreError {
    StoreError::Corrupt { column: column.to_owned(), detail }
}

/// Decodes all rows of a list.
pub(crate) fn each<T>(
    rows: &[AnyRow],
    decode: fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(decode).collect()
}
