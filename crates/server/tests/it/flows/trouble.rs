//! Sources that are no media, procedures that nobody knows, workers that die, deadlines that pass.

use std::time::Duration;

use reelgate_jobs::Stepped;
use reelgate_model::{FileId, NotifyMode, SubtaskState, TaskState};
use reelgate_server::events::Fact;
use reelgate_server::events::outcome::AdaptiveOutput;
use reelgate_server::flows::deadline;

use super::{Upload, changes, ends, facts, machine_clock, manual_clock, task, work_off, worker};
use crate::fetched::Fetched;
use crate::test_app::TestApp;

const FAIL: SubtaskState = SubtaskState::Fail;

fn text(procedure: &str) -> Upload<'_> {
    Upload { bytes: b"<html><script>alert(1)</script></html>".repeat(100), ..Upload::sample(procedure) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_text_is_announced_and_fails_with_the_source_s_fault() {
    for unseen in [false, true] {
        let Some(t) = machine_clock().await else { return };
        let upload = text("LongVideoPreset");
        let file = if unseen { upload.commit_unseen(&t).await } else { upload.commit(&t).await };
        work_off(&t).await;
        let (task, subtasks) = task(&t, file).await;
        let malformed = "SourceFileError.ContentMalformed";
        let expected = [
            ("AdaptiveDynamicStreaming", FAIL, malformed),
            ("CoverBySnapshot", FAIL, malformed),
            ("ImageSprites", FAIL, malformed),
        ];
        assert_eq!((task.state, ends(&subtasks)), (TaskState::Finish, expected.to_vec()));
        assert_eq!(subtasks[0].err_code, 60_000);
        let facts = facts(&t).await;
        let Fact::NewFileUpload(upload) = &facts[0] else { unreachable!() };
        assert_eq!((upload.probe_error.as_str(), upload.probe.duration), ("ContentMalformed", 0.0));
        assert_eq!(upload.procedure_task_id, task.id);
        assert_eq!(changes(&t).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_that_is_found_too_long_only_after_commit_is_told_and_not_worked_on() {
    let Some(t) = machine_clock().await else { return };
    let upload = Upload { max_duration: Some(3), ..Upload::sample("ReelgateShortVideo") };
    upload.commit_unseen(&t).await;
    work_off(&t).await;
    let facts = facts(&t).await;
    let [Fact::NewFileUpload(upload), Fact::PermissionExceeded { limit, allowed, found, .. }] = &facts[..]
    else {
        panic!("{facts:?}")
    };
    assert_eq!((upload.procedure_task_id.as_str(), limit.as_str(), *allowed), ("", "max_duration", 3.0));
    assert!((*found - 5.3).abs() < 0.5, "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_procedures_and_types_nobody_reviews_fail_where_it_can_be_seen() {
    let Some(t) = machine_clock().await else { return };
    let file = Upload::sample("Nothing").commit(&t).await;
    assert_eq!(facts(&t).await.len(), 1);
    work_off(&t).await;
    let (_, subtasks) = task(&t, file).await;
    assert_eq!(ends(&subtasks), [("Transcode", FAIL, "InvalidInput.DefinitionNotExist")]);
    assert!(subtasks[0].message.contains("Nothing"), "{}", subtasks[0].message);
    assert_eq!(changes(&t).await.len(), 1);

    let Some(t) = machine_clock().await else { return };
    let file = Upload::sample("QCVB_ProcessUGCFile(0,0,0,10)").commit(&t).await;
    work_off(&t).await;
    let (_, subtasks) = task(&t, file).await;
    let unsupported = "InvalidInput.ConfigurationUnsupported";
    let expected = [
        ("Review.Porn", SubtaskState::Success, ""),
        ("Review.Terrorism", FAIL, unsupported),
        ("Review.Political", FAIL, unsupported),
    ];
    assert_eq!(ends(&subtasks), expected);
    assert_eq!(changes(&t).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_who_did_not_ask() {
    let Some(t) = machine_clock().await else { return };
    let file = Upload { notify: NotifyMode::None, ..text("LongVideoPreset") }.commit(&t).await;
    work_off(&t).await;
    assert_eq!(task(&t, file).await.0.state, TaskState::Finish);
    assert!(changes(&t).await.is_empty());
}

/// Waits until the ladder, which takes longest, is being made.
async fn ladder_begun(t: &TestApp, file: FileId) {
    while task(t, file).await.1[0].state != SubtaskState::Processing {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_costs_time_and_nothing_else() {
    let Some(t) = manual_clock(&[]).await else { return };
    let upload = Upload { notify: NotifyMode::Change, ..Upload::sample("LongVideoPreset") };
    let file = upload.commit(&t).await;
    let dying = worker(&t);
    let killed = tokio::select! {
        _ = dying.step() => false,
        () = ladder_begun(&t, file) => true,
    };
    drop(dying);
    assert!(killed, "the ladder was made before it was seen to begin");
    // The lease still runs: nobody else may take the steps.
    assert_eq!(worker(&t).step().await.unwrap(), Stepped::Idle);
    t.clock.advance(Duration::from_secs(31));
    work_off(&t).await;

    let (task, subtasks) = task(&t, file).await;
    assert_eq!(task.state, TaskState::Finish);
    assert!(subtasks.iter().all(|subtask| subtask.state == SubtaskState::Success), "{subtasks:?}");
    // Three begin once and end once.
    let changes = changes(&t).await;
    assert_eq!(changes.len(), 6);
    assert_eq!(changes.iter().filter(|change| change.finished).count(), 1);
    // What the first attempt may have published is given up, what is used is not.
    let ladder: AdaptiveOutput = serde_json::from_str(&subtasks[0].output).unwrap();
    assert!(ladder.url.contains("/transcode-") && ladder.url.contains("-2/"), "{ladder:?}");
    let abandoned = t.app.store.read().await.unwrap().abandoned(t.clock.now(), 100).await.unwrap();
    let is_first = |place: &str| place.starts_with("dir:") && place.ends_with("-1");
    assert!(abandoned.iter().all(|one| is_first(&one.place)), "{abandoned:?}");
    assert!(abandoned.iter().any(|one| one.place.contains("/transcode-")), "{abandoned:?}");
    assert_eq!(Fetched::of(t.http.get(&ladder.url)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_not_done_by_its_deadline_ends_and_is_told_of() {
    let Some(t) = manual_clock(&[("REELGATE_MEDIA__TASK_DEADLINE", "60")]).await else {
        return;
    };
    let file = Upload::sample("LongVideoPreset").commit(&t).await;
    assert_eq!(deadline::enforce(&t.app).await.unwrap(), 0);
    t.clock.advance(Duration::from_secs(60));
    assert_eq!(deadline::enforce(&t.app).await.unwrap(), 1);
    assert_eq!(deadline::enforce(&t.app).await.unwrap(), 0);
    let (task, subtasks) = task(&t, file).await;
    assert_eq!((task.state, task.reason.as_str()), (TaskState::Finish, "deadline"));
    assert!(subtasks.iter().all(|one| one.state == FAIL && one.err_code_ext == "InternalError"));
    assert_eq!(changes(&t).await.len(), 1);
    assert_eq!(worker(&t).step().await.unwrap(), Stepped::Idle);
}
