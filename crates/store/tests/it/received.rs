//! Events of the real cloud: recorded once.

use reelgate_model::Time;
use reelgate_store::NewEvent;

use crate::fixture::{Fixture, both, write};
use crate::log::event;

both!(an_event_that_comes_twice_is_recorded_once, what_is_old_is_forgotten);

async fn an_event_that_comes_twice_is_recorded_once(f: Fixture) {
    let receive = |identity: &'static str| {
        let (store, scope) = (f.store.clone(), f.scope.clone());
        let new = NewEvent { raw: Some(b"{}".to_vec()), ..event("NewFileUpload", Some(1)) };
        async move { write!(store, tx => tx.receive_event(&scope, identity, &new).await).unwrap() }
    };
    let many = (0..8).map(|_| tokio::spawn(receive("same")));
    let came = futures_util::future::join_all(many).await;
    let recorded: Vec<_> = came.into_iter().filter_map(|one| one.unwrap()).collect();
    assert_eq!(recorded.len(), 1, "at the same moment, too");
    assert!(receive("same").await.is_none());
    assert!(receive("another").await.is_some());
    let mut read = f.store.read().await.unwrap();
    let known = read.received(&f.scope, "same").await.unwrap();
    assert_eq!(known, Some(recorded[0].id.clone()));
    assert_eq!(read.file_events(&f.scope, reelgate_model::FileId(1), 0, 10).await.unwrap().len(), 2);
    drop(read);
    let scope = f.scope.clone();
    let first = write!(f.store, tx => tx.claim_identity(&scope, "upload 1", "came").await).unwrap();
    assert_eq!(first, None);
    let scope = f.scope.clone();
    let second = write!(f.store, tx => tx.claim_identity(&scope, "upload 1", "repaired").await).unwrap();
    assert_eq!(second.as_deref(), Some("came"));
}

async fn what_is_old_is_forgotten(f: Fixture) {
    for identity in ["a", "b", "c"] {
        let scope = f.scope.clone();
        write!(f.store, tx => tx.claim_identity(&scope, identity, "").await).unwrap();
        f.clock.advance(std::time::Duration::from_secs(1));
    }
    let before = Time(f.clock.now().0 - 1000);
    assert_eq!(write!(f.store, tx => tx.forget_received(before, 1).await).unwrap(), 1);
    assert_eq!(write!(f.store, tx => tx.forget_received(before, 10).await).unwrap(), 1);
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.received(&f.scope, "a").await.unwrap(), None);
    assert!(read.received(&f.scope, "c").await.unwrap().is_some());
}
