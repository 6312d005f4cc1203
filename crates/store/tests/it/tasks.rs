//! Tasks end exactly once and with their last sub-task; reviews and outputs are found where they belong.

use std::time::Duration;

use reelgate_model::{AppId, FileId, NotifyMode, Scope, SubtaskState, Suggestion, TaskState};
use reelgate_store::{NewMedia, NewSubtask, NewTask, ReviewFindings, StoreError, StoredFile, SubtaskEnd};

use crate::fixture::{Fixture, START, both, is_stale, write};

both!(
    a_task_goes_from_waiting_to_finish_with_its_last_subtask,
    a_subtask_ends_once_and_keeps_its_end,
    two_steps_that_end_at_once_finish_the_task_once,
    progress_never_goes_back,
    overdue_tasks_are_found_and_a_file_s_are_paged,
    another_application_sees_and_changes_nothing,
    a_directory_is_served_once_it_has_a_row,
    the_newest_review_counts_and_a_task_has_one,
);

const FILE: FileId = FileId(5_576_678_019_876_543_210);

fn success(output: &str) -> SubtaskEnd {
    SubtaskEnd::Success { output: output.to_owned() }
}

fn failure(message: &str) -> SubtaskEnd {
    SubtaskEnd::Fail {
        err_code: 70_000,
        err_code_ext: "InternalError".to_owned(),
        message: message.to_owned(),
    }
}

async fn media(f: &Fixture) {
    let new = NewMedia {
        file_id: FILE,
        session_id: "s".to_owned(),
        user: String::new(),
        name: "holiday".to_owned(),
        kind: "mp4".to_owned(),
        class_id: 0,
        source: StoredFile {
            name: "a.mp4".to_owned(),
            blob: "1/2/a.mp4".to_owned(),
            content_type: String::new(),
        },
        source_size: 1,
        cover: StoredFile::default(),
        region: "ap-guangzhou".to_owned(),
        source_context: String::new(),
        expires_at: None,
    };
    let scope = f.scope.clone();
    write!(f.store, tx => tx.create_media(&scope, &new).await).unwrap();
}

/// A task with one sub-task of step `a` and one of step `b`; the media comes with the first.
async fn task(f: &Fixture, id: &str) {
    if f.store.read().await.unwrap().media(&f.scope, FILE).await.unwrap().is_none() {
        media(f).await;
    }
    let new = NewTask {
        id: id.to_owned(),
        file_id: FILE,
        procedure: "LongVideoPreset".to_owned(),
        priority: 3,
        notify_mode: NotifyMode::Change,
        session_context: "会话".to_owned(),
        session_id: String::new(),
        deadline: f.clock.now() + Duration::from_secs(60),
    };
    let subtask = |step: &str| NewSubtask {
        step: step.to_owned(),
        kind: "Transcode".to_owned(),
        definition: 10,
        input: "null".to_owned(),
    };
    let (scope, subtasks) = (f.scope.clone(), [subtask("a"), subtask("b")]);
    write!(f.store, tx => tx.create_task(&scope, &new, &subtasks).await).unwrap();
}

async fn state(f: &Fixture, id: &str) -> TaskState {
    f.store.read().await.unwrap().task(&f.scope, id).await.unwrap().unwrap().state
}

async fn end(f: &Fixture, id: &'static str, index: i64, end: SubtaskEnd) -> Result<bool, StoreError> {
    let scope = f.scope.clone();
    write!(f.store, tx => {
        tx.hold_task(&scope, id).await?;
        tx.end_subtask(&scope, id, index, &end).await?;
        tx.finish_task(&scope, id, "").await
    })
}

async fn a_task_goes_from_waiting_to_finish_with_its_last_subtask(f: Fixture) {
    task(&f, "t").await;
    assert_eq!(state(&f, "t").await, TaskState::Waiting);
    let scope = f.scope.clone();
    write!(f.store, tx => {
        tx.hold_task(&scope, "t").await?;
        tx.begin_subtask(&scope, "t", 0).await
    })
    .unwrap();
    f.clock.advance(Duration::from_secs(1));
    let scope = f.scope.clone();
    let again = write!(f.store, tx => tx.begin_subtask(&scope, "t", 0).await);
    assert!(is_stale(&again));
    assert!(!end(&f, "t", 0, success("{}")).await.unwrap());
    assert_eq!(state(&f, "t").await, TaskState::Processing);
    assert!(end(&f, "t", 1, failure("no")).await.unwrap());
    let task = f.store.read().await.unwrap().task(&f.scope, "t").await.unwrap().unwrap();
    assert_eq!((task.state, task.begun_at), (TaskState::Finish, Some(START)));
    assert_eq!(task.finished_at, Some(f.clock.now()));
    assert_eq!((task.session_context.as_str(), task.priority), ("会话", 3));
    assert!(is_stale(&end(&f, "t", 1, success("{}")).await));
}

async fn a_subtask_ends_once_and_keeps_its_end(f: Fixture) {
    task(&f, "t").await;
    end(&f, "t", 0, failure("bad\0text")).await.unwrap();
    assert!(is_stale(&end(&f, "t", 0, success("{}")).await));
    let subtasks = f.store.read().await.unwrap().subtasks(&f.scope, "t").await.unwrap();
    let [first, second] = subtasks.as_slice() else { panic!("{subtasks:?}") };
    assert_eq!((first.state, first.err_code, first.progress), (SubtaskState::Fail, 70_000, 100));
    assert_eq!((first.err_code_ext.as_str(), first.message.as_str()), ("InternalError", "bad\u{fffd}text"));
    assert_eq!((first.begun_at, first.finished_at, first.output.as_str()), (Some(START), Some(START), ""));
    assert_eq!((second.state, second.step.as_str(), second.begun_at), (SubtaskState::Waiting, "b", None));
}

async fn two_steps_that_end_at_once_finish_the_task_once(f: Fixture) {
    task(&f, "t").await;
    let (first, second) = tokio::join!(end(&f, "t", 0, success("{}")), end(&f, "t", 1, success("{}")));
    assert_eq!(i32::from(first.unwrap()) + i32::from(second.unwrap()), 1);
    assert_eq!(state(&f, "t").await, TaskState::Finish);
}

async fn progress_never_goes_back(f: Fixture) {
    task(&f, "t").await;
    for (percent, expected) in [(10, 0), (30, 30), (20, 30)] {
        let scope = f.scope.clone();
        write!(f.store, tx => tx.set_step_progress(&scope, "t", "a", percent).await).unwrap();
        let found = f.store.read().await.unwrap().subtasks(&f.scope, "t").await.unwrap();
        assert_eq!([found[0].progress, found[1].progress], [expected, 0]);
        let scope = f.scope.clone();
        // Only what has begun makes progress.
        let begun = write!(f.store, tx => tx.begin_subtask(&scope, "t", 0).await);
        assert_eq!(begun.is_ok(), percent == 10);
    }
}

async fn overdue_tasks_are_found_and_a_file_s_are_paged(f: Fixture) {
    task(&f, "t1").await;
    f.clock.advance(Duration::from_secs(30));
    task(&f, "t2").await;
    task(&f, "t3").await;
    f.clock.advance(Duration::from_secs(30));
    let mut read = f.store.read().await.unwrap();
    let overdue = read.tasks_overdue(f.clock.now(), 10).await.unwrap();
    assert_eq!(overdue.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t1"]);
    let newest = read.file_tasks(&f.scope, FILE, None, 2).await.unwrap();
    assert_eq!(newest.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t3", "t2"]);
    let last = &newest[1];
    let rest = read.file_tasks(&f.scope, FILE, Some((last.created_at, &last.id)), 2).await.unwrap();
    assert_eq!(rest.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t1"]);
    drop(read);
    end(&f, "t1", 0, failure("late")).await.unwrap();
    end(&f, "t1", 1, failure("late")).await.unwrap();
    assert!(f.store.read().await.unwrap().tasks_overdue(f.clock.now(), 10).await.unwrap().is_empty());
}

async fn another_application_sees_and_changes_nothing(f: Fixture) {
    task(&f, "t").await;
    let other = Scope::system(AppId(7));
    let mut read = f.store.read().await.unwrap();
    assert!(read.task(&other, "t").await.unwrap().is_none());
    assert!(read.subtasks(&other, "t").await.unwrap().is_empty());
    assert!(read.file_tasks(&other, FILE, None, 10).await.unwrap().is_empty());
    drop(read);
    let scope = other.clone();
    assert!(is_stale(&write!(f.store, tx => tx.hold_task(&scope, "t").await)));
    let scope = other.clone();
    assert!(is_stale(&write!(f.store, tx => tx.begin_subtask(&scope, "t", 0).await)));
    let scope = other.clone();
    assert!(is_stale(&write!(f.store, tx => tx.end_subtask(&scope, "t", 0, &success("{}")).await)));
    assert!(!write!(f.store, tx => tx.finish_task(&other, "t", "").await).unwrap());
    assert_eq!(state(&f, "t").await, TaskState::Waiting);
}

async fn a_directory_is_served_once_it_has_a_row(f: Fixture) {
    task(&f, "t").await;
    assert_eq!(f.store.read().await.unwrap().output(&f.scope, FILE, "d", "x").await.unwrap(), None);
    let scope = f.scope.clone();
    write!(f.store, tx => tx.add_output_dir(&scope, FILE, "d", "t").await).unwrap();
    let mut read = f.store.read().await.unwrap();
    assert_eq!(read.output(&f.scope, FILE, "d", "x").await.unwrap(), Some(START));
    assert_eq!(read.output(&Scope::system(AppId(7)), FILE, "d", "x").await.unwrap(), None);
    drop(read);
    let scope = f.scope.clone();
    let twice = write!(f.store, tx => tx.add_output_dir(&scope, FILE, "d", "t").await);
    assert!(matches!(twice, Err(StoreError::AlreadyExists)));
}

async fn the_newest_review_counts_and_a_task_has_one(f: Fixture) {
    let findings = |suggestion, label: &str| ReviewFindings {
        suggestion,
        label: label.to_owned(),
        confidence: 98,
        models: "[]".to_owned(),
        frames: "[]".to_owned(),
    };
    for (id, suggestion, label) in [("t1", Suggestion::Pass, ""), ("t2", Suggestion::Block, "porn")] {
        task(&f, id).await;
        let (scope, found) = (f.scope.clone(), findings(suggestion, label));
        write!(f.store, tx => tx.create_review(&scope, id, FILE, &found).await).unwrap();
        f.clock.advance(Duration::from_secs(1));
    }
    let latest = f.store.read().await.unwrap().latest_review(&f.scope, FILE).await.unwrap().unwrap();
    assert_eq!((latest.task_id.as_str(), latest.findings), ("t2", findings(Suggestion::Block, "porn")));
    let (scope, found) = (f.scope.clone(), findings(Suggestion::Pass, ""));
    let twice = write!(f.store, tx => tx.create_review(&scope, "t1", FILE, &found).await);
    assert!(matches!(twice, Err(StoreError::AlreadyExists)));
}
