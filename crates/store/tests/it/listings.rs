use reelgate_model::{AppId, FileId, MultipartState, Scope, SessionState};
use reelgate_store::{Keys, NewSession, Object};

use crate::fixture::{Fixture, START, both, is_stale, write};
use crate::uploads::session;

both!(
    objects_are_paged_by_the_bytes_of_their_keys,
    open_uploads_are_paged_by_key_and_age,
    a_key_leads_to_the_open_session_that_may_write_it,
    a_removed_object_leaves_its_bytes_to_the_sweep,
    what_rows_say_of_bytes,
);

async fn open(f: &Fixture, new: NewSession) {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.open_session(&scope, &new).await).unwrap();
}

fn object(key: &str) -> Object {
    Object {
        key: key.to_owned(),
        session_id: "a".to_owned(),
        multipart_id: None,
        blob: format!("1/2/{key}.bin"),
        size: 7,
        etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        crc64: "0".to_owned(),
        completed_at: START,
    }
}

async fn objects_are_paged_by_the_bytes_of_their_keys(f: Fixture) {
    open(&f, session("a")).await;
    let keys = ["B", "a", "a/1", "a/2", "a/é", "a/视频", "a0", "b"];
    for key in keys {
        let (scope, new) = (f.scope.clone(), object(key));
        write!(f.store, tx => tx.put_object(&scope, &new).await).unwrap();
    }
    let mut read = f.store.read().await.unwrap();
    for (prefix, after, limit, expected) in [
        ("", "", 10, &keys[..]),
        ("a/", "", 10, &keys[2..6]),
        ("a/", "a/1", 2, &keys[3..5]),
        ("a/", "", 1, &keys[2..3]),
        ("a/视", "", 10, &keys[5..6]),
        ("A", "", 10, &[]),
        ("", "b", 10, &[]),
    ] {
        let page = read.objects(&f.scope, Keys { prefix, after }, limit).await.unwrap();
        let found: Vec<_> = page.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(found, expected, "{prefix:?} after {after:?}");
    }
    let stranger = Scope::system(AppId(9));
    assert!(read.objects(&stranger, Keys { prefix: "", after: "" }, 10).await.unwrap().is_empty());
}

async fn open_uploads_are_paged_by_key_and_age(f: Fixture) {
    open(&f, session("a")).await;
    for (id, key) in [("2", "k"), ("1", "k"), ("3", "j"), ("4", "k"), ("5", "l")] {
        let scope = f.scope.clone();
        write!(f.store, tx => tx.begin_multipart(&scope, id, "a", key).await).unwrap();
    }
    let scope = f.scope.clone();
    let aborted = MultipartState::Aborted;
    write!(f.store, tx => tx.move_multipart(&scope, "5", MultipartState::Open, aborted).await).unwrap();
    let mut read = f.store.read().await.unwrap();
    for (prefix, after, after_id, limit, expected) in [
        ("", "", "", 10, &["3", "1", "2", "4"][..]),
        ("k", "", "", 2, &["1", "2"]),
        ("k", "k", "2", 10, &["4"]),
        ("", "k", "", 10, &[]),
    ] {
        let page = read.open_multiparts(&f.scope, Keys { prefix, after }, after_id, limit).await.unwrap();
        let found: Vec<_> = page.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(found, expected, "{prefix:?} after {after:?} {after_id:?}");
    }
}

async fn a_key_leads_to_the_open_session_that_may_write_it(f: Fixture) {
    let file = FileId(7);
    open(&f, NewSession { file_id: file, ..session("a") }).await;
    let (video, cover) = ("1/2/a.mp4", "1/2/a.png");
    let mut read = f.store.read().await.unwrap();
    for key in [video, cover] {
        assert_eq!(read.session_writing(&f.scope, file, key).await.unwrap().unwrap().id, "a", "{key}");
    }
    assert!(read.session_writing(&f.scope, file, "1/2/b.mp4").await.unwrap().is_none());
    assert!(read.session_writing(&f.scope, FileId(8), video).await.unwrap().is_none());
    drop(read);
    let scope = f.scope.clone();
    write!(f.store, tx => tx.end_session(&scope, "a", SessionState::Committed, "").await).unwrap();
    let mut read = f.store.read().await.unwrap();
    assert!(read.session_writing(&f.scope, file, video).await.unwrap().is_none());
}

async fn a_removed_object_leaves_its_bytes_to_the_sweep(f: Fixture) {
    open(&f, session("a")).await;
    let (scope, new) = (f.scope.clone(), object("k"));
    write!(f.store, tx => tx.put_object(&scope, &new).await).unwrap();
    let (scope, other) = (f.scope.clone(), Object { blob: "1/2/newer.bin".to_owned(), ..object("k") });
    assert!(is_stale(&write!(f.store, tx => tx.remove_object(&scope, &other).await)));
    let (scope, mine) = (f.scope.clone(), object("k"));
    write!(f.store, tx => tx.remove_object(&scope, &mine).await).unwrap();
    let mut read = f.store.read().await.unwrap();
    assert!(read.object(&f.scope, "k").await.unwrap().is_none());
    let given_up = read.abandoned(START, 10).await.unwrap();
    assert_eq!(given_up.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["blob:1/2/k.bin"]);
}

async fn what_rows_say_of_bytes(f: Fixture) {
    let file = FileId(7);
    open(&f, NewSession { file_id: file, ..session("a") }).await;
    open(&f, NewSession { file_id: FileId(8), ..session("b") }).await;
    let app = f.scope.app();
    let put = async |key: String, session: &str, blob: String| {
        let new = Object { key, session_id: session.to_owned(), blob, ..object("k") };
        let scope = f.scope.clone();
        write!(f.store, tx => tx.put_object(&scope, &new).await).unwrap();
    };
    put(format!("{app}/7/a.mp4"), "a", format!("{app}/7/first.bin")).await;
    put(format!("{app}/7/a.mp4"), "a", format!("{app}/7/second.bin")).await;
    put(format!("{app}/8/b.mp4"), "b", format!("{app}/8/b.bin")).await;
    for place in [format!("dir:{app}/7/out-1"), format!("blob:{app}/77/other.bin"), "staging:gone".to_owned()]
    {
        let scope = f.scope.clone();
        write!(f.store, tx => tx.abandon(&scope, &place, "test").await).unwrap();
    }
    let scope = f.scope.clone();
    write!(f.store, tx => tx.begin_multipart(&scope, "open", "a", "k").await).unwrap();

    let mut read = f.store.read().await.unwrap();
    let mut places = read.places_of_file(&f.scope, file).await.unwrap();
    places.sort();
    let expected = [format!("{app}/7/first.bin"), format!("{app}/7/out-1/"), format!("{app}/7/second.bin")];
    assert_eq!(places, expected);
    for (multipart, named) in [("open", true), ("gone", true), ("stray", false)] {
        assert_eq!(read.names_staging(multipart).await.unwrap(), named, "{multipart}");
    }
    let all = Keys { prefix: "", after: "" };
    let kept = async |read: &mut reelgate_store::Read| {
        let page = read.kept_objects(&f.scope, all, 10).await.unwrap();
        page.into_iter().map(|one| one.blob).collect::<Vec<_>>()
    };
    assert_eq!(kept(&mut read).await, [format!("{app}/7/second.bin"), format!("{app}/8/b.bin")]);
    drop(read);
    // An upload that ended without a media has nothing to keep.
    let scope = f.scope.clone();
    write!(f.store, tx => tx.end_session(&scope, "b", SessionState::Expired, "").await).unwrap();
    let mut read = f.store.read().await.unwrap();
    assert_eq!(kept(&mut read).await, [format!("{app}/7/second.bin")]);
}
