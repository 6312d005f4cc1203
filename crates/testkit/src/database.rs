//! A fresh, empty database per test, of either kind.

use crate::{Postgres, skip};

/// An empty database. A SQLite file goes with this value; a PostgreSQL database with the test process.
#[derive(Debug)]
pub struct Database {
    url: String,
    directory: tempfile::TempDir,
}

impl Database {
    /// A SQLite file that does not exist yet, in a directory of its own.
    pub fn sqlite() -> Self {
        let directory = tempdir();
        Self { url: format!("sqlite://{}", directory.path().join("reelgate.db").display()), directory }
    }

    /// A database on the shared private server; without one, says that `test` is skipped.
    pub fn postgres(test: &str) -> Option<Self> {
        match Postgres::shared() {
            Ok(server) => Some(Self { url: server.new_database(), directory: tempdir() }),
            Err(missing) => {
                skip(test, &missing.0);
                None
            }
        }
    }

    /// Another empty one of the same kind.
    pub fn sibling(&self) -> Self {
        match Postgres::shared() {
            Ok(server) if self.url.starts_with("postgres:") => {
                Self { url: server.new_database(), directory: tempdir() }
            }
            _ => Self::sqlite(),
        }
    }

    /// What to open.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An empty directory for whatever else the test needs; on SQLite the database file is in it.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}

fn tempdir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("reelgate-test-")
        .tempdir()
        .unwrap_or_else(|error| panic!("cannot make a temporary directory: {error}"))
}

/// Makes two tests, `sqlite::name` and `postgres::name`, of each named function of the surrounding module.
/// `on_both!(run: name, other)` calls `run(database, name)`; `run` builds the runtime and what the tests work on.
#[macro_export]
macro_rules! on_both {
    ($run:path: $($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                $run($crate::Database::sqlite(), super::$test);
            })+
        }
        mod postgres {
            $(#[test]
            fn $test() {
                if let Some(database) = $crate::Database::postgres(concat!(module_path!(), "::", stringify!($test))) {
                    $run(database, super::$test);
                }
            })+
        }
    };
}
