use std::time::Duration;

use futures_util::FutureExt;
use reelgate_model::Clock;
use reelgate_store::{Engine, Store, StoreError, Topic};

use crate::fixture::{Fixture, both, write};

both!(a_commit_wakes_who_listens, a_rolled_back_unit_wakes_nobody, other_processes_hear_of_it);

const FOREVER: Duration = Duration::from_secs(3600);

async fn a_commit_wakes_who_listens(f: Fixture) {
    let hint = f.store.hints(Topic::Events).listen();
    write!(f.store, tx => { tx.hint(Topic::Events); Ok(()) }).unwrap();
    hint.or_after(FOREVER).await;
}

async fn a_rolled_back_unit_wakes_nobody(f: Fixture) {
    let hint = f.store.hints(Topic::Jobs).listen();
    let failed = write!(f.store, tx => { tx.hint(Topic::Jobs); Err::<(), _>(StoreError::Stale) });
    assert!(failed.is_err());
    // The next unit's own hints must not include the failed one's.
    write!(f.store, tx => { tx.hint(Topic::Events); Ok(()) }).unwrap();
    assert!(hint.or_after(FOREVER).now_or_never().is_none());
}

async fn other_processes_hear_of_it(f: Fixture) {
    if f.store.engine() == Engine::Sqlite {
        return; // One process by definition.
    }
    let other = Store::open(&f.url, Clock::machine()).await.unwrap();
    let hint = other.hints(Topic::Jobs).listen();
    let mut waiting = std::pin::pin!(hint.or_after(FOREVER));
    // The other side may still be connecting its listener: ring until it hears.
    loop {
        write!(f.store, tx => { tx.hint(Topic::Jobs); Ok(()) }).unwrap();
        if tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_ok() {
            break;
        }
    }
    other.close().await;
}
