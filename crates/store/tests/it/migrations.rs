use std::collections::BTreeSet;
use std::path::Path;

use reelgate_model::Clock;
use reelgate_store::{Store, StoreError};

use crate::fixture::{Fixture, both};

both!(migrating_again_changes_nothing, a_newer_database_is_refused, processes_may_migrate_at_once);

#[test]
fn both_folders_have_the_same_names() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

async fn migrating_again_changes_nothing(f: Fixture) {
    let epoch = f.store.read().await.unwrap().epoch().await.unwrap();
    f.store.check_migrated().await.unwrap();
    f.store.migrate().await.unwrap();
    assert_eq!(f.store.read().await.unwrap().epoch().await.unwrap(), epoch);
}

/// Runs a statement that the store has no method for.
async fn execute(f: &Fixture, statement: &'static str) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&f.url).await.unwrap();
    sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn a_newer_database_is_refused(f: Fixture) {
    execute(
        &f,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    for refused in [f.store.check_migrated().await, f.store.migrate().await] {
        assert!(matches!(refused, Err(StoreError::NewerSchema { found: 9999 })), "{refused:?}");
    }
    execute(&f, "DELETE FROM _sqlx_migrations").await;
    let missing = f.store.check_migrated().await;
    assert!(matches!(missing, Err(StoreError::NotMigrated { missing: 1 })), "{missing:?}");
}

async fn processes_may_migrate_at_once(f: Fixture) {
    let fresh = f.database.sibling();
    let url = fresh.url().to_owned();
    let starts = (0..4).map(|_| {
        let url = url.clone();
        tokio::spawn(async move {
            let store = Store::open(&url, Clock::machine()).await?;
            let unmigrated = store.check_migrated().await;
            assert!(unmigrated.is_ok() || matches!(unmigrated, Err(StoreError::NotMigrated { missing: 1 })));
            store.migrate().await?;
            let epoch = store.read().await?.epoch().await?;
            store.close().await;
            Ok::<_, StoreError>(epoch)
        })
    });
    let epochs: Vec<String> = futures_util::future::join_all(starts)
        .await
        .into_iter()
        .map(|start| start.unwrap().unwrap())
        .collect();
    assert!(epochs.windows(2).all(|pair| pair[0] == pair[1]), "{epochs:?}");
}
