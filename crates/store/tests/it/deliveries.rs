//! Deliveries: claimed by one sender at a time, in the order of each file, and ended once.

use std::time::Duration;

use reelgate_model::{DeliveryState, FileId};
use reelgate_store::{Attempt, DeliveryQuery, EndpointSettings, MOST_COUNTED};

use crate::fixture::{Fixture, both, is_stale, write};
use crate::log::{LEASE, complete, endpoint, kinds, record, settings, take, to_serve};

both!(
    events_of_one_file_are_claimed_one_after_the_other,
    without_order_they_are_not,
    many_claimers_never_share_a_delivery,
    a_lost_lease_is_noticed,
    an_attempt_is_kept_with_what_was_answered,
    deliveries_are_listed_and_counted,
);

async fn events_of_one_file_are_claimed_one_after_the_other(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    for (kind, file) in [("a1", Some(1)), ("a2", Some(1)), ("b1", Some(2)), ("free", None), ("free", None)] {
        record(&f, kind, file).await;
    }
    let claimed = take(&f, &endpoint, 10).await;
    assert_eq!(kinds(&claimed), ["a1", "b1", "free", "free"]);
    assert_eq!(take(&f, &endpoint, 10).await, []);

    let failed = claimed[0].clone();
    let again = f.clock.now() + Duration::from_secs(5);
    write!(f.store, tx => tx.retry_delivery(&failed, again, true).await).unwrap();
    assert_eq!(take(&f, &endpoint, 10).await, [], "not before its time, and a2 waits for it");
    assert!(to_serve(&f).await.is_empty(), "nobody need look before");
    f.clock.advance(Duration::from_secs(5));
    let retried = take(&f, &endpoint, 10).await;
    assert_eq!((kinds(&retried), retried[0].claims, retried[0].tries), (vec!["a1"], 2, 1));
    let dead = retried[0].clone();
    write!(f.store, tx => tx.bury_delivery(&dead, "enough").await).unwrap();
    let next = take(&f, &endpoint, 10).await;
    assert_eq!(kinds(&next), ["a2"], "a dead letter releases its file at once");
}

async fn without_order_they_are_not(f: Fixture) {
    let settings = EndpointSettings { ordering: "none".to_owned(), ..settings("http://one.example/") };
    let endpoint = endpoint(&f, settings).await;
    for kind in ["a1", "a2", "a3"] {
        record(&f, kind, Some(1)).await;
    }
    let first = take(&f, &endpoint, 1).await.remove(0);
    let later = f.clock.now() + Duration::from_secs(3600);
    write!(f.store, tx => tx.retry_delivery(&first, later, false).await).unwrap();
    assert_eq!(kinds(&take(&f, &endpoint, 10).await), ["a2", "a3"]);
}

async fn many_claimers_never_share_a_delivery(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    let mut recorded = Vec::new();
    for n in 0..40 {
        recorded.push(record(&f, &format!("e{n}"), None).await.id);
    }
    let claimers = (0..8).map(|_| async {
        let mut mine = Vec::new();
        let mut idle = 0;
        while idle < 3 {
            let claimed = take(&f, &endpoint, 3).await;
            idle = if claimed.is_empty() { idle + 1 } else { 0 };
            mine.extend(claimed.into_iter().map(|delivery| delivery.event_id));
        }
        mine
    });
    let mut all: Vec<String> = futures_util::future::join_all(claimers).await.into_iter().flatten().collect();
    all.sort();
    recorded.sort();
    assert_eq!(all, recorded);
}

async fn a_lost_lease_is_noticed(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "only", None).await;
    let lost = take(&f, &endpoint, 1).await.remove(0);
    f.clock.advance(LEASE);
    let held = take(&f, &endpoint, 1).await.remove(0);
    assert_eq!((held.id(), held.claims), (lost.id(), 2));
    let (one, two, three) = (lost.clone(), lost.clone(), lost);
    assert!(is_stale(&write!(f.store, tx => tx.complete_delivery(&one).await)));
    assert!(is_stale(&write!(f.store, tx => tx.bury_delivery(&two, "late").await)));
    assert!(is_stale(&write!(f.store, tx => tx.retry_delivery(&three, tx.now(), true).await)));
    complete(&f, &held).await;
}

async fn an_attempt_is_kept_with_what_was_answered(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "first", Some(1)).await;
    record(&f, "second", Some(1)).await;
    let done = take(&f, &endpoint, 1).await.remove(0);
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
        tx.add_attempt(&done, &noted).await?;
        tx.complete_delivery(&done).await
    })
    .unwrap();
    take(&f, &endpoint, 1).await;
    let mut read = f.store.read().await.unwrap();
    let history = read.file_deliveries(&f.scope, FileId(1), None, 10).await.unwrap();
    let states: Vec<_> = history.iter().map(|(delivery, _)| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Delivered, DeliveryState::Pending]);
    assert_eq!(history[0].1, [Attempt { answer: "nul\u{fffd}here".to_owned(), ..attempt }]);
    let rest = read.file_deliveries(&f.scope, FileId(1), Some(&history[0].0), 10).await.unwrap();
    assert_eq!(rest, history[1..]);
}

async fn deliveries_are_listed_and_counted(f: Fixture) {
    let one = endpoint(&f, settings("http://one.example/")).await;
    let two = endpoint(&f, settings("http://two.example/")).await;
    for (kind, file) in [("A", 1), ("B", 1), ("A", 2)] {
        record(&f, kind, Some(file)).await;
    }
    take(&f, &two, 10).await;
    let claimed = take(&f, &one, 10).await;
    complete(&f, &claimed[0]).await;
    let dead = claimed[1].clone();
    write!(f.store, tx => tx.bury_delivery(&dead, "no\0").await).unwrap();
    let mut read = f.store.read().await.unwrap();
    let all = read.deliveries(&f.scope, &DeliveryQuery::default(), 10).await.unwrap();
    assert_eq!(all.len(), 6);
    let first = read.deliveries(&f.scope, &DeliveryQuery::default(), 4).await.unwrap();
    let before = first.last().map(|last| (last.place.seq, last.endpoint.clone()));
    let query = DeliveryQuery { before, ..DeliveryQuery::default() };
    let rest = read.deliveries(&f.scope, &query, 4).await.unwrap();
    assert_eq!([first, rest].concat(), all, "page by page, none twice");
    let query = |query: DeliveryQuery| query;
    for (wanted, count) in [
        (query(DeliveryQuery { endpoint: one.id.clone(), ..DeliveryQuery::default() }), 3),
        (query(DeliveryQuery { state: Some(DeliveryState::Dead), ..DeliveryQuery::default() }), 1),
        (query(DeliveryQuery { kind: "A".to_owned(), ..DeliveryQuery::default() }), 4),
        (query(DeliveryQuery { file: Some(FileId(2)), ..DeliveryQuery::default() }), 2),
    ] {
        assert_eq!(read.deliveries(&f.scope, &wanted, 10).await.unwrap().len(), count, "{wanted:?}");
    }
    let stranger = reelgate_model::Scope::system(reelgate_model::AppId(9));
    assert_eq!(read.deliveries(&stranger, &DeliveryQuery::default(), 10).await.unwrap(), []);
    let counts = read.delivery_counts(&one.id).await.unwrap();
    assert_eq!((counts.pending, counts.dead), (1, 1));
    assert!(counts.pending <= u64::try_from(MOST_COUNTED).unwrap());
    let found = read.delivery(&f.scope, &one.id, claimed[1].place.seq).await.unwrap().unwrap();
    assert_eq!((found.state, found.reason.as_str()), (DeliveryState::Dead, "no\u{fffd}"));
    assert_eq!(read.delivery(&stranger, &one.id, claimed[1].place.seq).await.unwrap(), None);
}
