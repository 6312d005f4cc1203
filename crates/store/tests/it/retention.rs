//! What is old goes, and readers are told.

use std::time::Duration;

use reelgate_model::{FileId, Time};
use reelgate_store::{Cursor, Endpoint, Engine, LogRead, StoreError, Unsent};
use sqlx::Row;

use crate::fixture::{Fixture, both, write};
use crate::log::{complete, endpoint, kinds, record, settings, settle, take};

both!(
    old_events_go_with_all_that_was_kept_about_them,
    weeks_are_dropped_whole,
    who_had_not_got_what_goes_is_named,
    a_reader_in_the_way_is_a_conflict_and_nothing_worse,
);

const DAY: Duration = Duration::from_secs(86_400);

async fn start(f: &Fixture) -> Cursor {
    f.store.read().await.unwrap().log_start().await.unwrap()
}

/// Returns what was said of endpoints that had not got it.
async fn drop_before(f: &Fixture, before: Time) -> Vec<Unsent> {
    let mut unsent = Vec::new();
    loop {
        let dropped = write!(f.store, tx => tx.drop_events(before).await).unwrap();
        unsent.extend(dropped.unsent);
        if !dropped.more {
            return unsent;
        }
    }
}

async fn count(f: &Fixture, table: &str) -> i64 {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&f.url).await.unwrap();
    let sql = format!("SELECT COUNT(*) AS found FROM {table}");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
    let found = row.get("found");
    pool.close().await;
    found
}

async fn old_events_go_with_all_that_was_kept_about_them(f: Fixture) {
    let begin = start(&f).await;
    let made = endpoint(&f, settings("http://one.example/")).await;
    let scope = f.scope.clone();
    write!(f.store, tx => tx.ensure_event_config(&scope, Time(0)).await).unwrap();
    for n in 0..20 {
        record(&f, "old", Some(n)).await;
    }
    f.clock.advance(DAY);
    let middle = f.clock.now();
    for n in 0..5 {
        record(&f, "new", Some(n)).await;
    }
    for one in take(&f, &made, 100).await {
        complete(&f, &one).await;
    }
    let scope = f.scope.clone();
    write!(f.store, tx => tx.pull_events(&scope, 16, DAY).await).unwrap();
    assert_eq!(drop_before(&f, middle).await, [], "the endpoint had taken all of it");
    assert_eq!(count(&f, "events").await, 5);
    assert_eq!(count(&f, "deliveries").await, 5, "those of the new ones, which wait for their files");
    assert_eq!(count(&f, "pull_events").await, 5);
    let mut read = f.store.read().await.unwrap();
    let LogRead::Expired(oldest) = read.events_after(&f.scope, &begin, 10).await.unwrap() else {
        panic!("a reader that is behind is told")
    };
    assert_eq!(oldest, read.log_start().await.unwrap());
    drop(read);
    settle(&f).await;
    let mut read = f.store.read().await.unwrap();
    let LogRead::Page(page) = read.events_after(&f.scope, &oldest, 10).await.unwrap() else { panic!() };
    assert_eq!(page.events.len(), 5);
    drop(read);
    // A restored copy keeps to it.
    write!(f.store, tx => tx.renew_epoch().await).unwrap();
    let fresh = start(&f).await;
    settle(&f).await;
    let mut read = f.store.read().await.unwrap();
    let LogRead::Page(page) = read.events_after(&f.scope, &fresh, 10).await.unwrap() else { panic!() };
    assert_eq!(page.events.len(), 5);
    let numbers = read.file_events(&f.scope, FileId(0), 0, 10).await.unwrap();
    assert_eq!(numbers[0].file_seq, Some(2), "a file counts on");
}

async fn weeks_are_dropped_whole(f: Fixture) {
    if f.store.engine() == Engine::Sqlite {
        write!(f.store, tx => tx.prepare_event_weeks().await).unwrap();
        return;
    }
    record(&f, "before there were weeks", None).await;
    let mut cursors = vec![start(&f).await];
    for week in 0..5 {
        for _ in 0..2 {
            write!(f.store, tx => tx.prepare_event_weeks().await).unwrap();
        }
        record(&f, &format!("week {week}"), Some(1)).await;
        settle(&f).await;
        cursors.push(f.store.read().await.unwrap().log_end().await.unwrap());
        f.clock.advance(DAY * 7);
    }
    assert_eq!(count(&f, "events").await, 6);
    assert_eq!(count(&f, "events_default").await, 2, "this week had rows outside of a partition");
    drop_before(&f, f.clock.now() - DAY * 15).await;
    assert_eq!(count(&f, "events").await, 3);
    let mut read = f.store.read().await.unwrap();
    assert!(matches!(read.events_after(&f.scope, &cursors[1], 10).await.unwrap(), LogRead::Expired(_)));
    assert!(matches!(read.events_after(&f.scope, &cursors[4], 10).await.unwrap(), LogRead::Page(_)));
    drop(read);
    let weeks = count(
        &f,
        "pg_inherits WHERE inhparent IN (CAST('events' AS regclass), CAST('pull_events' AS regclass))",
    )
    .await;
    record(&f, "later", Some(1)).await;
    let file = f.store.read().await.unwrap().file_events(&f.scope, FileId(1), 0, 10).await.unwrap();
    assert_eq!(file.last().unwrap().file_seq, Some(6));
    assert!(weeks >= 8, "{weeks} partitions are left");
}

async fn who_had_not_got_what_goes_is_named(f: Fixture) {
    let slow = endpoint(&f, settings("http://slow.example/")).await;
    let behind = endpoint(&f, settings("http://behind.example/")).await;
    // On PostgreSQL these lie outside of a week, the one after them in one: they go in two steps.
    for n in 0..2 {
        record(&f, "old", Some(n)).await;
    }
    f.clock.advance(DAY * 7);
    write!(f.store, tx => tx.prepare_event_weeks().await).unwrap();
    record(&f, "old", Some(2)).await;
    // Handed three and took one; the other has not been looked at.
    let taken = take(&f, &slow, 1).await;
    complete(&f, &taken[0]).await;
    f.clock.advance(DAY * 15);
    write!(f.store, tx => tx.prepare_event_weeks().await).unwrap();
    record(&f, "new", Some(9)).await;
    settle(&f).await;
    let unsent = drop_before(&f, f.clock.now() - DAY).await;
    let of = |endpoint: &Endpoint| {
        let own = unsent.iter().filter(|one| one.endpoint == endpoint.id && one.app == endpoint.app);
        own.map(|one| one.events).sum::<i64>()
    };
    assert_eq!((of(&slow), of(&behind)), (2, 3), "{unsent:?}");
    assert_eq!(drop_before(&f, f.clock.now() - DAY).await, [], "said once");
    assert_eq!(kinds(&take(&f, &behind, 10).await), ["new"], "it goes on with what there is");
}

async fn a_reader_in_the_way_is_a_conflict_and_nothing_worse(f: Fixture) {
    if f.store.engine() == Engine::Sqlite {
        return;
    }
    sqlx::any::install_default_drivers();
    let mut reader = <sqlx::AnyConnection as sqlx::Connection>::connect(&f.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT COUNT(*) FROM events").execute(&mut reader).await.unwrap();
    let prepared = write!(f.store, tx => tx.prepare_event_weeks().await);
    assert!(matches!(prepared, Err(StoreError::Conflict)), "{prepared:?}");
    sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
    write!(f.store, tx => tx.prepare_event_weeks().await).unwrap();
    record(&f, "in a week", Some(1)).await;
    assert_eq!(count(&f, "events_default").await, 0);
}
