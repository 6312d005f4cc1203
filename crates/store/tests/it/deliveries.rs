//! Endpoints and deliveries: nothing is handed over twice or skipped, and the order of one file holds.

use std::time::Duration;

use reelgate_model::{DeliveryState, FileId, Scope};
use reelgate_store::{Attempt, Cursor, Delivery, Endpoint, Engine, LogRead, NewEvent, StoreError};
use tokio::sync::oneshot;

use crate::fixture::{APP, Fixture, both, is_stale, write};

both!(
    an_application_has_one_endpoint_that_begins_at_the_end_of_the_log,
    endpoints_set_at_once_become_one,
    the_log_is_handed_over_once,
    nothing_is_handed_over_past_an_event_that_commits_later,
    events_of_one_file_are_claimed_one_after_the_other,
    many_claimers_never_share_a_delivery,
    a_lost_lease_is_noticed,
    deliveries_of_a_removed_endpoint_become_due,
);

const LEASE: Duration = Duration::from_secs(60);

async fn put(f: &Fixture, url: &'static str) -> Endpoint {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.put_endpoint(&scope, url, "vendor3").await).unwrap()
}

async fn record(f: &Fixture, kind: &str, file: Option<i64>) {
    let event = NewEvent { file: file.map(FileId), kind: kind.to_owned(), fact: "{}".to_owned(), raw: None };
    write!(f.store, tx => tx.append_event(&Scope::system(APP), &event).await).unwrap();
}

async fn behind(f: &Fixture) -> Vec<Endpoint> {
    f.store.read().await.unwrap().endpoints_behind(10).await.unwrap()
}

/// Waits until the whole log lies below the horizon; on PostgreSQL other tests' transactions hold it back for a moment.
async fn settle(f: &Fixture) {
    loop {
        let mut read = f.store.read().await.unwrap();
        let end = read.log_end().await.unwrap();
        match read.log_after(&end, 1).await.unwrap() {
            LogRead::Page(page) if page.events.is_empty() && !page.held_back => return,
            _ => tokio::task::yield_now().await,
        }
    }
}

/// Hands everything in the log over to the endpoint. Returns what the move said.
async fn hand_over(f: &Fixture, endpoint: &Endpoint) -> Result<(), StoreError> {
    settle(f).await;
    let mut read = f.store.read().await.unwrap();
    let epoch = read.epoch().await.unwrap();
    let cursor = Cursor { epoch, txid: endpoint.cursor_txid, seq: endpoint.cursor_seq };
    let LogRead::Page(page) = read.events_after(&f.scope, &cursor, 100).await.unwrap() else {
        panic!("the cursor was reset")
    };
    drop(read);
    let endpoint = endpoint.clone();
    write!(f.store, tx => {
        for event in &page.events {
            tx.create_delivery(&endpoint, event).await?;
        }
        tx.move_endpoint(&endpoint, &page.next).await
    })
}

async fn claim(f: &Fixture, endpoint: &Endpoint, limit: usize) -> Vec<Delivery> {
    let id = endpoint.id.clone();
    write!(f.store, tx => tx.claim_deliveries(&id, LEASE, limit).await).unwrap()
}

fn kinds(claimed: &[Delivery]) -> Vec<&str> {
    claimed.iter().map(|delivery| delivery.event_kind.as_str()).collect()
}

async fn due(f: &Fixture) -> Vec<String> {
    f.store.read().await.unwrap().endpoints_due(f.clock.now(), 10).await.unwrap()
}

async fn an_application_has_one_endpoint_that_begins_at_the_end_of_the_log(f: Fixture) {
    record(&f, "before", None).await;
    settle(&f).await;
    assert_eq!(f.store.read().await.unwrap().endpoint(&f.scope).await.unwrap(), None);
    let made = put(&f, "http://one.example/").await;
    assert_eq!(behind(&f).await, [], "what happened before is not for a new endpoint");
    record(&f, "after", None).await;
    settle(&f).await;
    assert_eq!(behind(&f).await, std::slice::from_ref(&made));

    let moved = put(&f, "http://two.example/").await;
    assert_eq!((&moved.id, moved.url.as_str()), (&made.id, "http://two.example/"));
    assert_eq!(moved.cursor_seq, made.cursor_seq, "moving loses nothing");
    assert_eq!(put(&f, "http://two.example/").await, moved);
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.endpoint(&f.scope).await.unwrap(), Some(moved.clone()));
    assert_eq!(read.endpoint(&Scope::system(reelgate_model::AppId(9))).await.unwrap(), None);
    drop(read);

    let scope = f.scope.clone();
    let removed = write!(f.store, tx => tx.remove_endpoint(&scope).await).unwrap().unwrap();
    assert_eq!(removed.removed_at, Some(f.clock.now()));
    let scope = f.scope.clone();
    assert_eq!(write!(f.store, tx => tx.remove_endpoint(&scope).await).unwrap(), None);
    assert_eq!(behind(&f).await, []);
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.endpoint(&f.scope).await.unwrap(), None);
    assert_eq!(read.endpoint_by_id(&made.id).await.unwrap(), Some(removed));
}

async fn endpoints_set_at_once_become_one(f: Fixture) {
    let puts = (0..8).map(|_| put(&f, "http://one.example/"));
    let made = futures_util::future::join_all(puts).await;
    assert!(made.iter().all(|endpoint| endpoint.id == made[0].id));
    let stranger = Scope::system(reelgate_model::AppId(404));
    assert!(is_stale(&write!(f.store, tx => tx.put_endpoint(&stranger, "http://x/", "vendor3").await)));
}

async fn the_log_is_handed_over_once(f: Fixture) {
    let endpoint = put(&f, "http://one.example/").await;
    record(&f, "first", Some(5)).await;
    record(&f, "second", None).await;
    hand_over(&f, &endpoint).await.unwrap();
    assert!(is_stale(&hand_over(&f, &endpoint).await), "whoever comes second changes nothing");
    assert_eq!(behind(&f).await, []);
    assert_eq!(due(&f).await, std::slice::from_ref(&endpoint.id));
    let claimed = claim(&f, &endpoint, 10).await;
    assert_eq!(kinds(&claimed), ["first", "second"]);
    assert_eq!(due(&f).await, Vec::<String>::new());
    let mut read = f.store.read().await.unwrap();
    let place = (claimed[0].event_txid, claimed[0].event_seq);
    let event = read.event(&f.scope, place.0, place.1).await.unwrap().unwrap();
    assert_eq!((event.id, event.file), (claimed[0].event_id.clone(), Some(FileId(5))));
    assert_eq!(read.event(&f.scope, place.0, i64::MAX).await.unwrap(), None);
}

async fn nothing_is_handed_over_past_an_event_that_commits_later(f: Fixture) {
    let endpoint = put(&f, "http://one.example/").await;
    let (enter, entered) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let (store, scope) = (f.store.clone(), f.scope.clone());
    let slow = tokio::spawn(async move {
        let event = NewEvent { file: None, kind: "slow".to_owned(), fact: "{}".to_owned(), raw: None };
        write!(store, tx => {
            tx.append_event(&scope, &event).await?;
            enter.send(()).unwrap();
            released.await.unwrap();
            Ok(())
        })
        .unwrap();
    });
    entered.await.unwrap();
    if f.store.engine() == Engine::Postgres {
        record(&f, "quick", None).await;
    }
    assert_eq!(behind(&f).await, [], "the later event is committed, and not to be seen yet");
    release.send(()).unwrap();
    slow.await.unwrap();
    if f.store.engine() == Engine::Sqlite {
        record(&f, "quick", None).await;
    }
    hand_over(&f, &endpoint).await.unwrap();
    assert_eq!(kinds(&claim(&f, &endpoint, 10).await), ["slow", "quick"]);
}

async fn events_of_one_file_are_claimed_one_after_the_other(f: Fixture) {
    let endpoint = put(&f, "http://one.example/").await;
    for (kind, file) in [("a1", Some(1)), ("a2", Some(1)), ("b1", Some(2)), ("free", None), ("free", None)] {
        record(&f, kind, file).await;
    }
    hand_over(&f, &endpoint).await.unwrap();
    let claimed = claim(&f, &endpoint, 10).await;
    assert_eq!(kinds(&claimed), ["a1", "b1", "free", "free"]);
    assert_eq!(claim(&f, &endpoint, 10).await, []);

    let failed = claimed[0].clone();
    let again = f.clock.now() + Duration::from_secs(5);
    write!(f.store, tx => tx.retry_delivery(&failed, again).await).unwrap();
    assert_eq!(claim(&f, &endpoint, 10).await, [], "not before its time, and a2 waits for it");
    f.clock.advance(Duration::from_secs(5));
    let retried = claim(&f, &endpoint, 10).await;
    assert_eq!((kinds(&retried), retried[0].claims), (vec!["a1"], 2));
    let dead = retried[0].clone();
    write!(f.store, tx => tx.bury_delivery(&dead).await).unwrap();
    let next = claim(&f, &endpoint, 10).await;
    assert_eq!(kinds(&next), ["a2"], "a dead letter releases its file");

    let done = next[0].clone();
    let attempt = Attempt {
        number: done.claims,
        at: f.clock.now(),
        duration_ms: 12,
        status: Some(200),
        error: String::new(),
        answer: "nul\0here".to_owned(),
    };
    let noted = attempt.clone();
    write!(f.store, tx => {
        assert_eq!(tx.attempts_made(&done).await?, 0);
        tx.add_attempt(&done, &noted).await?;
        assert_eq!(tx.attempts_made(&done).await?, 1);
        tx.complete_delivery(&done).await
    })
    .unwrap();
    let mut read = f.store.read().await.unwrap();
    let history = read.file_deliveries(&f.scope, FileId(1), None, 10).await.unwrap();
    let states: Vec<_> = history.iter().map(|(delivery, _)| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Dead, DeliveryState::Delivered]);
    assert_eq!(history[1].1, [Attempt { answer: "nul\u{fffd}here".to_owned(), ..attempt }]);
    let rest = read.file_deliveries(&f.scope, FileId(1), Some(&history[0].0), 10).await.unwrap();
    assert_eq!(rest, history[1..]);
}

async fn many_claimers_never_share_a_delivery(f: Fixture) {
    let endpoint = put(&f, "http://one.example/").await;
    for n in 0..40 {
        record(&f, &format!("e{n}"), None).await;
    }
    hand_over(&f, &endpoint).await.unwrap();
    let claimers = (0..8).map(|_| async {
        let mut mine = Vec::new();
        loop {
            let claimed = claim(&f, &endpoint, 3).await;
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|delivery| delivery.id));
        }
    });
    let mut all: Vec<String> = futures_util::future::join_all(claimers).await.into_iter().flatten().collect();
    all.sort();
    let claimed = all.len();
    all.dedup();
    assert_eq!((all.len(), claimed), (40, 40));
}

async fn a_lost_lease_is_noticed(f: Fixture) {
    let endpoint = put(&f, "http://one.example/").await;
    record(&f, "only", None).await;
    hand_over(&f, &endpoint).await.unwrap();
    let lost = claim(&f, &endpoint, 1).await.remove(0);
    f.clock.advance(LEASE);
    let held = claim(&f, &endpoint, 1).await.remove(0);
    assert_eq!((held.id.as_str(), held.claims), (lost.id.as_str(), 2));
    let (one, two, three) = (lost.clone(), lost.clone(), lost);
    assert!(is_stale(&write!(f.store, tx => tx.complete_delivery(&one).await)));
    assert!(is_stale(&write!(f.store, tx => tx.bury_delivery(&two).await)));
    assert!(is_stale(&write!(f.store, tx => tx.retry_delivery(&three, tx.now()).await)));
    write!(f.store, tx => tx.complete_delivery(&held).await).unwrap();
}

async fn deliveries_of_a_removed_endpoint_become_due(f: Fixture) {
    let endpoint = put(&f, "http://one.example/").await;
    record(&f, "only", None).await;
    hand_over(&f, &endpoint).await.unwrap();
    let claimed = claim(&f, &endpoint, 1).await.remove(0);
    let later = f.clock.now() + Duration::from_secs(3600);
    write!(f.store, tx => tx.retry_delivery(&claimed, later).await).unwrap();
    assert_eq!(due(&f).await, Vec::<String>::new());
    let scope = f.scope.clone();
    write!(f.store, tx => tx.remove_endpoint(&scope).await).unwrap();
    assert_eq!(due(&f).await, std::slice::from_ref(&endpoint.id));
    assert_eq!(claim(&f, &endpoint, 1).await.len(), 1);
}
