//! The log and its cursor, above all: a reader never skips an event, however slowly its writer commits.

use std::time::Duration;

use reelgate_model::{AppId, FileId, Scope};
use reelgate_store::{Cursor, Engine, LogPage, LogRead, NewEvent, Readers, Recorded, Store, StoreError, Tx};
use tokio::sync::oneshot;

use crate::fixture::{APP, Fixture, both, write};

both!(
    a_reader_never_passes_an_event_that_commits_later,
    the_order_of_one_file_survives_an_early_transaction,
    events_are_paged_and_kept_apart_by_application,
    a_reader_with_nothing_to_read_keeps_up,
    writers_of_one_file_number_its_events_without_gaps,
    what_is_for_one_endpoint_is_for_no_other_reader,
    a_cursor_of_another_epoch_says_reset,
    renewing_the_epoch_keeps_every_event_and_no_endpoint_skips_one,
    an_event_in_a_failed_unit_never_was,
);

fn event(kind: &str, file: Option<FileId>) -> NewEvent {
    NewEvent { file, kind: kind.to_owned(), fact: "{\"a\":1}".to_owned(), raw: None, readers: Readers::All }
}

async fn append(store: &Store, kind: &str, file: Option<FileId>) -> Recorded {
    let event = event(kind, file);
    write!(store, tx => tx.append_event(&Scope::system(APP), &event).await).unwrap()
}

fn page(read: LogRead) -> LogPage {
    match read {
        LogRead::Page(page) => page,
        LogRead::Reset(_) | LogRead::Expired(_) => panic!("the cursor was reset"),
    }
}

/// Reads on from `cursor` until `count` events have come; on PostgreSQL the transactions of other tests on the same server hold
/// the horizon back for a moment.
async fn follow(f: &Fixture, cursor: &Cursor, count: usize) -> (Vec<String>, Cursor) {
    let (mut kinds, mut cursor) = (Vec::new(), cursor.clone());
    while kinds.len() < count {
        let read = f.store.read().await.unwrap().events_after(&f.scope, &cursor, 100).await.unwrap();
        let page = page(read);
        kinds.extend(page.events.into_iter().map(|event| event.kind));
        cursor = page.next;
        tokio::task::yield_now().await;
    }
    (kinds, cursor)
}

async fn start(f: &Fixture) -> Cursor {
    f.store.read().await.unwrap().log_start().await.unwrap()
}

/// A writer that has recorded `slow` and has not committed.
fn pause(store: &Store) -> (oneshot::Receiver<()>, oneshot::Sender<()>, tokio::task::JoinHandle<Recorded>) {
    let (enter, entered) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let store = store.clone();
    let writer = tokio::spawn(async move {
        let event = event("slow", None);
        write!(store, tx => {
            let recorded = tx.append_event(&Scope::system(APP), &event).await?;
            enter.send(()).unwrap();
            released.await.unwrap();
            Ok(recorded)
        })
        .unwrap()
    });
    (entered, release, writer)
}

async fn a_reader_never_passes_an_event_that_commits_later(f: Fixture) {
    let begin = start(&f).await;
    let (entered, release, slow) = pause(&f.store);
    entered.await.unwrap();
    // The later writer commits while the first one stands still; on SQLite it can only queue behind it.
    let store = f.store.clone();
    let quick = tokio::spawn(async move { append(&store, "quick", None).await });
    let mut cursor = begin.clone();
    let mut seen = Vec::new();
    let mut quick = Some(quick);
    if f.store.engine() == Engine::Postgres {
        let later = quick.take().unwrap().await.unwrap();
        let mut read = f.store.read().await.unwrap();
        assert_eq!(read.file_events(&f.scope, FileId(1), 0, 10).await.unwrap(), []);
        assert!(later.seq > 0, "the later event is committed");
    }
    // A reader polls all the while.
    for _ in 0..50 {
        let read = f.store.read().await.unwrap().events_after(&f.scope, &cursor, 10).await.unwrap();
        let page = page(read);
        assert_eq!(page.held_back, f.store.engine() == Engine::Postgres);
        seen.extend(page.events.into_iter().map(|event| event.kind));
        cursor = page.next;
    }
    assert!(seen.is_empty(), "nothing may be read past the paused writer, but {seen:?} was");
    assert_eq!(f.store.read().await.unwrap().log_end().await.unwrap(), begin);
    release.send(()).unwrap();
    slow.await.unwrap();
    if let Some(quick) = quick {
        quick.await.unwrap();
    }
    let (kinds, cursor) = follow(&f, &cursor, 2).await;
    assert_eq!(kinds, ["slow", "quick"]);
    assert_eq!(f.store.read().await.unwrap().log_end().await.unwrap(), cursor);
}

async fn execute(f: &Fixture, statement: String) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&f.url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn the_order_of_one_file_survives_an_early_transaction(f: Fixture) {
    let file = Some(FileId(5));
    let begin = start(&f).await;
    assert_eq!(append(&f.store, "first", file).await.file_seq, Some(1));
    if f.store.engine() == Engine::Postgres {
        // This transaction has its number before the next event's, and records its own event afterwards.
        let (enter, entered) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let store = f.store.clone();
        let early = tokio::spawn(async move {
            let event = event("third", file);
            write!(store, tx => {
                number_now(tx).await?;
                enter.send(()).unwrap();
                released.await.unwrap();
                tx.append_event(&Scope::system(APP), &event).await
            })
            .unwrap()
        });
        entered.await.unwrap();
        assert_eq!(append(&f.store, "second", file).await.file_seq, Some(2));
        release.send(()).unwrap();
        assert_eq!(early.await.unwrap().file_seq, Some(3));
    } else {
        append(&f.store, "second", file).await;
        append(&f.store, "third", file).await;
    }
    let (kinds, _) = follow(&f, &begin, 3).await;
    assert_eq!(kinds, ["first", "second", "third"]);
    let mut read = f.store.read().await.unwrap();
    let history = read.file_events(&f.scope, FileId(5), 0, 10).await.unwrap();
    assert_eq!(history.iter().map(|event| event.file_seq).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    let rest = read.file_events(&f.scope, FileId(5), history[1].seq, 10).await.unwrap();
    assert_eq!(rest, history[2..]);
    assert!(read.file_events(&Scope::system(AppId(9)), FileId(5), 0, 10).await.unwrap().is_empty());
}

/// Gives the transaction its number, as any write does.
async fn number_now(tx: &mut Tx) -> Result<(), StoreError> {
    tx.set_meta_if_absent("numbered", "1").await.map(drop)
}

async fn events_are_paged_and_kept_apart_by_application(f: Fixture) {
    let begin = start(&f).await;
    for n in 0..5 {
        append(&f.store, &format!("e{n}"), Some(FileId(404))).await;
    }
    let raw = NewEvent { raw: Some(vec![0, 255]), ..event("foreign", None) };
    write!(f.store, tx => tx.append_event(&Scope::system(AppId(9)), &raw).await).unwrap();
    let (kinds, end) = follow(&f, &begin, 5).await;
    assert_eq!(kinds, ["e0", "e1", "e2", "e3", "e4"]);

    let mut read = f.store.read().await.unwrap();
    let first = page(read.events_after(&f.scope, &begin, 2).await.unwrap());
    assert_eq!(first.events.len(), 2);
    assert_eq!((first.events[0].file, first.events[0].file_seq), (Some(FileId(404)), Some(1)));
    let second = page(read.events_after(&f.scope, &first.next, 10).await.unwrap());
    assert_eq!(second.events.len(), 3);
    assert!(!end.is_after(&second.next), "at the end of the log, where others may have written, too");
    assert_eq!(page(read.events_after(&f.scope, &end, 10).await.unwrap()).events, []);
    drop(read);
    let other = Scope::system(AppId(9));
    let found = page(f.store.read().await.unwrap().events_after(&other, &begin, 100).await.unwrap());
    assert_eq!(found.events.len(), 1);
    assert_eq!((found.events[0].raw.as_deref(), found.events[0].app), (Some(&[0, 255][..]), AppId(9)));
}

/// A reader whose application is quiet is not behind the log when others are not.
async fn a_reader_with_nothing_to_read_keeps_up(f: Fixture) {
    let begin = start(&f).await;
    let (_, cursor) = follow(&f, &begin, 0).await;
    assert_eq!(cursor, begin);
    let other = event("of another", None);
    write!(f.store, tx => tx.append_event(&Scope::system(AppId(9)), &other).await).unwrap();
    loop {
        let read = page(f.store.read().await.unwrap().events_after(&f.scope, &begin, 10).await.unwrap());
        assert_eq!(read.events, []);
        if read.next.is_after(&begin) {
            append(&f.store, "own", None).await;
            assert_eq!(follow(&f, &read.next, 1).await.0, ["own"]);
            return;
        }
    }
}

async fn writers_of_one_file_number_its_events_without_gaps(f: Fixture) {
    let begin = start(&f).await;
    let writers = (0..8).map(|w| {
        let store = f.store.clone();
        tokio::spawn(async move {
            for n in 0..10 {
                append(&store, &format!("{w}.{n}"), Some(FileId(7))).await;
            }
        })
    });
    futures_util::future::join_all(writers).await;
    let (kinds, _) = follow(&f, &begin, 80).await;
    assert_eq!(kinds.len(), 80);
    let found = page(f.store.read().await.unwrap().events_after(&f.scope, &begin, 100).await.unwrap());
    let numbers: Vec<_> = found.events.iter().map(|event| event.file_seq.unwrap()).collect();
    assert_eq!(numbers, (1..=80).collect::<Vec<_>>(), "in the order of reading");
}

async fn what_is_for_one_endpoint_is_for_no_other_reader(f: Fixture) {
    let begin = start(&f).await;
    let test = NewEvent { readers: Readers::TestOf("someone".to_owned()), ..event("test", None) };
    write!(f.store, tx => tx.append_event(&Scope::system(APP), &test).await).unwrap();
    let all = NewEvent { readers: Readers::TestAll, ..event("for all", None) };
    write!(f.store, tx => tx.append_event(&Scope::system(APP), &all).await).unwrap();
    let (kinds, _) = follow(&f, &begin, 1).await;
    assert_eq!(kinds, ["for all"]);
    let found = page(f.store.read().await.unwrap().events_after(&f.scope, &begin, 10).await.unwrap());
    assert!(found.events[0].test);
}

async fn a_cursor_of_another_epoch_says_reset(f: Fixture) {
    append(&f.store, "kept", None).await;
    let stranger = Cursor { epoch: "0".repeat(32), txid: i64::MAX, seq: i64::MAX };
    let mut read = f.store.read().await.unwrap();
    let begin = read.log_start().await.unwrap();
    assert_eq!(read.events_after(&f.scope, &stranger, 10).await.unwrap(), LogRead::Reset(begin));
}

async fn renewing_the_epoch_keeps_every_event_and_no_endpoint_skips_one(f: Fixture) {
    let begin = start(&f).await;
    append(&f.store, "old", None).await;
    let (_, middle) = follow(&f, &begin, 1).await;
    append(&f.store, "new", None).await;
    let (_, end) = follow(&f, &middle, 1).await;
    for (name, cursor) in [("none", &begin), ("half", &middle), ("all", &end)] {
        execute(
            &f,
            format!(
                "INSERT INTO endpoints (id, app, url, shape, cursor_txid, cursor_seq, created_at)
                 VALUES ('{name}', {}, '', 'vendor3', {}, {}, 0)",
                APP.0, cursor.txid, cursor.seq
            ),
        )
        .await;
    }
    // As after restoring a dump into a server that counts its transactions from the start again.
    execute(&f, "UPDATE events SET txid = txid + 1000000".to_owned()).await;
    execute(&f, "UPDATE endpoints SET cursor_txid = cursor_txid + 1000000 WHERE id <> 'none'".to_owned())
        .await;
    match f.store.engine() {
        Engine::Postgres => f.store.migrate().await.unwrap(),
        Engine::Sqlite => write!(f.store, tx => tx.renew_epoch().await).unwrap(),
    }
    let fresh = start(&f).await;
    assert_ne!(fresh.epoch, begin.epoch);
    assert!(matches!(
        f.store.read().await.unwrap().events_after(&f.scope, &end, 10).await.unwrap(),
        LogRead::Reset(_)
    ));
    let (kinds, _) = follow(&f, &fresh, 2).await;
    assert_eq!(kinds, ["old", "new"]);
    for (name, left) in [("none", 2), ("half", 1), ("all", 0)] {
        let pool = sqlx::AnyPool::connect(&f.url).await.unwrap();
        let (txid, seq): (i64, i64) =
            sqlx::query_as("SELECT cursor_txid, cursor_seq FROM endpoints WHERE id = $1")
                .bind(name)
                .fetch_one(&pool)
                .await
                .unwrap();
        pool.close().await;
        let cursor = Cursor { txid, seq, ..fresh.clone() };
        let read = f.store.read().await.unwrap().events_after(&f.scope, &cursor, 10).await.unwrap();
        assert_eq!(page(read).events.len(), left, "{name}");
    }
}

async fn an_event_in_a_failed_unit_never_was(f: Fixture) {
    let begin = start(&f).await;
    let failed = write!(f.store, tx => {
        tx.append_event(&Scope::system(APP), &event("never", Some(FileId(6)))).await?;
        Err::<(), _>(StoreError::Stale)
    });
    assert!(failed.is_err());
    f.clock.advance(Duration::from_millis(1));
    assert_eq!(append(&f.store, "only", Some(FileId(6))).await.file_seq, Some(1));
    assert_eq!(follow(&f, &begin, 1).await.0, ["only"]);
}
