use reelgate_model::AppId;
use reelgate_store::{NewApp, StoreError};

use crate::fixture::{APP, Fixture, START, both, is_stale, write};

both!(an_app_is_made_once_and_revoked_once, apps_are_paged_by_id);

async fn an_app_is_made_once_and_revoked_once(f: Fixture) {
    let app = NewApp { id: AppId(7), name: "seven".to_owned(), private: true };
    let again = app.clone();
    write!(f.store, tx => tx.create_app(&app).await).unwrap();
    let taken = write!(f.store, tx => tx.create_app(&again).await);
    assert!(matches!(taken, Err(StoreError::AlreadyExists)), "{taken:?}");

    let found = f.store.read().await.unwrap().app(AppId(7)).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.private, found.created_at), ("seven", true, START));
    write!(f.store, tx => tx.set_app_private(AppId(7), false).await).unwrap();
    write!(f.store, tx => tx.revoke_app(AppId(7)).await).unwrap();
    assert!(is_stale(&write!(f.store, tx => tx.revoke_app(AppId(7)).await)));
    assert!(is_stale(&write!(f.store, tx => tx.set_app_private(AppId(7), true).await)));
    let found = f.store.read().await.unwrap().app(AppId(7)).await.unwrap().unwrap();
    assert_eq!((found.private, found.revoked_at), (false, Some(START)));
    assert_eq!(f.store.read().await.unwrap().app(AppId(8)).await.unwrap(), None);
}

async fn apps_are_paged_by_id(f: Fixture) {
    for id in [3, 2, 1] {
        let app = NewApp { id: AppId(id), name: String::new(), private: false };
        write!(f.store, tx => tx.create_app(&app).await).unwrap();
    }
    let mut read = f.store.read().await.unwrap();
    let first: Vec<_> = read.apps(None, 2).await.unwrap().into_iter().map(|app| app.id).collect();
    assert_eq!(first, [AppId(1), AppId(2)]);
    let rest: Vec<_> = read.apps(Some(AppId(2)), 10).await.unwrap().into_iter().map(|app| app.id).collect();
    assert_eq!(rest, [AppId(3), APP]);
}
