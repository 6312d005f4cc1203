//! Units of work: committed whole or not at all, whatever happens to them or to their caller.

use std::sync::Arc;

use futures_util::future::join_all;
use reelgate_store::{Engine, StoreError};
use tokio::sync::oneshot;

use crate::fixture::{Fixture, both, write};

both!(
    a_failing_unit_leaves_the_others_of_its_batch,
    a_panic_is_undone_and_goes_on_in_the_caller,
    a_broken_statement_undoes_its_unit_only,
    sixty_four_writers_lose_no_update,
    what_a_unit_wrote_is_visible_to_itself_and_before_the_answer_to_nobody,
    a_dropped_caller_leaves_all_or_nothing,
    a_closed_store_refuses,
    a_server_that_closes_its_connections_costs_no_unit,
);

async fn put(f: &Fixture, key: &str) -> Result<(), StoreError> {
    let key = key.to_owned();
    f.store.write(move |tx| Box::pin(async move { tx.set_meta_if_absent(&key, "1").await.map(drop) })).await
}

async fn has(f: &Fixture, key: &str) -> bool {
    f.store.read().await.unwrap().meta(key).await.unwrap().is_some()
}

async fn a_failing_unit_leaves_the_others_of_its_batch(f: Fixture) {
    let failing = write!(f.store, tx => {
        tx.set_meta_if_absent("failing", "1").await?;
        Err::<(), _>(StoreError::Stale)
    });
    assert!(matches!(failing, Err(StoreError::Stale)));
    // On SQLite these wait together behind a unit that holds the writer, so that they end up in one batch.
    let (entered, release, holder) = hold(&f);
    entered.await.unwrap();
    let units = join_all((0..20).map(|n| {
        let store = f.store.clone();
        tokio::spawn(async move {
            write!(store, tx => {
                tx.set_meta_if_absent(&format!("unit {n}"), "1").await?;
                if n % 2 == 0 { Ok(()) } else { Err(StoreError::Stale) }
            })
        })
    }));
    let (units, ()) = tokio::join!(units, async { release.send(()).unwrap() });
    holder.await.unwrap().unwrap();
    for (n, unit) in units.into_iter().enumerate() {
        assert_eq!(unit.unwrap().is_ok(), n % 2 == 0);
        assert_eq!(has(&f, &format!("unit {n}")).await, n % 2 == 0, "unit {n}");
    }
    assert!(!has(&f, "failing").await);
}

/// A unit that has written `held` and waits. On SQLite every other unit waits behind it.
fn hold(
    f: &Fixture,
) -> (oneshot::Receiver<()>, oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (enter, entered) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let store = f.store.clone();
    let holder = tokio::spawn(async move {
        write!(store, tx => {
            tx.set_meta_if_absent("held", "1").await?;
            enter.send(()).unwrap();
            released.await.unwrap();
            Ok(())
        })
    });
    (entered, release, holder)
}

async fn a_panic_is_undone_and_goes_on_in_the_caller(f: Fixture) {
    let store = f.store.clone();
    let caller = tokio::spawn(async move {
        write!(store, tx => {
            tx.set_meta_if_absent("panicked", "1").await?;
            if tx.meta("panicked").await?.is_some() {
                panic!("on purpose");
            }
            Ok(())
        })
    });
    let panic = caller.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    put(&f, "after").await.unwrap();
    assert!(!has(&f, "panicked").await);
    assert!(has(&f, "after").await);
}

async fn a_broken_statement_undoes_its_unit_only(f: Fixture) {
    let scope = f.scope.clone();
    let result = write!(f.store, tx => {
        tx.set_meta_if_absent("broken", "1").await?;
        // No such API key: the foreign key refuses.
        let session = reelgate_store::NewConsoleSession {
            id: "x".to_owned(),
            api_key: scope.principal().to_string(),
            csrf: String::new(),
            expires_at: tx.now(),
        };
        tx.create_console_session(&session).await
    });
    assert!(matches!(result, Err(StoreError::Dangling)), "{result:?}");
    put(&f, "after").await.unwrap();
    assert!(!has(&f, "broken").await);
}

async fn sixty_four_writers_lose_no_update(f: Fixture) {
    let scope = Arc::new(f.scope.clone());
    let writers = (0..64).map(|writer| {
        let (store, scope) = (f.store.clone(), Arc::clone(&scope));
        tokio::spawn(async move {
            for n in 0..5 {
                let scope = Arc::clone(&scope);
                let entry =
                    reelgate_store::NewAudit { subject: format!("{writer}/{n}"), ..Default::default() };
                write!(store, tx => tx.audit(&scope, &entry).await).unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let page = f.store.read().await.unwrap().audit_page(&f.scope, None, 1000).await.unwrap();
    assert_eq!(page.len(), 64 * 5);
}

async fn what_a_unit_wrote_is_visible_to_itself_and_before_the_answer_to_nobody(f: Fixture) {
    let (entered, release, holder) = hold(&f);
    entered.await.unwrap();
    assert!(!has(&f, "held").await);
    release.send(()).unwrap();
    holder.await.unwrap().unwrap();
    assert!(has(&f, "held").await);
}

async fn a_dropped_caller_leaves_all_or_nothing(f: Fixture) {
    let (entered, release, holder) = hold(&f);
    entered.await.unwrap();
    // The caller of a unit that has begun goes away: the unit is committed.
    holder.abort();
    assert!(holder.await.unwrap_err().is_cancelled());
    // Behind it waits, on SQLite, a unit that has not begun.
    let store = f.store.clone();
    let waiting =
        tokio::spawn(async move { write!(store, tx => tx.set_meta_if_absent("waiting", "1").await) });
    tokio::task::yield_now().await;
    waiting.abort();
    let never_began = waiting.await.is_err();
    release.send(()).unwrap();
    let written = async {
        while !has(&f, "held").await {
            tokio::task::yield_now().await;
        }
    };
    written.await;
    if f.store.engine() == Engine::Sqlite {
        put(&f, "after").await.unwrap();
        assert_eq!(has(&f, "waiting").await, !never_began);
    }
}

async fn a_closed_store_refuses(f: Fixture) {
    f.store.close().await;
    assert!(matches!(put(&f, "late").await, Err(StoreError::Unavailable(_))));
    assert!(matches!(f.store.read().await.map(drop), Err(StoreError::Unavailable(_))));
}

/// As a restart does: what waits in the pool is closed by the time it is taken.
async fn a_server_that_closes_its_connections_costs_no_unit(f: Fixture) {
    if f.store.engine() == Engine::Sqlite {
        return;
    }
    let all_of_the_pool = (0..16).map(|n| {
        let f = &f;
        async move { put(f, &format!("before {n}")).await }
    });
    join_all(all_of_the_pool).await.into_iter().for_each(Result::unwrap);
    sqlx::any::install_default_drivers();
    let mut other = <sqlx::AnyConnection as sqlx::Connection>::connect(&f.url).await.unwrap();
    let close = "SELECT CAST(COUNT(pg_terminate_backend(pid, 10000)) AS BIGINT) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let closed: i64 = sqlx::query_scalar(close).fetch_one(&mut other).await.unwrap();
    assert!(closed > 1, "{closed} connections waited");
    put(&f, "after").await.unwrap();
    assert!(has(&f, "after").await);
}
