//! Endpoints: made, changed, failing, disabled, removed; and what their pushes are signed with.

use std::time::Duration;

use reelgate_model::{AppId, DeliveryState, FileId, Scope};
use reelgate_store::EndpointSettings;

use crate::fixture::{Fixture, both, is_stale, write};
use crate::log::{endpoint, kinds, record, settings, take, to_serve};

both!(
    endpoints_are_made_changed_and_removed,
    a_new_address_gets_at_once_what_waits,
    a_failing_endpoint_is_left_alone_for_a_while,
    a_disabled_endpoint_accumulates_nothing,
    secrets_overlap,
);

async fn endpoints_are_made_changed_and_removed(f: Fixture) {
    let one = endpoint(&f, settings("http://one.example/")).await;
    let scope = f.scope.clone();
    let main = settings("http://main.example/");
    let main = write!(f.store, tx => tx.create_endpoint(&scope, "main", &main).await).unwrap();
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.endpoints(&f.scope).await.unwrap().len(), 2);
    assert_eq!(read.endpoint_in_role(&f.scope, "main").await.unwrap(), Some(main));
    let stranger = Scope::system(AppId(9));
    assert_eq!(read.endpoint(&stranger, &one.id).await.unwrap(), None);
    drop(read);

    let changed = EndpointSettings { shape: "standard".to_owned(), ..settings("http://one.example/") };
    let (scope, id, wanted) = (f.scope.clone(), one.id.clone(), changed.clone());
    let after = write!(f.store, tx => tx.change_endpoint(&scope, &id, &wanted).await).unwrap();
    assert_eq!((after.settings, after.cursor_seq), (changed.clone(), one.cursor_seq));
    let (id, wanted) = (one.id.clone(), changed);
    assert!(is_stale(&write!(f.store, tx => tx.change_endpoint(&stranger, &id, &wanted).await)));

    let (scope, id) = (f.scope.clone(), one.id.clone());
    let (removed, given_up) = write!(f.store, tx => tx.remove_endpoint(&scope, &id).await).unwrap().unwrap();
    assert_eq!((removed.removed_at, given_up), (Some(f.clock.now()), 0));
    let (scope, id) = (f.scope.clone(), one.id.clone());
    assert_eq!(write!(f.store, tx => tx.remove_endpoint(&scope, &id).await).unwrap(), None);
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.endpoint(&f.scope, &one.id).await.unwrap(), None);
    assert_eq!(read.endpoint_by_id(&one.id).await.unwrap(), Some(removed));
    drop(read);
    let unknown = Scope::system(AppId(404));
    let wanted = settings("http://x.example/");
    assert!(is_stale(&write!(f.store, tx => tx.create_endpoint(&unknown, "", &wanted).await)));
}

async fn a_new_address_gets_at_once_what_waits(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "only", None).await;
    let failed = take(&f, &made, 1).await.remove(0);
    let later = f.clock.now() + Duration::from_secs(3600);
    let id = made.id.clone();
    write!(f.store, tx => {
        tx.retry_delivery(&failed, later, true).await?;
        tx.blame_endpoint(&id, "refused", later).await
    })
    .unwrap();
    assert!(to_serve(&f).await.is_empty());
    let (scope, id, moved) = (f.scope.clone(), made.id.clone(), settings("http://two.example/"));
    write!(f.store, tx => tx.change_endpoint(&scope, &id, &moved).await).unwrap();
    assert_eq!(kinds(&take(&f, &made, 1).await), ["only"]);
}

async fn a_failing_endpoint_is_left_alone_for_a_while(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    record(&f, "waiting", None).await;
    let until = f.clock.now() + Duration::from_secs(10);
    for _ in 0..2 {
        let id = made.id.clone();
        write!(f.store, tx => tx.blame_endpoint(&id, "no\0answer", until).await).unwrap();
        f.clock.advance(Duration::from_secs(1));
    }
    let now = f.store.read().await.unwrap().endpoint_by_id(&made.id).await.unwrap().unwrap();
    assert_eq!((now.failures, now.last_error.as_str()), (2, "no\u{fffd}answer"));
    assert_eq!(now.failing_since, Some(f.clock.now() - Duration::from_secs(2)), "since the first failure");
    assert!(to_serve(&f).await.is_empty());
    f.clock.advance(Duration::from_secs(8));
    assert_eq!(to_serve(&f).await, [made.id.as_str()]);
    let id = made.id.clone();
    write!(f.store, tx => tx.absolve_endpoint(&id).await).unwrap();
    let now = f.store.read().await.unwrap().endpoint_by_id(&made.id).await.unwrap().unwrap();
    assert_eq!((now.failures, now.failing_since, now.last_error.as_str()), (0, None, ""));
}

async fn a_disabled_endpoint_accumulates_nothing(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    for kind in ["one", "two"] {
        record(&f, kind, Some(1)).await;
    }
    let in_flight = take(&f, &made, 1).await.remove(0);
    let (scope, id) = (f.scope.clone(), made.id.clone());
    let (disabled, given_up) =
        write!(f.store, tx => tx.disable_endpoint(&scope, &id, "by hand").await).unwrap();
    assert_eq!((disabled.enabled, disabled.disabled_reason.as_str(), given_up), (false, "by hand", 2));
    assert!(
        is_stale(&write!(f.store, tx => tx.complete_delivery(&in_flight).await)),
        "it is given up already"
    );
    record(&f, "meanwhile", Some(1)).await;
    assert!(to_serve(&f).await.is_empty());
    assert_eq!(take(&f, &made, 10).await, []);
    let (scope, id) = (f.scope.clone(), made.id.clone());
    assert!(is_stale(&write!(f.store, tx => tx.disable_endpoint(&scope, &id, "again").await)));
    let (scope, id) = (f.scope.clone(), made.id.clone());
    let enabled = write!(f.store, tx => tx.enable_endpoint(&scope, &id).await).unwrap();
    assert!(enabled.enabled && enabled.disabled_at.is_none());
    record(&f, "after", Some(1)).await;
    assert_eq!(kinds(&take(&f, &made, 10).await), ["after"]);
    let mut read = f.store.read().await.unwrap();
    let history = read.file_deliveries(&f.scope, FileId(1), None, 10).await.unwrap();
    let dead = history.iter().filter(|(one, _)| one.state == DeliveryState::Dead);
    assert!(dead.clone().all(|(one, _)| one.reason == "the endpoint was disabled"));
    assert_eq!((dead.count(), history.len()), (2, 3));
}

async fn secrets_overlap(f: Fixture) {
    let made = endpoint(&f, settings("http://one.example/")).await;
    let good = |f: &Fixture| {
        let (store, id, now) = (f.store.clone(), made.id.clone(), f.clock.now());
        async move {
            let found = store.read().await.unwrap().endpoint_secrets(&id, now).await.unwrap();
            found.into_iter().map(|secret| secret.sealed).collect::<Vec<_>>()
        }
    };
    for (sealed, overlap) in [(vec![1], 0), (vec![2], 60), (vec![3], 30)] {
        let (scope, id) = (f.scope.clone(), made.id.clone());
        f.clock.advance(Duration::from_secs(1));
        write!(f.store, tx => {
            let until = tx.now() + Duration::from_secs(overlap);
            tx.add_endpoint_secret(&scope, &id, &sealed, until).await
        })
        .unwrap();
    }
    assert_eq!(good(&f).await, [vec![3], vec![2], vec![1]], "newest first");
    f.clock.advance(Duration::from_secs(30));
    assert_eq!(good(&f).await, [vec![3]], "an earlier end stays an earlier end");
    let id = made.id.clone();
    write!(f.store, tx => tx.end_endpoint_secrets(&id, tx.now()).await).unwrap();
    assert_eq!(good(&f).await, Vec::<Vec<u8>>::new());
}
