//! What of a media goes, and what stays of it; and how media are searched for.

use std::time::Duration;

use reelgate_model::{
    AppId, FileId, JobState, MediaStatus, NotifyMode, Scope, SubtaskState, TaskState, Time,
};
use reelgate_store::{
    Media, MediaSearch, NewJob, NewMedia, NewSubtask, NewTask, Object, Probed, StoreError, StoredFile,
    Subtask, SubtaskEnd,
};

use crate::fixture::{APP, Fixture, START, both, is_stale, write};
use crate::uploads::session;

both!(
    a_media_is_deleted_once_and_not_announced_afterwards,
    everything_below_a_file_is_given_up_and_nothing_beside_it,
    a_source_is_given_up_once,
    jobs_of_a_file_are_cancelled,
    an_aborted_task_keeps_what_has_ended,
    an_output_that_was_given_up_is_not_served,
    media_are_found_by_all_conditions,
);

const FILE: FileId = FileId(7);

fn new_media(file: FileId, name: &str) -> NewMedia {
    NewMedia {
        file_id: file,
        session_id: format!("of-{file}"),
        user: String::new(),
        name: name.to_owned(),
        kind: "mp4".to_owned(),
        class_id: 0,
        source: StoredFile {
            name: "a.mp4".to_owned(),
            blob: format!("{APP}/{file}/a.bin"),
            ..StoredFile::default()
        },
        source_size: 1,
        cover: StoredFile {
            name: "c.png".to_owned(),
            blob: format!("{APP}/{file}/c.bin"),
            ..StoredFile::default()
        },
        region: "ap-guangzhou".to_owned(),
        source_context: String::new(),
        expires_at: None,
    }
}

async fn make(f: &Fixture, new: NewMedia) {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.create_media(&scope, &new).await).unwrap();
}

async fn media(f: &Fixture) -> Media {
    f.store.read().await.unwrap().media(&f.scope, FILE).await.unwrap().unwrap()
}

async fn abandoned(f: &Fixture) -> Vec<String> {
    let given_up = f.store.read().await.unwrap().abandoned(Time(i64::MAX), 100).await.unwrap();
    given_up.into_iter().map(|one| one.place).collect()
}

async fn a_media_is_deleted_once_and_not_announced_afterwards(f: Fixture) {
    make(&f, new_media(FILE, "holiday")).await;
    let other = Scope::system(AppId(7));
    assert!(is_stale(&write!(f.store, tx => tx.mark_deleted(&other, FILE).await)));
    let scope = f.scope.clone();
    write!(f.store, tx => tx.mark_deleted(&scope, FILE).await).unwrap();
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.mark_deleted(&scope, FILE).await)));
    let found = media(&f).await;
    assert_eq!((found.status, found.name.as_str()), (MediaStatus::Deleted, "holiday"));
    assert_eq!((found.source.blob.as_str(), found.cover.blob.as_str()), ("", ""));
    let probed = Probed { probe: "{}".to_owned(), probe_error: String::new(), content_type: String::new() };
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.announce_media(&scope, FILE, &probed).await)));
}

async fn everything_below_a_file_is_given_up_and_nothing_beside_it(f: Fixture) {
    let (scope, new) = (f.scope.clone(), session("a"));
    write!(f.store, tx => tx.open_session(&scope, &new).await).unwrap();
    for file in [7, 77] {
        let object = Object {
            key: format!("{APP}/{file}/a.mp4"),
            session_id: "a".to_owned(),
            multipart_id: None,
            blob: format!("{APP}/{file}/a.bin"),
            size: 7,
            etag: String::new(),
            crc64: "0".to_owned(),
            completed_at: START,
        };
        let scope = f.scope.clone();
        write!(f.store, tx => tx.put_object(&scope, &object).await).unwrap();
    }
    let scope = f.scope.clone();
    write!(f.store, tx => tx.abandon_file(&scope, FILE, "deleted").await).unwrap();
    assert_eq!(abandoned(&f).await, [format!("dir:{APP}/7")]);
    let mut read = f.store.read().await.unwrap();
    assert!(read.object(&f.scope, &format!("{APP}/7/a.mp4")).await.unwrap().is_none());
    assert!(read.object(&f.scope, &format!("{APP}/77/a.mp4")).await.unwrap().is_some());
    assert_eq!(read.places_of_file(&f.scope, FILE).await.unwrap(), [format!("{APP}/7/")]);
}

async fn a_source_is_given_up_once(f: Fixture) {
    make(&f, new_media(FILE, "holiday")).await;
    let blob = format!("{APP}/7/a.bin");
    for (given, good) in [("another", false), (blob.as_str(), true), (blob.as_str(), false), ("", false)] {
        let (scope, given) = (f.scope.clone(), given.to_owned());
        let removed = write!(f.store, tx => tx.remove_source(&scope, FILE, &given, "deleted").await);
        assert_eq!(removed.is_ok(), good, "{removed:?}");
    }
    assert_eq!(abandoned(&f).await, [format!("blob:{blob}")]);
    let found = media(&f).await;
    assert_eq!((found.status, found.source.blob.as_str()), (MediaStatus::Normal, ""));
    assert_ne!(found.cover.blob, "");
}

async fn jobs_of_a_file_are_cancelled(f: Fixture) {
    let job = |file: i64, task: Option<&str>| NewJob {
        queue: "q".to_owned(),
        kind: "a".to_owned(),
        version: 1,
        payload: "{}".to_owned(),
        file: Some(FileId(file)),
        task: task.map(ToOwned::to_owned),
        priority: 0,
        max_attempts: 3,
        run_at: START,
    };
    let mut ids = Vec::new();
    for new in [job(7, None), job(7, Some("t")), job(8, None)] {
        let scope = f.scope.clone();
        ids.push(write!(f.store, tx => tx.enqueue(&scope, &new).await).unwrap());
    }
    let scope = f.scope.clone();
    let count = write!(f.store, tx => tx.cancel_file_jobs(&scope, FILE, "deleted\0").await).unwrap();
    assert_eq!(count, 2);
    let mut read = f.store.read().await.unwrap();
    for (id, state) in ids.iter().zip([JobState::Failed, JobState::Failed, JobState::Ready]) {
        assert_eq!(read.job(&f.scope, id).await.unwrap().unwrap().state, state);
    }
}

/// A task whose first sub-task has succeeded.
async fn begun_task(f: &Fixture) -> Vec<Subtask> {
    make(f, new_media(FILE, "holiday")).await;
    let task = NewTask {
        id: "t".to_owned(),
        file_id: FILE,
        procedure: "LongVideoPreset".to_owned(),
        priority: 0,
        notify_mode: NotifyMode::Finish,
        session_context: String::new(),
        session_id: String::new(),
        deadline: f.clock.now() + Duration::from_secs(60),
    };
    let subtask = |kind: &str| NewSubtask {
        step: "a".to_owned(),
        kind: kind.to_owned(),
        definition: 10,
        input: "null".to_owned(),
    };
    let (scope, subtasks) = (f.scope.clone(), [subtask("Transcode"), subtask("ImageSprites")]);
    write!(f.store, tx => {
        tx.create_task(&scope, &task, &subtasks).await?;
        tx.hold_task(&scope, "t").await?;
        tx.end_subtask(&scope, "t", 0, &SubtaskEnd::Success { output: "{}".to_owned() }).await
    })
    .unwrap();
    f.store.read().await.unwrap().subtasks(&f.scope, "t").await.unwrap()
}

fn failure() -> SubtaskEnd {
    SubtaskEnd::Fail {
        err_code: 60_000,
        err_code_ext: "SourceFileError".to_owned(),
        message: "deleted".to_owned(),
    }
}

async fn an_aborted_task_keeps_what_has_ended(f: Fixture) {
    begun_task(&f).await;
    let open = f.store.read().await.unwrap().open_file_tasks(&f.scope, FILE).await.unwrap();
    assert_eq!(open.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t"]);
    let other = Scope::system(AppId(7));
    assert!(is_stale(&write!(f.store, tx => tx.abort_task(&other, "t", &failure(), "deleted").await)));
    f.clock.advance(Duration::from_secs(1));
    let scope = f.scope.clone();
    write!(f.store, tx => tx.abort_task(&scope, "t", &failure(), "deleted").await).unwrap();
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.abort_task(&scope, "t", &failure(), "deleted").await)));
    let scope = f.scope.clone();
    assert!(is_stale(&write!(f.store, tx => tx.hold_task(&scope, "t").await)));
    let mut read = f.store.read().await.unwrap();
    let task = read.task(&f.scope, "t").await.unwrap().unwrap();
    assert_eq!((task.state, task.reason.as_str()), (TaskState::Aborted, "deleted"));
    assert_eq!(task.finished_at, Some(START + Duration::from_secs(1)));
    let states: Vec<SubtaskState> =
        read.subtasks(&f.scope, "t").await.unwrap().iter().map(|one| one.state).collect();
    assert_eq!(states, [SubtaskState::Success, SubtaskState::Fail]);
    assert!(read.open_file_tasks(&f.scope, FILE).await.unwrap().is_empty());
}

async fn an_output_that_was_given_up_is_not_served(f: Fixture) {
    let subtasks = begun_task(&f).await;
    let scope = f.scope.clone();
    write!(f.store, tx => {
        tx.add_output_dir(&scope, FILE, "d", "t").await?;
        tx.abandon(&scope, &format!("blob:{APP}/7/d/v.mp4"), "deleted").await?;
        tx.abandon(&scope, &format!("dir:{APP}/7/d/10"), "deleted").await
    })
    .unwrap();
    let mut read = f.store.read().await.unwrap();
    for (below, served) in [
        ("v.mp4", false),
        ("10/v240.m3u8", false),
        ("10", false),
        ("v.mp", true),
        ("100/a.ts", true),
        ("x/v.mp4", true),
    ] {
        let found = read.output(&f.scope, FILE, "d", below).await.unwrap();
        assert_eq!(found.is_some(), served, "{below}");
    }
    drop(read);
    let (scope, first) = (f.scope.clone(), subtasks[0].clone());
    write!(f.store, tx => tx.replace_output(&scope, &first, "{\"deleted_at\":1}").await).unwrap();
    let (scope, first) = (f.scope.clone(), subtasks[0].clone());
    let again = write!(f.store, tx => tx.replace_output(&scope, &first, "{}").await);
    assert!(matches!(again, Err(StoreError::Stale)));
    let scope = f.scope.clone();
    write!(f.store, tx => tx.remove_output_dirs(&scope, FILE).await).unwrap();
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.output(&f.scope, FILE, "d", "x").await.unwrap(), None);
    assert_eq!(read.subtasks(&f.scope, "t").await.unwrap()[0].output, "{\"deleted_at\":1}");
}

async fn media_are_found_by_all_conditions(f: Fixture) {
    for (file, name) in (1..).zip(["alpha", "a%b", "视频 1", "视频 2", "gone"]) {
        make(&f, new_media(FileId(file), name)).await;
        f.clock.advance(Duration::from_secs(1));
    }
    let scope = f.scope.clone();
    write!(f.store, tx => tx.mark_deleted(&scope, FileId(5)).await).unwrap();
    let files = async |search: MediaSearch, offset: u32, limit: u32| {
        let mut read = f.store.read().await.unwrap();
        let found = read.media_search(&f.scope, &search, offset, limit).await.unwrap();
        let count = read.media_count(&f.scope, &search).await.unwrap();
        (count, found.into_iter().map(|media| media.file_id.0).collect::<Vec<_>>())
    };
    let any = MediaSearch::default();
    assert_eq!(files(any.clone(), 0, 10).await, (4, vec![4, 3, 2, 1]));
    assert_eq!(files(MediaSearch { ascending: true, ..any.clone() }, 1, 2).await, (4, vec![2, 3]));
    assert_eq!(files(any.clone(), 4, 10).await, (4, vec![]));
    let named = |names: &[&str]| MediaSearch {
        name_prefixes: names.iter().map(|name| (*name).to_owned()).collect(),
        ..MediaSearch::default()
    };
    assert_eq!(files(named(&["视频", "al"]), 0, 10).await.1, [4, 3, 1]);
    assert_eq!(files(named(&["a%"]), 0, 10).await.1, [2]);
    assert_eq!(files(named(&["_", "A"]), 0, 10).await, (0, vec![]));
    let listed = MediaSearch { files: vec![FileId(1), FileId(4), FileId(5), FileId(9)], ..named(&["视"]) };
    assert_eq!(files(listed, 0, 10).await, (1, vec![4]));
    let between = MediaSearch {
        from: Some(START + Duration::from_secs(1)),
        until: Some(START + Duration::from_secs(2)),
        ..any.clone()
    };
    assert_eq!(files(between, 0, 10).await.1, [3, 2]);
    let other = Scope::system(AppId(7));
    assert_eq!(f.store.read().await.unwrap().media_count(&other, &any).await.unwrap(), 0);
}
