//! Handing the log over: nothing twice, nothing skipped, only what an endpoint wants.

use std::time::Duration;

use reelgate_model::{AppId, Scope};
use reelgate_store::{EndpointSettings, Engine, Readers, Taken};
use tokio::sync::oneshot;

use crate::fixture::{APP, Fixture, both, write};
use crate::log::{LEASE, endpoint, event, kinds, record, settings, settle, take, to_serve};

both!(
    an_endpoint_begins_at_the_end_of_the_log,
    the_log_is_handed_over_once,
    two_processes_hand_over_each_event_once,
    nothing_is_handed_over_past_an_event_that_commits_later,
    an_endpoint_gets_the_types_that_it_wants,
    a_test_reaches_its_endpoint_alone,
    a_backlog_stays_in_the_log_until_there_is_room,
);

async fn an_endpoint_begins_at_the_end_of_the_log(f: Fixture) {
    record(&f, "before", None).await;
    settle(&f).await;
    let made = endpoint(&f, settings("http://one.example/")).await;
    assert!(to_serve(&f).await.is_empty(), "what happened before is not for a new endpoint");
    record(&f, "after", None).await;
    assert_eq!(to_serve(&f).await, [made.id.as_str()]);
    assert_eq!(kinds(&take(&f, &made, 10).await), ["after"]);
    let other = event("of another", None);
    write!(f.store, tx => tx.append_event(&Scope::system(AppId(9)), &other).await).unwrap();
    assert!(to_serve(&f).await.is_empty());
}

async fn the_log_is_handed_over_once(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "first", Some(5)).await;
    record(&f, "second", None).await;
    settle(&f).await;
    // Both have read the endpoint before one of them serves it.
    let (one, two) = (endpoint.clone(), endpoint.clone());
    let first = write!(f.store, tx => tx.take_deliveries(&one, LEASE, 10).await).unwrap();
    let second = write!(f.store, tx => tx.take_deliveries(&two, LEASE, 10).await).unwrap();
    assert_eq!(kinds(&first.deliveries), ["first", "second"]);
    assert_eq!(second, Taken { deliveries: vec![], more: false }, "whoever comes second gets nothing");
    assert!(to_serve(&f).await.is_empty());
    let mut read = f.store.read().await.unwrap();
    let found = read.event(&f.scope, first.deliveries[0].place).await.unwrap().unwrap();
    assert_eq!((found.id, found.file), (first.deliveries[0].event_id.clone(), first.deliveries[0].file));
    assert_eq!(read.event(&Scope::system(AppId(9)), first.deliveries[0].place).await.unwrap(), None);
}

async fn two_processes_hand_over_each_event_once(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    let mut recorded: Vec<String> = Vec::new();
    for n in 0..700 {
        recorded.push(record(&f, "e", Some(n)).await.id);
    }
    settle(&f).await;
    let work = || async {
        let (mut mine, mut idle) = (Vec::new(), 0);
        while idle < 5 {
            let taken = take(&f, &endpoint, 32).await;
            idle = if taken.is_empty() { idle + 1 } else { 0 };
            mine.extend(taken.into_iter().map(|delivery| delivery.event_id));
        }
        mine
    };
    let (one, two, three) = tokio::join!(work(), work(), work());
    let mut all = [one, two, three].concat();
    all.sort();
    recorded.sort();
    assert_eq!(all, recorded);
}

async fn nothing_is_handed_over_past_an_event_that_commits_later(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    let (enter, entered) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let (store, scope) = (f.store.clone(), f.scope.clone());
    let slow = tokio::spawn(async move {
        let event = event("slow", None);
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
        let mut read = f.store.read().await.unwrap();
        let found = read.endpoints_to_serve(f.clock.now(), "", 10).await.unwrap();
        assert_eq!(found, [], "the later event is committed, and not to be seen yet");
    }
    release.send(()).unwrap();
    slow.await.unwrap();
    if f.store.engine() == Engine::Sqlite {
        record(&f, "quick", None).await;
    }
    assert_eq!(kinds(&take(&f, &endpoint, 10).await), ["slow", "quick"]);
}

async fn an_endpoint_gets_the_types_that_it_wants(f: Fixture) {
    let with = |types: &str| EndpointSettings { types: types.to_owned(), ..settings("http://x.example/") };
    let wanted = [
        ("*", vec!["A", "AB", "B_"]),
        ("*,-A", vec!["AB", "B_"]),
        ("A,reelgate.X", vec!["A", "reelgate.X"]),
        ("reelgate.*", vec!["reelgate.X", "reelgate.Y"]),
        ("*,reelgate.*,-reelgate.Y", vec!["A", "AB", "reelgate.X", "B_"]),
        ("Z", vec![]),
        ("BX", vec![]),
    ];
    let mut endpoints = Vec::new();
    for (types, _) in &wanted {
        endpoints.push(endpoint(&f, with(types)).await);
    }
    for kind in ["A", "AB", "reelgate.X", "B_", "reelgate.Y"] {
        record(&f, kind, None).await;
    }
    for (endpoint, (types, expected)) in endpoints.iter().zip(&wanted) {
        assert_eq!(&kinds(&take(&f, endpoint, 10).await), expected, "{types}");
    }
    assert!(to_serve(&f).await.is_empty(), "what is not wanted is passed, too");
}

async fn a_test_reaches_its_endpoint_alone(f: Fixture) {
    let one = endpoint(&f, settings("http://one.example/")).await;
    let two = endpoint(&f, settings("http://two.example/")).await;
    let test = reelgate_store::NewEvent { readers: Readers::TestOf(one.id.clone()), ..event("test", None) };
    write!(f.store, tx => tx.append_event(&Scope::system(APP), &test).await).unwrap();
    assert_eq!(kinds(&take(&f, &one, 10).await), ["test"]);
    assert_eq!(take(&f, &two, 10).await, []);
}

async fn a_backlog_stays_in_the_log_until_there_is_room(f: Fixture) {
    let endpoint = endpoint(&f, settings("http://one.example/")).await;
    for n in 0..600 {
        record(&f, "e", Some(n)).await;
    }
    assert_eq!(take(&f, &endpoint, 8).await.len(), 8);
    let pending = |f: &Fixture| {
        let (store, id) = (f.store.clone(), endpoint.id.clone());
        async move { store.read().await.unwrap().delivery_counts(&id).await.unwrap().pending }
    };
    let after_one_page = pending(&f).await;
    assert!(after_one_page < 600, "{after_one_page}");
    for _ in 0..10 {
        take(&f, &endpoint, 8).await;
    }
    assert_eq!(pending(&f).await, after_one_page, "what waits comes first");
    f.clock.advance(Duration::from_secs(1));
}
