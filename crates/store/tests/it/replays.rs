//! Events sent again.

use std::time::Duration;

use reelgate_model::{FileId, Time};
use reelgate_store::{Endpoint, NewReplay};

use crate::fixture::{Fixture, both, is_stale, write};
use crate::log::{complete, endpoint, kinds, record, settings, settle, take};

both!(
    everything_or_some_of_it_comes_again_in_order,
    only_dead_letters_come_again_when_only_they_are_wanted,
    one_delivery_is_sent_again,
    a_disabled_endpoint_gets_no_replay,
);

fn everything() -> NewReplay {
    NewReplay { from: Time(0), to: Time(i64::MAX), types: "*".to_owned(), file: None, dead_only: false }
}

async fn replay(f: &Fixture, endpoint: &Endpoint, wanted: NewReplay) {
    settle(f).await;
    let (scope, endpoint) = (f.scope.clone(), endpoint.clone());
    write!(f.store, tx => tx.create_replay(&scope, &endpoint, &wanted).await).unwrap();
}

/// Takes and completes until nothing comes.
async fn drain(f: &Fixture, endpoint: &Endpoint) -> Vec<String> {
    let (mut came, mut idle) = (Vec::new(), 0);
    while idle < 3 {
        let taken = take(f, endpoint, 50).await;
        idle = if taken.is_empty() { idle + 1 } else { 0 };
        for one in &taken {
            complete(f, one).await;
        }
        came.extend(kinds(&taken).into_iter().map(str::to_owned));
    }
    came
}

async fn everything_or_some_of_it_comes_again_in_order(f: Fixture) {
    record(&f, "before", Some(1)).await;
    settle(&f).await;
    let made = endpoint(&f, settings("http://one.example/")).await;
    f.clock.advance(Duration::from_secs(10));
    let middle = f.clock.now();
    for (kind, file) in [("A", 1), ("B", 1), ("A", 2)] {
        record(&f, kind, Some(file)).await;
    }
    record(&f, "reelgate.X", None).await;
    assert_eq!(drain(&f, &made).await, ["A", "A", "B"].map(str::to_owned), "files take turns");
    replay(&f, &made, everything()).await;
    let mut all = drain(&f, &made).await;
    all.sort();
    assert_eq!(all, ["A", "A", "B", "before"], "also what it was never handed");
    replay(&f, &made, NewReplay { from: middle, types: "A".to_owned(), ..everything() }).await;
    assert_eq!(drain(&f, &made).await, ["A", "A"]);
    replay(&f, &made, NewReplay { to: Time(middle.0 - 1), ..everything() }).await;
    assert_eq!(drain(&f, &made).await, ["before"]);
    replay(&f, &made, NewReplay { file: Some(FileId(2)), ..everything() }).await;
    assert_eq!(drain(&f, &made).await, ["A"]);
    let mut read = f.store.read().await.unwrap();
    let history = read.file_deliveries(&f.scope, FileId(1), None, 10).await.unwrap();
    assert_eq!(history.len(), 3, "one delivery for each event, however often it was sent");
}

async fn only_dead_letters_come_again_when_only_they_are_wanted(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    for n in 0..300 {
        record(&f, if n % 100 == 0 { "dead" } else { "fine" }, Some(n)).await;
    }
    let mut idle = 0;
    while idle < 3 {
        let taken = take(&f, &made, 50).await;
        idle = if taken.is_empty() { idle + 1 } else { 0 };
        for one in taken {
            write!(f.store, tx => match one.event_kind.as_str() {
                "dead" => tx.bury_delivery(&one, "refused").await,
                _ => tx.complete_delivery(&one).await,
            })
            .unwrap();
        }
    }
    replay(&f, &made, NewReplay { dead_only: true, ..everything() }).await;
    assert_eq!(drain(&f, &made).await, ["dead", "dead", "dead"]);
    replay(&f, &made, NewReplay { dead_only: true, ..everything() }).await;
    assert_eq!(drain(&f, &made).await, Vec::<String>::new());
}

async fn one_delivery_is_sent_again(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "only", None).await;
    let one = take(&f, &made, 1).await.remove(0);
    let (scope, again) = (f.scope.clone(), one.clone());
    assert!(is_stale(&write!(f.store, tx => tx.revive_delivery(&scope, &again).await)), "it has not ended");
    complete(&f, &one).await;
    let (scope, again) = (f.scope.clone(), one.clone());
    write!(f.store, tx => tx.revive_delivery(&scope, &again).await).unwrap();
    let again = take(&f, &made, 1).await.remove(0);
    assert_eq!((again.id(), again.claims, again.tries), (one.id(), 2, 0));
}

async fn a_disabled_endpoint_gets_no_replay(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "only", None).await;
    let one = take(&f, &made, 1).await.remove(0);
    let (scope, id) = (f.scope.clone(), made.id.clone());
    write!(f.store, tx => tx.disable_endpoint(&scope, &id, "by hand").await).unwrap();
    let (scope, to) = (f.scope.clone(), made.clone());
    assert!(is_stale(&write!(f.store, tx => tx.create_replay(&scope, &to, &everything()).await)));
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.revive_delivery(&scope, &one).await)));
}
