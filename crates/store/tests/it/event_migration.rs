//! From a database of the version before: nothing that was on its way is lost.

use reelgate_model::{Clock, DeliveryState, FileId, Scope};
use reelgate_store::{Engine, Store};
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection};

use crate::fixture::{APP, Fixture, START, both, write};
use crate::log::{event, kinds, settle};

both!(deliveries_and_numbers_of_the_version_before_are_kept);

/// The schema of the version before, with rows as it left them.
async fn old_database(f: &Fixture) -> (String, reelgate_testkit::Database) {
    let fresh = f.database.sibling();
    let url = fresh.url().to_owned();
    let store = Store::open(&url, Clock::manual(START)).await.unwrap();
    store.close().await;
    let folder = match f.store.engine() {
        Engine::Sqlite => "migrations/sqlite",
        Engine::Postgres => "migrations/postgres",
    };
    let mut migrator =
        Migrator::new(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).await.unwrap();
    let old: Vec<_> = migrator.iter().filter(|one| one.version < 5).cloned().collect();
    migrator.migrations = old.into();
    sqlx::any::install_default_drivers();
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    migrator.run_direct(None, &mut conn, false).await.unwrap();
    let app = APP.0;
    let rows = format!(
        "INSERT INTO server_meta (key, value) VALUES ('epoch', '{epoch}');
         INSERT INTO apps (id, name, created_at) VALUES ({app}, 'main', 0);
         INSERT INTO media (file_id, app, session_id, name, type, status, source_name, source_blob, source_size, region,
                            next_event, created_at, updated_at)
         VALUES (5, {app}, 's5', '', '', 'normal', '', '', 0, '', 3, 0, 0);
         INSERT INTO events (txid, id, app, file_id, file_seq, type, fact, recorded_at)
         VALUES (0, 'e1', {app}, 5, 1, 'first', '{{}}', 1000), (0, 'e2', {app}, 5, 2, 'second', '{{}}', 1001),
                (0, 'e3', {app}, NULL, NULL, 'third', '{{}}', 1002);
         INSERT INTO endpoints (id, app, url, shape, cursor_txid, cursor_seq, created_at)
         SELECT 'p', {app}, 'http://one.example/', 'vendor3', 0, seq, 0 FROM events WHERE id = 'e2';
         INSERT INTO deliveries (id, app, endpoint_id, event_seq, event_txid, event_id, event_type, file_id, state,
                                 attempts, next_at, created_at, finished_at)
         SELECT 'd' || id, app, 'p', seq, 0, id, type, file_id,
                CASE WHEN id = 'e1' THEN 'delivered' ELSE 'pending' END, 2, 0, 0, NULL
           FROM events WHERE id IN ('e1', 'e2');
         INSERT INTO delivery_attempts (delivery_id, attempt, at, duration_ms, status, error, answer)
         VALUES ('de2', 1, 1, 2, 500, 'no', 'answer'), ('de2', 2, 3, 4, NULL, 'silence', '');",
        epoch = "a".repeat(32),
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    (url, fresh)
}

async fn deliveries_and_numbers_of_the_version_before_are_kept(f: Fixture) {
    let (url, _database) = old_database(&f).await;
    let store = Store::open(&url, f.clock.clone()).await.unwrap();
    store.migrate().await.unwrap();
    let scope = Scope::system(APP);
    let mut read = store.read().await.unwrap();
    let history = read.file_deliveries(&scope, FileId(5), None, 10).await.unwrap();
    let states: Vec<_> = history.iter().map(|(one, tries)| (one.state, one.tries, tries.len())).collect();
    assert_eq!(states, [(DeliveryState::Delivered, 0, 0), (DeliveryState::Pending, 2, 2)]);
    assert_eq!((history[1].1[0].status, history[1].1[1].error.as_str()), (Some(500), "silence"));
    let main = read.endpoint_in_role(&scope, "main").await.unwrap().unwrap();
    drop(read);
    let moved = Fixture { store: store.clone(), clock: f.clock.clone(), scope, url, database: _database };
    settle(&moved).await;
    let taken = crate::log::take(&moved, &main, 10).await;
    assert_eq!(kinds(&taken), ["second", "third"], "what was pending, and what had not been handed over");
    let next = event("fourth", Some(5));
    let recorded = write!(store, tx => tx.append_event(&Scope::system(APP), &next).await).unwrap();
    assert_eq!(recorded.file_seq, Some(3), "the file counts on");
    store.close().await;
}
