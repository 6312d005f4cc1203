use std::time::Duration;

use reelgate_model::{
    AppId, FileId, MediaStatus, MultipartState, NotifyMode, Scope, SessionState, Suggestion, Time,
};
use reelgate_store::{
    Abandoned, NewMedia, NewSession, Object, Part, PartTotals, Probed, SignatureUse, StoreError, StoredFile,
};

use crate::fixture::{APP, Fixture, START, both, is_stale, write};

both!(
    a_session_keeps_what_it_was_opened_with_and_ends_once,
    sessions_are_due_by_time_and_only_while_open,
    a_one_time_signature_is_consumed_by_the_first,
    concurrent_uses_of_one_signature_consume_it_once,
    used_signatures_are_forgotten_after_their_time,
    a_multipart_takes_parts_while_it_and_its_session_are_open,
    a_part_that_comes_again_replaces_the_row_and_says_what_it_freed,
    a_part_size_is_learned_once,
    parts_are_paged_and_counted,
    a_completion_keeps_only_its_parts,
    the_end_of_a_session_aborts_its_multiparts,
    an_object_that_is_replaced_is_marked_abandoned,
    abandoned_places_come_by_age_and_go,
    a_media_is_made_once_and_announced_once,
    a_cover_is_replaced_and_the_old_one_named,
    media_are_paged_from_the_newest,
    other_applications_see_nothing,
);

/// Somebody else's scope.
fn stranger() -> Scope {
    Scope::system(AppId(9))
}

pub(crate) fn session(id: &str) -> NewSession {
    NewSession {
        id: id.to_owned(),
        file_id: FileId(5_576_678_019_876_543_210),
        cover_only: false,
        secret_id: "AKID1".to_owned(),
        signature_mac: "ab".repeat(20),
        user: "张三".to_owned(),
        permission: "perm-1".to_owned(),
        video_key: format!("1/2/{id}.mp4"),
        video_name: "holiday".to_owned(),
        video_type: "mp4".to_owned(),
        video_size: Some(20_971_525),
        cover_key: format!("1/2/{id}.png"),
        cover_type: "png".to_owned(),
        max_size: 48 << 30,
        max_duration: Some(600),
        region: "ap-guangzhou".to_owned(),
        class_id: 7,
        procedure: "ReelgateShortVideo".to_owned(),
        priority: -10,
        notify_mode: NotifyMode::Change,
        source_context: "user=42&trace=abc".to_owned(),
        session_context: "会话 🎬".to_owned(),
        media_expires_at: Some(Time(START.0 + 1)),
        remote: "2001:db8::1".to_owned(),
        policy: "creators".to_owned(),
        key_id: "key-1".to_owned(),
        issued_at: START,
        quota_day: Some(20_601),
        holder: "perm-1".to_owned(),
        reserved: 20_971_525,
        types: vec!["mp4".to_owned(), "mov".to_owned()],
        app_counted: true,
        expires_at: START + Duration::from_secs(3600),
    }
}

async fn open(f: &Fixture, id: &str) {
    let (scope, new) = (f.scope.clone(), session(id));
    write!(f.store, tx => tx.open_session(&scope, &new).await).unwrap();
}

async fn end(f: &Fixture, id: &str, state: SessionState) -> Result<(), StoreError> {
    let (scope, id) = (f.scope.clone(), id.to_owned());
    write!(f.store, tx => tx.end_session(&scope, &id, state, "because").await)
}

async fn begin(f: &Fixture, id: &str, session: &str) -> Result<(), StoreError> {
    let (scope, id, session) = (f.scope.clone(), id.to_owned(), session.to_owned());
    write!(f.store, tx => tx.begin_multipart(&scope, &id, &session, "1/2/a.mp4").await)
}

fn part(number: u32, place: &str, size: u64) -> Part {
    let stored_at = START + Duration::from_secs(number.into());
    Part {
        number,
        place: place.to_owned(),
        size,
        md5: format!("{number:032x}"),
        crc64: u64::MAX - u64::from(number),
        stored_at,
    }
}

async fn put(f: &Fixture, multipart: &str, part: Part) -> Result<Option<String>, StoreError> {
    let (scope, multipart) = (f.scope.clone(), multipart.to_owned());
    write!(f.store, tx => tx.put_part(&scope, &multipart, &part).await)
}

async fn step(
    f: &Fixture,
    multipart: &str,
    from: MultipartState,
    to: MultipartState,
) -> Result<(), StoreError> {
    let (scope, multipart) = (f.scope.clone(), multipart.to_owned());
    write!(f.store, tx => tx.move_multipart(&scope, &multipart, from, to).await)
}

async fn a_session_keeps_what_it_was_opened_with_and_ends_once(f: Fixture) {
    open(&f, "a").await;
    let (scope, again) = (f.scope.clone(), session("a"));
    let taken = write!(f.store, tx => tx.open_session(&scope, &again).await);
    assert!(matches!(taken, Err(StoreError::AlreadyExists)), "{taken:?}");
    let (scope, bare) = (
        f.scope.clone(),
        NewSession {
            id: "b".to_owned(),
            video_size: None,
            max_duration: None,
            media_expires_at: None,
            ..session("b")
        },
    );
    let expected = bare.clone();
    write!(f.store, tx => tx.open_session(&scope, &bare).await).unwrap();

    let mut read = f.store.read().await.unwrap();
    let found = read.session("a").await.unwrap().unwrap();
    assert_eq!((found.app, found.state, found.created_at), (APP, SessionState::Open, START));
    assert_eq!(found.request, session("a"));
    assert_eq!(read.session("b").await.unwrap().unwrap().request, expected);
    assert_eq!(read.session("c").await.unwrap(), None);
    assert_eq!(read.session_of_file(&f.scope, found.file_id).await.unwrap().unwrap().id, "a");
    drop(read);

    let (scope, id) = (stranger(), "a".to_owned());
    let stolen = write!(f.store, tx => tx.end_session(&scope, &id, SessionState::Expired, "").await);
    assert!(is_stale(&stolen), "not its application");
    let (scope, held) = (f.scope.clone(), "a".to_owned());
    write!(f.store, tx => tx.hold_session_open(&scope, &held).await).unwrap();
    f.clock.advance(Duration::from_secs(5));
    end(&f, "a", SessionState::Committed).await.unwrap();
    assert!(is_stale(&end(&f, "a", SessionState::Expired).await));
    let (scope, held) = (f.scope.clone(), "a".to_owned());
    assert!(is_stale(&write!(f.store, tx => tx.hold_session_open(&scope, &held).await)));
    let found = f.store.read().await.unwrap().session("a").await.unwrap().unwrap();
    assert_eq!((found.state, found.end_reason.as_str()), (SessionState::Committed, "because"));
    assert_eq!(found.ended_at, Some(START + Duration::from_secs(5)));
}

async fn sessions_are_due_by_time_and_only_while_open(f: Fixture) {
    for (id, seconds) in [("late", 30), ("early", 10), ("ended", 5), ("future", 100)] {
        let (scope, mut new) = (f.scope.clone(), session(id));
        new.expires_at = START + Duration::from_secs(seconds);
        write!(f.store, tx => tx.open_session(&scope, &new).await).unwrap();
    }
    end(&f, "ended", SessionState::Committed).await.unwrap();
    let mut read = f.store.read().await.unwrap();
    let now = START + Duration::from_secs(30);
    let due = |sessions: Vec<reelgate_store::Session>| -> Vec<String> {
        sessions.into_iter().map(|session| session.id).collect()
    };
    assert_eq!(due(read.sessions_due(now, 10).await.unwrap()), ["early", "late"]);
    assert_eq!(due(read.sessions_due(now, 1).await.unwrap()), ["early"]);
    assert!(read.sessions_due(START, 10).await.unwrap().is_empty());
}

fn used_by(session: &str) -> SignatureUse {
    SignatureUse { session_id: session.to_owned(), request_hash: format!("hash of {session}") }
}

async fn consume(f: &Fixture, mac: &'static str, session: &str, expires_at: Time) -> bool {
    let (scope, used) = (f.scope.clone(), used_by(session));
    write!(f.store, tx => tx.consume_signature(&scope, mac, &used, expires_at).await).unwrap()
}

async fn a_one_time_signature_is_consumed_by_the_first(f: Fixture) {
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.signature_use(&f.scope, "mac").await.unwrap(), None);
    assert!(consume(&f, "mac", "first", START).await);
    assert!(!consume(&f, "mac", "second", START).await);
    assert_eq!(read.signature_use(&f.scope, "mac").await.unwrap(), Some(used_by("first")));
    assert_eq!(read.signature_use(&stranger(), "mac").await.unwrap(), None);
}

async fn concurrent_uses_of_one_signature_consume_it_once(f: Fixture) {
    let tries = (0..40).map(|number| {
        let (store, scope, used) = (f.store.clone(), f.scope.clone(), used_by(&number.to_string()));
        tokio::spawn(
            async move { write!(store, tx => tx.consume_signature(&scope, "mac", &used, START).await) },
        )
    });
    let tries: Vec<_> = tries.collect();
    let mut first = 0;
    for one in tries {
        first += usize::from(one.await.unwrap().unwrap());
    }
    assert_eq!(first, 1);
}

async fn used_signatures_are_forgotten_after_their_time(f: Fixture) {
    consume(&f, "old", "a", START).await;
    consume(&f, "older", "b", START - Duration::from_secs(9)).await;
    consume(&f, "good", "c", START + Duration::from_secs(60)).await;
    let now = START + Duration::from_secs(1);
    assert_eq!(write!(f.store, tx => tx.forget_signature_uses(now, 1).await).unwrap(), 1);
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.signature_use(&f.scope, "older").await.unwrap(), None);
    assert_eq!(write!(f.store, tx => tx.forget_signature_uses(now, 10).await).unwrap(), 1);
    assert!(read.signature_use(&f.scope, "good").await.unwrap().is_some());
}

async fn a_multipart_takes_parts_while_it_and_its_session_are_open(f: Fixture) {
    open(&f, "a").await;
    assert!(is_stale(&begin(&f, "m", "unknown").await));
    begin(&f, "m", "a").await.unwrap();
    let mut read = f.store.read().await.unwrap();
    let found = read.multipart(&f.scope, "m").await.unwrap().unwrap();
    assert_eq!((found.session_id.as_str(), found.key.as_str()), ("a", "1/2/a.mp4"));
    assert_eq!((found.app, found.state, found.created_at), (APP, MultipartState::Open, START));
    assert_eq!((found.part_size, found.ended_at), (None, None));

    assert_eq!(put(&f, "m", part(1, "slot", 10)).await.unwrap(), None);
    step(&f, "m", MultipartState::Open, MultipartState::Completing).await.unwrap();
    assert!(is_stale(&put(&f, "m", part(2, "slot", 10)).await), "completing");
    assert!(is_stale(&step(&f, "m", MultipartState::Open, MultipartState::Aborted).await));
    let completing = read.multiparts_completing(10).await.unwrap();
    assert_eq!(
        completing.iter().map(|one| (one.id.as_str(), one.ended_at)).collect::<Vec<_>>(),
        [("m", None)]
    );
    step(&f, "m", MultipartState::Completing, MultipartState::Completed).await.unwrap();
    assert_eq!(read.multipart(&f.scope, "m").await.unwrap().unwrap().ended_at, Some(START));
    assert!(read.multiparts_completing(10).await.unwrap().is_empty());

    begin(&f, "n", "a").await.unwrap();
    end(&f, "a", SessionState::Committed).await.unwrap();
    assert!(is_stale(&put(&f, "n", part(1, "slot", 10)).await), "the session has ended");
    assert!(is_stale(&begin(&f, "o", "a").await));
    let all = read.session_multiparts(&f.scope, "a", 10).await.unwrap();
    assert_eq!(all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["m", "n"]);
    assert_eq!(read.session_multiparts(&f.scope, "a", 1).await.unwrap().len(), 1);
}

async fn a_part_that_comes_again_replaces_the_row_and_says_what_it_freed(f: Fixture) {
    open(&f, "a").await;
    begin(&f, "m", "a").await.unwrap();
    assert_eq!(put(&f, "m", part(1, "slot", 10)).await.unwrap(), None);
    let again = Part { md5: "ff".repeat(16), ..part(1, "1-aside", 11) };
    assert_eq!(put(&f, "m", again.clone()).await.unwrap().as_deref(), Some("slot"));
    assert_eq!(put(&f, "m", again.clone()).await.unwrap(), None, "the same place frees nothing");
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.part("m", 1).await.unwrap(), Some(again));
    assert_eq!(read.part("m", 2).await.unwrap(), None);
}

async fn a_part_size_is_learned_once(f: Fixture) {
    open(&f, "a").await;
    begin(&f, "m", "a").await.unwrap();
    for size in [8_u64 << 20, 1 << 20] {
        let scope = f.scope.clone();
        let known = write!(f.store, tx => tx.learn_part_size(&scope, "m", size).await).unwrap();
        assert_eq!(known, Some(8 << 20));
    }
    let scope = f.scope.clone();
    assert_eq!(write!(f.store, tx => tx.learn_part_size(&scope, "unknown", 5).await).unwrap(), None);
}

async fn parts_are_paged_and_counted(f: Fixture) {
    open(&f, "a").await;
    begin(&f, "m", "a").await.unwrap();
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.part_totals("m", 0).await.unwrap(), PartTotals::default());
    for number in [10_000, 1, 2] {
        put(&f, "m", part(number, "slot", 5 << 30)).await.unwrap();
    }
    let numbers = |parts: Vec<Part>| parts.into_iter().map(|part| part.number).collect::<Vec<_>>();
    assert_eq!(numbers(read.parts("m", 0, 2).await.unwrap()), [1, 2]);
    assert_eq!(numbers(read.parts("m", 2, 2).await.unwrap()), [10_000]);
    let totals = read.part_totals("m", 2).await.unwrap();
    assert_eq!((totals.count, totals.bytes), (2, 10 << 30));
    let at = |seconds| START + Duration::from_secs(seconds);
    assert_eq!((totals.first, totals.last), (at(1), at(10_000)));
    assert_eq!(read.parts("m", 2, 1).await.unwrap(), [part(10_000, "slot", 5 << 30)]);
}

async fn a_completion_keeps_only_its_parts(f: Fixture) {
    open(&f, "a").await;
    begin(&f, "m", "a").await.unwrap();
    for number in 1..=4 {
        put(&f, "m", part(number, "slot", 1)).await.unwrap();
    }
    let scope = stranger();
    write!(f.store, tx => tx.keep_only_parts(&scope, "m", &[]).await).unwrap();
    assert_eq!(
        f.store.read().await.unwrap().part_totals("m", 0).await.unwrap().count,
        4,
        "not its application"
    );
    let scope = f.scope.clone();
    write!(f.store, tx => tx.keep_only_parts(&scope, "m", &[1, 3]).await).unwrap();
    let left = f.store.read().await.unwrap().parts("m", 0, 10).await.unwrap();
    assert_eq!(left.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 3]);
}

async fn the_end_of_a_session_aborts_its_multiparts(f: Fixture) {
    open(&f, "a").await;
    open(&f, "b").await;
    for (id, session) in [("open", "a"), ("completing", "a"), ("completed", "a"), ("other", "b")] {
        begin(&f, id, session).await.unwrap();
    }
    step(&f, "completing", MultipartState::Open, MultipartState::Completing).await.unwrap();
    step(&f, "completed", MultipartState::Open, MultipartState::Completed).await.unwrap();
    let scope = f.scope.clone();
    let mut aborted = write!(f.store, tx => tx.abort_multiparts_of(&scope, "a").await).unwrap();
    aborted.sort();
    assert_eq!(aborted, ["completing", "open"]);
    let mut read = f.store.read().await.unwrap();
    for (id, state) in [
        ("open", MultipartState::Aborted),
        ("completed", MultipartState::Completed),
        ("other", MultipartState::Open),
    ] {
        assert_eq!(read.multipart(&f.scope, id).await.unwrap().unwrap().state, state, "{id}");
    }
}

fn object(key: &str, blob: &str) -> Object {
    Object {
        key: key.to_owned(),
        session_id: "a".to_owned(),
        multipart_id: Some("m".to_owned()),
        blob: blob.to_owned(),
        size: 5 << 30,
        etag: "d41d8cd98f00b204e9800998ecf8427e-3".to_owned(),
        crc64: u64::MAX.to_string(),
        completed_at: START,
    }
}

async fn put_object(f: &Fixture, object: Object) {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.put_object(&scope, &object).await).unwrap();
}

async fn an_object_that_is_replaced_is_marked_abandoned(f: Fixture) {
    open(&f, "a").await;
    put_object(&f, object("k", "1/2/first.bin")).await;
    let second = Object { multipart_id: None, size: 0, ..object("k", "1/2/second.bin") };
    put_object(&f, second.clone()).await;
    put_object(&f, object("cover", "1/2/cover.bin")).await;
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.object(&f.scope, "k").await.unwrap(), Some(second.clone()));
    let both = read.session_objects(&f.scope, "a").await.unwrap();
    assert_eq!(both, [object("cover", "1/2/cover.bin"), second]);
    let given_up = read.abandoned(START, 10).await.unwrap();
    assert_eq!(
        given_up,
        [Abandoned { place: "blob:1/2/first.bin".to_owned(), app: APP, abandoned_at: START }]
    );
}

async fn abandoned_places_come_by_age_and_go(f: Fixture) {
    for place in ["staging:b", "blob:a", "staging:b"] {
        let scope = f.scope.clone();
        write!(f.store, tx => tx.abandon(&scope, place, "test").await).unwrap();
        f.clock.advance(Duration::from_secs(10));
    }
    let mut read = f.store.read().await.unwrap();
    let places = |found: Vec<Abandoned>| found.into_iter().map(|one| one.place).collect::<Vec<_>>();
    assert_eq!(places(read.abandoned(f.clock.now(), 10).await.unwrap()), ["staging:b", "blob:a"]);
    assert_eq!(places(read.abandoned(START, 10).await.unwrap()), ["staging:b"]);
    assert_eq!(places(read.abandoned(f.clock.now(), 1).await.unwrap()), ["staging:b"]);
    write!(f.store, tx => tx.forget_abandoned("staging:b").await).unwrap();
    assert_eq!(places(read.abandoned(f.clock.now(), 10).await.unwrap()), ["blob:a"]);
}

fn file(name: &str) -> StoredFile {
    StoredFile { name: name.to_owned(), blob: format!("1/2/{name}.bin"), content_type: String::new() }
}

fn media(id: i64, session: &str) -> NewMedia {
    NewMedia {
        file_id: FileId(id),
        session_id: session.to_owned(),
        user: "alice".to_owned(),
        name: "假期".to_owned(),
        kind: "MP4".to_owned(),
        class_id: 3,
        source: file("video.mp4"),
        source_size: 5 << 30,
        cover: StoredFile::default(),
        region: "ap-guangzhou".to_owned(),
        source_context: "ctx".to_owned(),
        expires_at: Some(Time(START.0 + 9)),
    }
}

async fn create(f: &Fixture, new: NewMedia) -> Result<reelgate_store::Media, StoreError> {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.create_media(&scope, &new).await)
}

async fn a_media_is_made_once_and_announced_once(f: Fixture) {
    let made = create(&f, media(1, "a")).await.unwrap();
    assert_eq!((made.app, made.status, made.announced_at), (APP, MediaStatus::Normal, None));
    assert_eq!((made.name.as_str(), &made.source, made.source_size), ("假期", &file("video.mp4"), 5 << 30));
    assert_eq!((made.verdict, made.expires_at, made.probe.as_str()), (None, Some(Time(START.0 + 9)), ""));
    let same_file = create(&f, media(1, "b")).await;
    assert!(matches!(same_file, Err(StoreError::AlreadyExists)), "{same_file:?}");
    let same_session = create(&f, media(2, "a")).await;
    assert!(matches!(same_session, Err(StoreError::AlreadyExists)), "{same_session:?}");

    f.clock.advance(Duration::from_secs(2));
    let probed = Probed {
        probe: r#"{"width":1280}"#.to_owned(),
        probe_error: String::new(),
        content_type: "video/mp4".to_owned(),
    };
    let (scope, first, second) = (f.scope.clone(), probed.clone(), probed);
    let announced = write!(f.store, tx => tx.announce_media(&scope, FileId(1), &first).await).unwrap();
    assert_eq!((announced.announced_at, announced.created_at), (Some(f.clock.now()), START));
    assert_eq!(
        (announced.source.content_type.as_str(), announced.probe),
        ("video/mp4", second.probe.clone())
    );
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.announce_media(&scope, FileId(1), &second).await)));

    let scope = f.scope.clone();
    write!(f.store, tx => tx.set_verdict(&scope, FileId(1), Suggestion::Review).await).unwrap();
    let found = f.store.read().await.unwrap().media(&f.scope, FileId(1)).await.unwrap().unwrap();
    assert_eq!(found.verdict, Some(Suggestion::Review));
    let scope = stranger();
    assert!(is_stale(&write!(f.store, tx => tx.set_verdict(&scope, FileId(1), Suggestion::Pass).await)));
}

async fn a_cover_is_replaced_and_the_old_one_named(f: Fixture) {
    create(&f, media(1, "a")).await.unwrap();
    for (new, old) in [("one.png", String::new()), ("two.png", file("one.png").blob)] {
        let scope = f.scope.clone();
        let freed = write!(f.store, tx => tx.set_cover(&scope, FileId(1), &file(new)).await).unwrap();
        assert_eq!(freed, old);
    }
    let found = f.store.read().await.unwrap().media(&f.scope, FileId(1)).await.unwrap().unwrap();
    assert_eq!(found.cover, file("two.png"));
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.set_cover(&scope, FileId(2), &file("x")).await)));
}

async fn media_are_paged_from_the_newest(f: Fixture) {
    for id in [1, 3, 2] {
        create(&f, media(id, &id.to_string())).await.unwrap();
    }
    f.clock.advance(Duration::from_secs(1));
    create(&f, media(4, "four")).await.unwrap();
    let mut read = f.store.read().await.unwrap();
    let page = read.media_page(&f.scope, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|media| media.file_id.0).collect::<Vec<_>>(), [4, 3]);
    let last = page.last().map(|media| (media.created_at, media.file_id));
    let rest = read.media_page(&f.scope, last, 10).await.unwrap();
    assert_eq!(rest.iter().map(|media| media.file_id.0).collect::<Vec<_>>(), [2, 1]);
}

async fn other_applications_see_nothing(f: Fixture) {
    open(&f, "a").await;
    begin(&f, "m", "a").await.unwrap();
    put_object(&f, object("k", "1/2/first.bin")).await;
    create(&f, media(1, "a")).await.unwrap();
    let mut read = f.store.read().await.unwrap();
    let other = stranger();
    assert_eq!(read.multipart(&other, "m").await.unwrap(), None);
    assert!(read.session_multiparts(&other, "a", 10).await.unwrap().is_empty());
    assert_eq!(read.object(&other, "k").await.unwrap(), None);
    assert!(read.session_objects(&other, "a").await.unwrap().is_empty());
    assert_eq!(read.media(&other, FileId(1)).await.unwrap(), None);
    assert!(read.media_page(&other, None, 10).await.unwrap().is_empty());
    assert_eq!(read.session_of_file(&other, session("a").file_id).await.unwrap(), None);
    drop(read);
    let theirs = write!(f.store, tx => tx.put_part(&other, "m", &part(1, "slot", 1)).await);
    assert!(is_stale(&theirs));
}
