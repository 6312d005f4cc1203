//! Quotas, revocations and the log of the signature service.

use std::time::Duration;

use reelgate_model::{AppId, RevocationKind, Scope, SessionState, Time};
use reelgate_store::{
    Amount, NewRevocation, PermissionFacts, Quota, SignatureEntry, SignatureQuery, SignatureSegment,
    StoreError,
};

use crate::fixture::{APP, Fixture, START, both, write};
use crate::uploads::session;

both!(
    a_quota_takes_what_fits_and_says_what_was_used,
    concurrent_reservations_never_pass_the_limit,
    a_quota_is_forgotten_after_its_time,
    addresses_of_a_permission_are_counted_once_each,
    a_revocation_reaches_what_was_issued_until_then,
    a_revocation_finds_the_open_sessions,
    the_signature_log_pages_by_user_and_time,
    small_segments_of_the_signature_log_are_packed_and_read_the_same,
    the_signature_log_is_forgotten_by_time,
);

fn day(subject: &str) -> Quota {
    Quota { subject: subject.to_owned(), period: 20_000, expires_at: START + Duration::from_secs(60) }
}

const fn amount(uploads: u64, bytes: u64) -> Amount {
    Amount { uploads, bytes }
}

async fn reserve(f: &Fixture, subject: &str, wanted: Amount, most: Amount) -> Option<Amount> {
    let (scope, quota) = (f.scope.clone(), day(subject));
    write!(f.store, tx => tx.reserve_quota(&scope, &quota, wanted, most).await).unwrap()
}

async fn used(f: &Fixture, subject: &str) -> Amount {
    f.store.read().await.unwrap().quota_used(&f.scope, subject, 20_000).await.unwrap()
}

async fn a_quota_takes_what_fits_and_says_what_was_used(f: Fixture) {
    let most = amount(3, 100);
    assert_eq!(used(&f, "user:a").await, Amount::default());
    assert_eq!(reserve(&f, "user:a", amount(1, 60), most).await, None);
    assert_eq!(reserve(&f, "user:a", amount(1, 41), most).await, Some(amount(1, 60)), "bytes");
    assert_eq!(reserve(&f, "user:a", amount(1, 40), most).await, None, "exactly");
    assert_eq!(reserve(&f, "user:a", amount(1, 0), most).await, None);
    assert_eq!(reserve(&f, "user:a", amount(1, 0), most).await, Some(amount(3, 100)), "uploads");
    assert_eq!(reserve(&f, "user:b", amount(1, 100), most).await, None, "another user");
    assert_eq!(reserve(&f, "user:c", amount(1, 101), most).await, Some(Amount::default()), "never fits");
    assert_eq!(reserve(&f, "user:d", amount(1, u64::MAX), amount(1, u64::MAX)).await, None, "no limit");

    let scope = f.scope.clone();
    write!(f.store, tx => tx.return_quota(&scope, "user:a", 20_000, amount(1, 60)).await).unwrap();
    assert_eq!(used(&f, "user:a").await, amount(2, 40));
    let elsewhere = Scope::system(AppId(9));
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.quota_used(&elsewhere, "user:a", 20_000).await.unwrap(), Amount::default());
}

async fn concurrent_reservations_never_pass_the_limit(f: Fixture) {
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let (store, scope, quota) = (f.store.clone(), f.scope.clone(), day("user:a"));
            tokio::spawn(async move {
                write!(store, tx => tx.reserve_quota(&scope, &quota, amount(1, 10), amount(17, 1 << 40)).await)
                    .unwrap()
                    .is_none()
            })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += u64::from(task.await.unwrap());
    }
    assert_eq!((taken, used(&f, "user:a").await), (17, amount(17, 170)));
}

async fn a_quota_is_forgotten_after_its_time(f: Fixture) {
    reserve(&f, "user:a", amount(1, 1), amount(9, 9)).await;
    let scope = f.scope.clone();
    let end = START + Duration::from_secs(60);
    write!(f.store, tx => tx.note_permission_address(&scope, "p1", "192.0.2.1", end).await).unwrap();
    let early = write!(f.store, tx => tx.forget_quotas(end, 10).await).unwrap();
    let late = write!(f.store, tx => tx.forget_quotas(Time(end.0 + 1), 10).await).unwrap();
    assert_eq!((early, late, used(&f, "user:a").await), (0, 2, Amount::default()));
}

async fn addresses_of_a_permission_are_counted_once_each(f: Fixture) {
    let mut counts = Vec::new();
    for (permission, address) in
        [("p1", "192.0.2.1"), ("p1", "192.0.2.2"), ("p1", "192.0.2.1"), ("p2", "192.0.2.1")]
    {
        let scope = f.scope.clone();
        counts.push(
            write!(f.store, tx => tx.note_permission_address(&scope, permission, address, START).await)
                .unwrap(),
        );
    }
    assert_eq!(counts, [1, 2, 2, 1]);
}

async fn revoke(f: &Fixture, kind: RevocationKind, subject: &str) -> reelgate_store::Revocation {
    let (scope, end) = (f.scope.clone(), START + Duration::from_secs(3600));
    let new =
        NewRevocation { kind, subject: subject.to_owned(), reason: "lost phone".to_owned(), expires_at: end };
    write!(f.store, tx => tx.revoke_permissions(&scope, &new).await).unwrap()
}

async fn a_revocation_reaches_what_was_issued_until_then(f: Fixture) {
    let facts = |id, user, key_id, issued_at| PermissionFacts { id, user, key_id, issued_at };
    let of = async |facts: PermissionFacts<'_>| {
        f.store.read().await.unwrap().revocation_of(&f.scope, facts).await.unwrap()
    };
    let later = Time(START.0 + 1);
    assert_eq!(of(facts("p1", "u1", "k1", START)).await, None);
    revoke(&f, RevocationKind::Permission, "p1").await;
    revoke(&f, RevocationKind::User, "u1").await;
    revoke(&f, RevocationKind::Key, "k1").await;
    assert_eq!(of(facts("p1", "", "", later)).await, Some(RevocationKind::Permission));
    assert_eq!(of(facts("p2", "u1", "", START)).await, Some(RevocationKind::User));
    assert_eq!(of(facts("p2", "u1", "", later)).await, None, "issued afterwards");
    assert_eq!(of(facts("p2", "u2", "k1", START)).await, Some(RevocationKind::Key));
    assert_eq!(of(facts("p2", "u2", "k1", later)).await, None, "issued afterwards");
    assert_eq!(of(facts("", "", "", START)).await, None, "made by the application itself");
    let stranger = Scope::system(AppId(9));
    let elsewhere =
        f.store.read().await.unwrap().revocation_of(&stranger, facts("p1", "u1", "k1", START)).await;
    assert_eq!(elsewhere.unwrap(), None);

    f.clock.advance(Duration::from_secs(1));
    revoke(&f, RevocationKind::User, "u1").await;
    assert_eq!(of(facts("p2", "u1", "", later)).await, Some(RevocationKind::User), "a second time, later");
    let mut read = f.store.read().await.unwrap();
    let first = read.revocations(&f.scope, None, 2).await.unwrap();
    let rest = read.revocations(&f.scope, Some(&first[1].id), 9).await.unwrap();
    assert_eq!((first[0].subject.as_str(), first.len(), rest.len()), ("u1", 2, 1));
    assert_eq!((first[0].reason.as_str(), first[0].principal.as_str()), ("lost phone", "system"));
    drop(read);
    let end = START + Duration::from_secs(3601);
    assert_eq!(write!(f.store, tx => tx.forget_revocations(end, 9).await).unwrap(), 3);
}

async fn a_revocation_finds_the_open_sessions(f: Fixture) {
    for (id, permission, user, key, issued) in [
        ("s1", "p1", "u1", "k1", START.0),
        ("s2", "p2", "u1", "k2", START.0 + 5000),
        ("s3", "p3", "u2", "k1", START.0),
        ("s4", "p1", "u1", "k1", START.0),
    ] {
        let mut new = session(id);
        (new.permission, new.user, new.key_id) = (permission.to_owned(), user.to_owned(), key.to_owned());
        new.issued_at = Time(issued);
        let scope = f.scope.clone();
        write!(f.store, tx => tx.open_session(&scope, &new).await).unwrap();
    }
    let scope = f.scope.clone();
    write!(f.store, tx => tx.end_session(&scope, "s4", SessionState::Committed, "").await).unwrap();
    for (kind, subject, expected) in [
        (RevocationKind::Permission, "p1", vec!["s1"]),
        (RevocationKind::User, "u1", vec!["s1"]),
        (RevocationKind::Key, "k1", vec!["s1", "s3"]),
    ] {
        let revocation = revoke(&f, kind, subject).await;
        let scope = f.scope.clone();
        let found = f.store.read().await.unwrap().sessions_revoked(&scope, &revocation, 9).await.unwrap();
        assert_eq!(found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), expected, "{kind:?}");
    }
    let mut read = f.store.read().await.unwrap();
    let recent = read.recent_revocations(START).await.unwrap();
    assert_eq!(recent.iter().map(|(app, _)| *app).collect::<Vec<_>>(), [APP; 3]);
    assert!(read.recent_revocations(START + Duration::from_secs(1)).await.unwrap().is_empty());
    let revoked = |found: Option<(reelgate_store::Session, bool)>| found.unwrap().1;
    assert!(revoked(read.session_and_revocation("s1").await.unwrap()));
    assert!(!revoked(read.session_and_revocation("s2").await.unwrap()), "issued after the revocation");
    assert!(revoked(read.session_and_revocation("s3").await.unwrap()), "by its key");
    assert_eq!(read.session_and_revocation("s9").await.unwrap(), None);
}

fn entry(at: i64, id: i64, user: &str) -> SignatureEntry {
    SignatureEntry {
        app: APP,
        at: Time(START.0 + at),
        id,
        user: user.to_owned(),
        caller: "backend".to_owned(),
        code: "granted".to_owned(),
        remote: "192.0.2.1".to_owned(),
        permission: format!("p{id}"),
        expire_time: 1_790_000_000,
        detail: serde_json::json!({"policy": user, "odd": "\u{0}\n\""}),
    }
}

async fn log(f: &Fixture, entries: &[SignatureEntry]) {
    let mut apps: Vec<AppId> = entries.iter().map(|entry| entry.app).collect();
    apps.dedup();
    for app in apps {
        let own: Vec<_> = entries.iter().filter(|entry| entry.app == app).cloned().collect();
        let segment = SignatureSegment::of(app, &own);
        write!(f.store, tx => tx.put_signatures(&segment).await).unwrap();
    }
}

/// Ids of the entries that `user` has, page by page.
async fn read_log(f: &Fixture, user: Option<&str>, page: u32) -> Vec<i64> {
    let mut read = f.store.read().await.unwrap();
    let mut ids = Vec::new();
    let mut before = None;
    loop {
        let query = SignatureQuery { user, before, ..SignatureQuery::default() };
        let found = read.signature_log(&f.scope, &query, page).await.unwrap();
        let Some(last) = found.last() else { return ids };
        before = Some((last.at, last.id));
        ids.extend(found.iter().map(|entry| entry.id));
    }
}

async fn the_signature_log_pages_by_user_and_time(f: Fixture) {
    // Three nodes write at once, so that their segments overlap in time; one batch is written twice.
    let user = |n: i64| if n % 3 == 0 { "张三" } else { "b" };
    for node in 0..3 {
        let entries: Vec<_> = (0..150).filter(|n| n % 4 == node).map(|n| entry(n / 2, n, user(n))).collect();
        log(&f, &entries).await;
        log(&f, &entries).await;
    }
    let mut other = entry(0, 7, "b");
    other.app = AppId(9);
    let last: Vec<_> =
        (0..150).filter(|n| n % 4 == 3).map(|n| entry(n / 2, n, user(n))).chain([other]).collect();
    log(&f, &last).await;
    for page in [1, 7, 40, 200] {
        assert_eq!(read_log(&f, None, page).await, (0..150).rev().collect::<Vec<_>>(), "pages of {page}");
        let own: Vec<i64> = (0..150).rev().filter(|n| n % 3 == 0).collect();
        assert_eq!(read_log(&f, Some("张三"), page).await, own, "pages of {page}");
    }
    assert!(read_log(&f, Some("nobody"), 9).await.is_empty());
    let between = SignatureQuery {
        user: Some("张三"),
        since: Some(Time(START.0 + 10)),
        until: Some(Time(START.0 + 20)),
        before: None,
    };
    let mut read = f.store.read().await.unwrap();
    let found = read.signature_log(&f.scope, &between, 99).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.id).collect::<Vec<_>>(), [39, 36, 33, 30, 27, 24, 21]);
    assert_eq!(found[0], entry(19, 39, "张三"), "every field comes back");
    let stranger = Scope::system(AppId(9));
    assert_eq!(read.signature_log(&stranger, &SignatureQuery::default(), 9).await.unwrap().len(), 1);
}

async fn small_segments_of_the_signature_log_are_packed_and_read_the_same(f: Fixture) {
    for n in 0..200 {
        let entries = [entry(n, n, if n % 50 == 0 { "rare" } else { "b" })];
        log(&f, &entries).await;
    }
    let whole = read_log(&f, None, 30).await;
    let before = Time(START.0 + 190);
    assert_eq!(write!(f.store, tx => tx.pack_signature_log(before).await).unwrap(), 190);
    assert_eq!(write!(f.store, tx => tx.pack_signature_log(before).await).unwrap(), 0, "too few are left");
    assert_eq!(read_log(&f, None, 30).await, whole);
    assert_eq!(read_log(&f, Some("rare"), 30).await, [150, 100, 50, 0]);
}

async fn the_signature_log_is_forgotten_by_time(f: Fixture) {
    const WEEK: i64 = 7 * 86_400_000;
    let begin = START;
    write!(f.store, tx => tx.rotate_signature_log(begin, Time(0), 100).await).unwrap();
    for (at, id) in [(-9 * WEEK, 1), (0, 2), (3 * WEEK, 3), (4 * WEEK, 4)] {
        let entries = [entry(at, id, "a")];
        log(&f, &entries).await;
    }
    let (now, before) = (Time(START.0 + 4 * WEEK), Time(START.0 + 2 * WEEK));
    write!(f.store, tx => tx.rotate_signature_log(now, before, 100).await).unwrap();
    let mut read = f.store.read().await.unwrap();
    let left: Vec<_> = read
        .signature_log(&f.scope, &SignatureQuery::default(), 9)
        .await
        .unwrap()
        .iter()
        .map(|entry| entry.id)
        .collect();
    assert_eq!(left, [4, 3]);
    drop(read);
    let again: Result<u64, StoreError> =
        write!(f.store, tx => tx.rotate_signature_log(now, before, 100).await);
    assert_eq!(again.unwrap(), 0);
}
