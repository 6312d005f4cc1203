//! The vendor's queue: shared by consumers, confirmed by handle.

use std::time::Duration;

use reelgate_model::{AppId, FileId, Scope, Time};
use reelgate_store::{Event, PullHandle};

use crate::fixture::{Fixture, both, is_stale, write};
use crate::log::{event, record, settle};

both!(
    seventeen_come_as_sixteen_and_one,
    an_event_comes_again_when_it_was_not_confirmed,
    the_next_event_of_a_file_waits,
    consumers_share_and_nobody_gets_what_another_has,
    the_queue_begins_where_it_is_told_and_holds_the_vendors_types,
);

const VISIBLE: Duration = Duration::from_secs(30);

async fn configure(f: &Fixture, since: Time) {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.ensure_event_config(&scope, since).await).unwrap();
}

async fn pull(f: &Fixture, limit: usize) -> Vec<(PullHandle, Event)> {
    settle(f).await;
    let scope = f.scope.clone();
    write!(f.store, tx => tx.pull_events(&scope, limit, VISIBLE).await).unwrap()
}

async fn confirm(f: &Fixture, handles: Vec<PullHandle>) -> Result<(), reelgate_store::StoreError> {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.confirm_events(&scope, &handles).await)
}

fn kinds(pulled: &[(PullHandle, Event)]) -> Vec<&str> {
    pulled.iter().map(|(_, event)| event.kind.as_str()).collect()
}

fn handles(pulled: &[(PullHandle, Event)]) -> Vec<PullHandle> {
    pulled.iter().map(|(handle, _)| *handle).collect()
}

async fn seventeen_come_as_sixteen_and_one(f: Fixture) {
    assert!(pull(&f, 16).await.is_empty(), "nobody has asked yet");
    configure(&f, Time(0)).await;
    for n in 0..17 {
        record(&f, &format!("e{n}"), Some(n)).await;
    }
    let first = pull(&f, 100).await;
    assert_eq!(first.len(), 16);
    let second = pull(&f, 16).await;
    assert_eq!(kinds(&second), ["e16"]);
    confirm(&f, handles(&first)).await.unwrap();
    confirm(&f, handles(&first)).await.unwrap();
    let doubled = [handles(&second), handles(&second)].concat();
    confirm(&f, doubled).await.unwrap();
    f.clock.advance(VISIBLE);
    assert!(pull(&f, 16).await.is_empty());
    let states = f.store.read().await.unwrap().file_pulls(&f.scope, FileId(16), 10).await.unwrap();
    assert_eq!((states[0].pulls, states[0].confirmed_at.is_some()), (1, true));
}

async fn an_event_comes_again_when_it_was_not_confirmed(f: Fixture) {
    configure(&f, Time(0)).await;
    record(&f, "one", Some(1)).await;
    record(&f, "two", Some(2)).await;
    let first = pull(&f, 16).await;
    f.clock.advance(VISIBLE - Duration::from_millis(1));
    assert!(pull(&f, 16).await.is_empty());
    confirm(&f, vec![first[1].0]).await.unwrap();
    f.clock.advance(Duration::from_millis(1));
    assert!(is_stale(&confirm(&f, handles(&first)).await), "one of them is too old");
    let again = pull(&f, 16).await;
    assert_eq!(kinds(&again), ["one"]);
    assert_ne!(again[0].0, first[0].0, "with a new handle");
    assert!(is_stale(&confirm(&f, vec![first[0].0]).await));
    assert!(is_stale(&confirm(&f, vec![again[0].0, first[0].0]).await));
    f.clock.advance(VISIBLE);
    assert_eq!(kinds(&pull(&f, 16).await), ["one"], "the refused call has confirmed nothing");
    let never = PullHandle { seq: 999_999, at: f.clock.now(), pulls: 1 };
    assert!(is_stale(&confirm(&f, vec![never]).await));
}

async fn the_next_event_of_a_file_waits(f: Fixture) {
    configure(&f, Time(0)).await;
    for (kind, file) in [("a1", 1), ("a2", 1), ("b1", 2)] {
        record(&f, kind, Some(file)).await;
    }
    let first = pull(&f, 16).await;
    assert_eq!(kinds(&first), ["a1", "b1"]);
    assert!(pull(&f, 16).await.is_empty(), "a2 waits until a1 is confirmed");
    f.clock.advance(VISIBLE);
    let again = pull(&f, 1).await;
    assert_eq!(kinds(&again), ["a1"], "or visible again, and then it comes first");
    confirm(&f, handles(&again)).await.unwrap();
    assert_eq!(kinds(&pull(&f, 16).await), ["a2", "b1"]);
}

async fn consumers_share_and_nobody_gets_what_another_has(f: Fixture) {
    configure(&f, Time(0)).await;
    let mut recorded = Vec::new();
    for n in 0..400 {
        recorded.push(record(&f, "e", Some(n % 90)).await.id);
    }
    settle(&f).await;
    let consumer = || async {
        let (mut mine, mut idle) = (Vec::new(), 0);
        while idle < 5 {
            let pulled = pull(&f, 16).await;
            idle = if pulled.is_empty() { idle + 1 } else { 0 };
            if !pulled.is_empty() {
                confirm(&f, handles(&pulled)).await.unwrap();
            }
            mine.extend(pulled.into_iter().map(|(_, event)| (event.file, event.file_seq, event.id)));
        }
        mine
    };
    let consumers = futures_util::future::join_all((0..8).map(|_| consumer())).await;
    let mut ids: Vec<String> = consumers.iter().flatten().map(|(.., id)| id.clone()).collect();
    ids.sort();
    recorded.sort();
    assert_eq!(ids, recorded, "each once");
    for mine in consumers {
        for file in 0..90 {
            let own = mine.iter().filter(|(of, ..)| *of == Some(FileId(file))).map(|(_, seq, _)| *seq);
            assert!(own.is_sorted(), "events of one file come in order");
        }
    }
}

async fn the_queue_begins_where_it_is_told_and_holds_the_vendors_types(f: Fixture) {
    record(&f, "old", None).await;
    f.clock.advance(Duration::from_secs(10));
    configure(&f, f.clock.now()).await;
    configure(&f, Time(0)).await;
    record(&f, "reelgate.Own", None).await;
    record(&f, "new", None).await;
    let other = event("of another", None);
    write!(f.store, tx => tx.append_event(&Scope::system(AppId(9)), &other).await).unwrap();
    assert_eq!(kinds(&pull(&f, 16).await), ["new"]);
    let scope = f.scope.clone();
    write!(f.store, tx => tx.set_event_mode(&scope, "PULL").await).unwrap();
    let config = f.store.read().await.unwrap().event_config(&f.scope).await.unwrap().unwrap();
    assert_eq!(config.mode, "PULL");
    let nobody = Scope::system(AppId(9));
    assert!(is_stale(&write!(f.store, tx => tx.set_event_mode(&nobody, "PULL").await)));
}
