use std::time::Duration;

use reelgate_model::{ApiScope, AppId, Scope};
use reelgate_store::{KeyApps, NewApiKey, NewApp, NewConsoleSession, NewSecretKey, StoreError};

use crate::fixture::{APP, Fixture, START, both, is_stale, write};

both!(
    secret_keys_keep_their_bytes_and_applications,
    the_directory_holds_what_is_good_and_tells_when_it_changes,
    api_keys_are_live_until_they_are_revoked,
    a_revoked_app_closes_its_keys,
    console_sessions_end_by_time_by_hand_and_with_their_key,
);

fn secret_key(id: &str, apps: KeyApps) -> NewSecretKey {
    NewSecretKey { secret_id: id.to_owned(), sealed: vec![0, 255, 1], name: id.to_lowercase(), apps }
}

fn api_key(hash: &str) -> NewApiKey {
    NewApiKey {
        hash: hash.to_owned(),
        name: "backend".to_owned(),
        scopes: vec![ApiScope::Sign, ApiScope::Read],
    }
}

async fn secret_keys_keep_their_bytes_and_applications(f: Fixture) {
    let all = secret_key("AKID1", KeyApps::All);
    let listed = secret_key("AKID2", KeyApps::Listed(vec![APP]));
    let again = all.clone();
    write!(f.store, tx => tx.create_secret_key(&all).await).unwrap();
    write!(f.store, tx => tx.create_secret_key(&listed).await).unwrap();
    let taken = write!(f.store, tx => tx.create_secret_key(&again).await);
    assert!(matches!(taken, Err(StoreError::AlreadyExists)));
    let stray = secret_key("AKID3", KeyApps::Listed(vec![AppId(404)]));
    let dangling = write!(f.store, tx => tx.create_secret_key(&stray).await);
    assert!(matches!(dangling, Err(StoreError::Dangling)), "{dangling:?}");

    let mut read = f.store.read().await.unwrap();
    let found = read.secret_key("AKID1").await.unwrap().unwrap();
    assert_eq!((found.sealed.as_slice(), found.apps.contains(AppId(9))), (&[0, 255, 1][..], true));
    let found = read.secret_key("AKID2").await.unwrap().unwrap();
    assert_eq!((found.apps.contains(APP), found.apps.contains(AppId(9))), (true, false));
    assert!(!format!("{found:?}").contains("255"), "sealed bytes do not get into logs");
    assert_eq!(read.secret_key("AKID3").await.unwrap(), None);

    write!(f.store, tx => tx.revoke_secret_key("AKID1").await).unwrap();
    assert!(is_stale(&write!(f.store, tx => tx.revoke_secret_key("AKID1").await)));
    assert_eq!(read.secret_key("AKID1").await.unwrap(), None);
    let listed: Vec<_> = read.secret_keys("", 10).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.revoked_at).collect::<Vec<_>>(), [Some(START), None]);
    assert_eq!(read.secret_keys("AKID1", 10).await.unwrap().len(), 1);
}

async fn the_directory_holds_what_is_good_and_tells_when_it_changes(f: Fixture) {
    let before = f.store.read().await.unwrap().directory().await.unwrap();
    assert_eq!((before.apps.len(), before.api_keys.len(), before.secret_keys.len()), (1, 0, 0));
    for (id, apps) in [("AKID3", KeyApps::All), ("AKID1", KeyApps::Listed(vec![APP]))] {
        let key = secret_key(id, apps);
        write!(f.store, tx => tx.create_secret_key(&key).await).unwrap();
        f.clock.advance(Duration::from_secs(1));
    }
    let (scope, key) = (f.scope.clone(), api_key("h1"));
    let id = write!(f.store, tx => tx.create_api_key(&scope, &key).await).unwrap();
    let now = f.store.read().await.unwrap().directory().await.unwrap();
    assert!(now.version > before.version);
    let secret_ids: Vec<_> = now.secret_keys.iter().map(|key| key.secret_id.as_str()).collect();
    assert_eq!(secret_ids, ["AKID3", "AKID1"], "the newest comes last");
    assert_eq!((now.api_keys[0].0.as_str(), &now.api_keys[0].1.id), ("h1", &id));

    let end = START + Duration::from_secs(60);
    let (scope, own) = (f.scope.clone(), id.clone());
    write!(f.store, tx => tx.retire_api_key(&scope, &own, end).await).unwrap();
    write!(f.store, tx => tx.retire_secret_key("AKID3", end).await).unwrap();
    let (scope, own) = (f.scope.clone(), id.clone());
    let later = end + Duration::from_secs(1);
    assert!(
        is_stale(&write!(f.store, tx => tx.retire_api_key(&scope, &own, later).await)),
        "it ends earlier already"
    );
    assert!(is_stale(&write!(f.store, tx => tx.retire_secret_key("AKID3", later).await)));
    let retired = f.store.read().await.unwrap().directory().await.unwrap();
    assert!(retired.version > now.version);
    assert_eq!((retired.api_keys[0].1.expires_at, retired.secret_keys[0].expires_at), (Some(end), Some(end)));
    assert!(!retired.api_keys[0].1.is_expired(START) && retired.api_keys[0].1.is_expired(end));

    let scope = f.scope.clone();
    write!(f.store, tx => tx.revoke_api_key(&scope, &id).await).unwrap();
    write!(f.store, tx => tx.revoke_secret_key("AKID1").await).unwrap();
    let end = f.store.read().await.unwrap().directory().await.unwrap();
    assert!(end.version > retired.version);
    assert_eq!((end.api_keys.len(), end.secret_keys.len()), (0, 1));
}

async fn api_keys_are_live_until_they_are_revoked(f: Fixture) {
    let (scope, key, again) = (f.scope.clone(), api_key("h1"), api_key("h1"));
    let id = write!(f.store, tx => tx.create_api_key(&scope, &key).await).unwrap();
    let scope = f.scope.clone();
    let taken = write!(f.store, tx => tx.create_api_key(&scope, &again).await);
    assert!(matches!(taken, Err(StoreError::AlreadyExists)));

    let mut read = f.store.read().await.unwrap();
    let found = read.live_api_key(&id).await.unwrap().unwrap();
    assert_eq!(
        (&found.id, found.app, found.scopes.as_slice()),
        (&id, APP, &[ApiScope::Sign, ApiScope::Read][..])
    );
    assert_eq!(read.api_keys(&f.scope, "", 10).await.unwrap(), [found]);
    assert!(read.api_keys(&f.scope, &id, 10).await.unwrap().is_empty());
    assert!(read.api_keys(&Scope::system(AppId(9)), "", 10).await.unwrap().is_empty());

    let (other, stolen) = (Scope::system(AppId(9)), id.clone());
    assert!(
        is_stale(&write!(f.store, tx => tx.revoke_api_key(&other, &stolen).await)),
        "not its application"
    );
    let (scope, own) = (f.scope.clone(), id.clone());
    write!(f.store, tx => tx.revoke_api_key(&scope, &own).await).unwrap();
    assert_eq!(read.live_api_key(&id).await.unwrap(), None);
    assert_eq!(read.api_keys(&f.scope, "", 10).await.unwrap()[0].revoked_at, Some(START));
}

async fn a_revoked_app_closes_its_keys(f: Fixture) {
    let app = NewApp { id: AppId(9), name: String::new(), private: false };
    let key = api_key("h9");
    let id = write!(f.store, tx => {
        tx.create_app(&app).await?;
        tx.create_api_key(&Scope::system(AppId(9)), &key).await
    })
    .unwrap();
    assert!(f.store.read().await.unwrap().live_api_key(&id).await.unwrap().is_some());
    write!(f.store, tx => tx.revoke_app(AppId(9)).await).unwrap();
    assert!(f.store.read().await.unwrap().live_api_key(&id).await.unwrap().is_none());
    assert!(f.store.read().await.unwrap().directory().await.unwrap().api_keys.is_empty());
}

async fn console_sessions_end_by_time_by_hand_and_with_their_key(f: Fixture) {
    let (scope, key) = (f.scope.clone(), api_key("h1"));
    let api_key = write!(f.store, tx => tx.create_api_key(&scope, &key).await).unwrap();
    for name in ["one", "two", "three"] {
        let length = Duration::from_secs(if name == "one" { 60 } else { 3600 });
        let session = NewConsoleSession {
            id: name.to_owned(),
            api_key: api_key.clone(),
            csrf: format!("csrf {name}"),
            expires_at: START + length,
        };
        write!(f.store, tx => tx.create_console_session(&session).await).unwrap();
    }
    let mut read = f.store.read().await.unwrap();
    let found = read.console_session("one", f.clock.now()).await.unwrap().unwrap();
    assert_eq!((found.key.id.as_str(), found.csrf.as_str()), (api_key.as_str(), "csrf one"));

    f.clock.advance(Duration::from_secs(60));
    assert_eq!(read.console_session("one", f.clock.now()).await.unwrap(), None);
    assert_eq!(write!(f.store, tx => tx.sweep_console_sessions().await).unwrap(), 1);
    write!(f.store, tx => tx.end_console_session("two").await).unwrap();
    assert_eq!(read.console_session("two", f.clock.now()).await.unwrap(), None);
    assert!(read.console_session("three", f.clock.now()).await.unwrap().is_some());
    let scope = f.scope.clone();
    write!(f.store, tx => tx.revoke_api_key(&scope, &api_key).await).unwrap();
    assert_eq!(read.console_session("three", f.clock.now()).await.unwrap(), None);
}
