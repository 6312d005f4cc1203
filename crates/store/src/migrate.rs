//! Brings the schema to what this binary needs. The migrations are part of the binary.

use sqlx::AnyConnection;
use sqlx::migrate::{Migrate, Migrator};
use sqlx::{Connection, Row};

use crate::connect::Target;
use crate::{Engine, Read, StoreError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

fn migrator(engine: Engine) -> &'static Migrator {
    match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    }
}

/// Applies what is missing. Processes that start at the same moment take turns: on PostgreSQL by an advisory lock, on
/// SQLite because all of it is one immediate transaction. The connection is our own, so that a caller that goes
/// away leaves neither behind.
pub(crate) async fn run(target: &Target) -> Result<(), StoreError> {
    sqlx::any::install_default_drivers();
    let mut conn = AnyConnection::connect(&target.url).await?;
    // `run_direct`, because the future of sqlx 0.9's `run` cannot be spawned (its bound on Acquire is not general).
    match target.engine {
        Engine::Sqlite => {
            sqlx::raw_sql("PRAGMA busy_timeout = 60000").execute(&mut conn).await?;
            let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
            SQLITE.run_direct(None, &mut *tx, false).await?;
            tx.commit().await?;
        }
        Engine::Postgres => POSTGRES.run_direct(None, &mut conn, false).await?,
    }
    conn.close().await?;
    Ok(())
}

/// Says whether the schema is the one that this binary was built for.
pub(crate) async fn check(read: &mut Read) -> Result<(), StoreError> {
    let engine = read.engine();
    let applied = applied(read).await?;
    for migration in migrator(engine).iter() {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => return Err(StoreError::NotMigrated { missing: migration.version }),
            Some((version, checksum)) if *checksum != *migration.checksum => {
                return Err(sqlx::migrate::MigrateError::VersionMismatch(*version).into());
            }
            Some(_) => {}
        }
    }
    match applied.iter().find(|(version, _)| !migrator(engine).version_exists(*version)) {
        Some((found, _)) => Err(StoreError::NewerSchema { found: *found }),
        None => Ok(()),
    }
}

async fn applied(read: &mut Read) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let sql = match read.engine() {
        Engine::Sqlite => {
            "SELECT COUNT(*) AS found FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
        Engine::Postgres => "SELECT COUNT(*) AS found FROM pg_tables WHERE tablename = '_sqlx_migrations'",
    };
    let found: i64 = sqlx::query(sql).fetch_one(read.conn()).await?.try_get("found")?;
    if found == 0 {
        return Ok(Vec::new());
    }
    let applied = read.conn().list_applied_migrations("_sqlx_migrations").await?;
    Ok(applied.into_iter().map(|row| (row.version, row.checksum.into_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_have_the_same_migrations() {
        let names = |migrator: &Migrator| {
            migrator.iter().map(|m| (m.version, m.description.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert!(!names(&SQLITE).is_empty());
    }
}
