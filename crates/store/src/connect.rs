//! From a URL to connection pools with everything set that must be set per connection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;

use crate::{Engine, StoreError};

/// Connections for lookups, per process.
const READERS: u32 = 8;
/// Units that PostgreSQL runs side by side, per process.
pub(crate) const POSTGRES_WRITERS: u32 = 8;
/// How long a caller waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(30);

/// A database that was named, not yet opened.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) engine: Engine,
    /// The URL as the driver wants it. It may hold a password: never print it.
    pub(crate) url: String,
    file: Option<PathBuf>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Self::sqlite(path);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { engine: Engine::Postgres, url: url.to_owned(), file: None });
        }
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        Err(StoreError::BadUrl(format!(
            "database URLs start with sqlite:// or postgres://, this one with {scheme:?}"
        )))
    }

    fn sqlite(path: &str) -> Result<Self, StoreError> {
        if path.is_empty() || path == ":memory:" || path.contains('?') {
            return Err(StoreError::BadUrl(
                "a SQLite database is a file: write sqlite:// and its path, without options".to_owned(),
            ));
        }
        let file = std::path::absolute(path).map_err(|error| file_error(Path::new(path), &error))?;
        let text = file.to_str().ok_or_else(|| StoreError::BadUrl(format!("{path:?} is not UTF-8")))?;
        Ok(Self {
            engine: Engine::Sqlite,
            url: format!("sqlite://{}?mode=rw", escape(text)),
            file: Some(file),
        })
    }

    /// Makes the SQLite file, readable by its owner only, if it is not there.
    pub(crate) fn create_file(&self) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        create_private(file).map_err(|error| file_error(file, &error))
    }

    /// The pool that units of work take their connection from: exactly one for SQLite.
    pub(crate) async fn write_pool(&self) -> Result<AnyPool, StoreError> {
        match self.engine {
            Engine::Sqlite => self.pool(1, SQLITE_WRITER, false).await,
            // Beginning the transaction is test enough.
            Engine::Postgres => self.pool(POSTGRES_WRITERS, POSTGRES_WRITER, false).await,
        }
    }

    /// The pool for lookups, which can write nothing.
    pub(crate) async fn read_pool(&self) -> Result<AnyPool, StoreError> {
        match self.engine {
            // A file does not go away; a server may, and a round trip finds out before a lookup does.
            Engine::Sqlite => self.pool(READERS, SQLITE_READER, false).await,
            Engine::Postgres => self.pool(READERS, POSTGRES_READER, true).await,
        }
    }

    async fn pool(
        &self,
        size: u32,
        setup: &'static [&'static str],
        test: bool,
    ) -> Result<AnyPool, StoreError> {
        sqlx::any::install_default_drivers();
        let remote = self.engine == Engine::Postgres;
        let pool = AnyPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(test)
            .idle_timeout(remote.then_some(Duration::from_secs(600)))
            .max_lifetime(remote.then_some(Duration::from_secs(3600)))
            .after_connect(move |conn, _meta| {
                Box::pin(async move {
                    for statement in setup {
                        sqlx::raw_sql(*statement).execute(&mut *conn).await?;
                    }
                    Ok(())
                })
            })
            .connect(&self.url)
            .await?;
        Ok(pool)
    }
}

/// The busy timeout comes first: the switch to WAL needs it when two processes start at once.
const SQLITE_WRITER: &[&str] = &[
    "PRAGMA busy_timeout = 30000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
];
const SQLITE_READER: &[&str] =
    &["PRAGMA busy_timeout = 30000", "PRAGMA foreign_keys = ON", "PRAGMA query_only = ON"];

/// A transaction that hangs holds back every reader of the event log: the server ends it.
const POSTGRES_WRITER: &[&str] =
    &["SET statement_timeout = '30s'", "SET idle_in_transaction_session_timeout = '60s'"];
const POSTGRES_READER: &[&str] = &["SET statement_timeout = '30s'", "SET default_transaction_read_only = on"];

fn create_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let directory = file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory)?;
    std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(file)?;
    // The name must survive a power cut as surely as what is committed under it.
    std::fs::File::open(directory)?.sync_all()
}

fn file_error(file: &Path, error: &std::io::Error) -> StoreError {
    StoreError::BadUrl(format!("cannot create {}: {error}", file.display()))
}

/// Percent-encodes what has a meaning in a URL.
fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_spelling_become_urls() {
        let target = Target::parse("sqlite:///srv/ein weg/50%#1.db").unwrap();
        assert_eq!(target.url, "sqlite:///srv/ein%20weg/50%25%231.db?mode=rw");
        assert_eq!(target.file.unwrap(), Path::new("/srv/ein weg/50%#1.db"));
    }

    #[test]
    fn what_is_no_database_is_refused_without_printing_the_url() {
        for bad in ["", "mysql://user:secret@host/db", "sqlite://", "sqlite://:memory:", "sqlite://a?mode=ro"]
        {
            let error = Target::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    async fn setting(pool: &AnyPool, name: &'static str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("PRAGMA {name}"));
        sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn sqlite_connections_are_set_up_for_durability() {
        let database = reelgate_testkit::Database::sqlite();
        let target = Target::parse(database.url()).unwrap();
        target.create_file().unwrap();
        let writer = target.write_pool().await.unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&writer).await.unwrap();
        assert_eq!(mode, "wal");
        assert_eq!((setting(&writer, "synchronous").await, setting(&writer, "foreign_keys").await), (2, 1));
        let mode = std::os::unix::fs::MetadataExt::mode(&target.file.unwrap().metadata().unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let postgres = reelgate_testkit::Database::postgres("connect::readers_cannot_write");
        for database in [Some(reelgate_testkit::Database::sqlite()), postgres].into_iter().flatten() {
            let target = Target::parse(database.url()).unwrap();
            target.create_file().unwrap();
            let (writer, reader) = (target.write_pool().await.unwrap(), target.read_pool().await.unwrap());
            sqlx::query("CREATE TABLE t (n BIGINT)").execute(&writer).await.unwrap();
            let refused = sqlx::query("INSERT INTO t VALUES (1)").execute(&reader).await;
            assert!(refused.is_err(), "{:?}", target.engine);
        }
    }
}
