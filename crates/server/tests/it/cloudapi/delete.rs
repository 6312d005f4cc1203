//! DeleteMedia of a whole media: nothing of it is left but what is told of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use reelgate_jobs::Stepped;
use reelgate_model::{FileId, JobState, NotifyMode, TaskState};
use reelgate_server::{flows as server_flows, upkeep};
use serde_json::{Value, json};

use super::{Call, response};
use crate::flows::{self, Upload};
use crate::test_app::{Answer, BACKEND, MAIN, TestApp};
use crate::upload::sample;

/// Every file below a directory.
pub(super) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let (mut dirs, mut files) = (vec![dir.to_owned()], Vec::new());
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Files in the storage that belong to `file`.
pub(super) fn stored(t: &TestApp, file: FileId) -> Vec<PathBuf> {
    let whose = format!("/{MAIN}/{file}/");
    let mut found = files_below(&t.app.config.storage_dir);
    found.retain(|path| path.to_string_lossy().contains(&whose));
    found
}

/// Lets the sweep come round, with a clock that is moved by hand.
pub(super) async fn sweep(t: &TestApp) {
    t.advance(61);
    upkeep::round(&t.app).await.unwrap();
}

pub(super) async fn delete(t: &TestApp, file: FileId) {
    t.cloud("DeleteMedia", json!({"FileId": file.to_string()})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_gone_after_the_sweep_and_one_event_says_so() {
    let Some(t) = flows::manual_clock(&[]).await else { return };
    let file = Upload::sample("LongVideoPreset").commit(&t).await;
    let kept = Upload::sample("").commit(&t).await;
    flows::work_off(&t).await;
    assert!(stored(&t, file).len() > 10, "{:?}", stored(&t, file));
    let info = t.cloud("DescribeMediaInfos", json!({"FileIds": [file.to_string()]})).await;
    let info = &info["MediaInfoSet"][0];
    let ladder = &info["AdaptiveDynamicStreamingInfo"]["AdaptiveDynamicStreamingSet"][0]["Url"];
    let urls = [&info["BasicInfo"]["MediaUrl"], &info["BasicInfo"]["CoverUrl"], ladder]
        .map(|url| url.as_str().unwrap());
    for url in urls {
        assert_eq!(t.http.get(url).send().await.unwrap().status(), 200, "{url}");
    }

    delete(&t, file).await;
    for url in urls {
        Answer::of(t.http.get(url)).await.is_problem(404, "not_found", "nothing to play");
    }
    sweep(&t).await;
    assert_eq!(stored(&t, file), Vec::<PathBuf>::new());
    assert_eq!(stored(&t, kept).len(), 1);
    let gone = t.cloud("DescribeMediaInfos", json!({"FileIds": [file.to_string()]})).await;
    assert_eq!((&gone["MediaInfoSet"], &gone["NotExistFileIdSet"]), (&json!([]), &json!([file.to_string()])));

    t.cloud_refuses("DeleteMedia", json!({"FileId": file.to_string()}), "ResourceNotFound.FileNotExist")
        .await;
    let events = t.events().await;
    let deleted: Vec<_> = events.iter().filter(|event| event.kind == "FileDeleted").collect();
    assert_eq!((deleted.len(), deleted[0].file), (1, Some(file)));
    assert_eq!(events.last().unwrap().id, deleted[0].id);
}

#[tokio::test]
async fn lists_and_timelines_go_on_and_what_is_no_media_is_refused() {
    let t = TestApp::start().await;
    let file = t.a_media("holiday").await;
    t.cloud("DeleteMedia", json!({"FileId": file})).await;
    assert_eq!(t.get(BACKEND, "/v1/media").await.expect(200).json["items"], json!([]));
    assert_eq!(t.get(BACKEND, &format!("/v1/media/{file}")).await.expect(200).json["status"], "deleted");
    let timeline = t.get(BACKEND, &format!("/v1/media/{file}/timeline")).await.expect(200).text;
    assert!(timeline.contains("FileDeleted") && timeline.contains("Media deleted"), "{timeline}");
    for (id, code) in [
        ("", "MissingParameter"),
        ("x", "InvalidParameterValue.FileId"),
        ("5576678019876543210", "ResourceNotFound.FileNotExist"),
    ] {
        t.cloud_refuses("DeleteMedia", json!({"FileId": id}), code).await;
    }
}

/// What is told of the one task of `file`.
async fn task_state(t: &TestApp, file: FileId) -> TaskState {
    t.app.store.read().await.unwrap().file_tasks(&t.scope, file, None, 1).await.unwrap().remove(0).state
}

async fn check_waiting_work(t: &TestApp) {
    let upload = Upload {
        bytes: b"no media".to_vec(),
        notify: NotifyMode::Change,
        ..Upload::sample("LongVideoPreset")
    };
    let file = upload.commit(t).await;
    delete(t, file).await;
    let jobs = t.app.store.read().await.unwrap().file_jobs(&t.scope, file, "", 100).await.unwrap();
    assert!(!jobs.is_empty() && jobs.iter().all(|job| job.state == JobState::Failed), "{jobs:?}");
    flows::work_off(t).await;
    assert_eq!(task_state(t, file).await, TaskState::Aborted);
    assert_eq!(t.event_types().await, ["NewFileUpload", "FileDeleted"]);

    let unseen = Upload { bytes: b"no media".to_vec(), ..Upload::sample("") }.commit_unseen(t).await;
    delete(t, unseen).await;
    flows::work_off(t).await;
    assert_eq!(t.event_types().await, ["NewFileUpload", "FileDeleted", "FileDeleted"]);
    sweep(t).await;
    assert!(stored(t, file).is_empty() && stored(t, unseen).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_waits_is_cancelled_on_sqlite() {
    if let Some(t) = flows::manual_clock(&[]).await {
        check_waiting_work(&t).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_waits_is_cancelled_on_postgres() {
    if let Some(t) = TestApp::on_postgres().await {
        check_waiting_work(&t).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_runs_brings_neither_bytes_nor_events_back() {
    let Some(t) = flows::manual_clock(&[]).await else { return };
    let upload = Upload { notify: NotifyMode::Change, ..Upload::sample("ReelgateShortVideo") };
    let file = upload.commit(&t).await;
    let worker = server_flows::worker(&t.app).unwrap();
    let step = tokio::spawn(async move { worker.step().await.unwrap() });
    while t.event_types().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    delete(&t, file).await;
    let before: Vec<Value> = t.events().await.iter().map(|event| json!(event.id)).collect();
    assert_ne!(step.await.unwrap(), Stepped::Idle);
    flows::work_off(&t).await;
    let after: Vec<Value> = t.events().await.iter().map(|event| json!(event.id)).collect();
    assert_eq!(before, after);
    sweep(&t).await;
    assert_eq!(stored(&t, file), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_cover_for_a_deleted_media_is_refused_at_commit() {
    let t = TestApp::start().await;
    let file = t.a_media("holiday").await;
    let fields = json!({"fileId": file, "coverName": "c", "coverType": "png"});
    let cover = t.apply(&t.sign(|_| {}), fields).await;
    cover.cos.upload(&cover.cos.cover, &sample(), 1 << 20).await;
    t.cloud("DeleteMedia", json!({"FileId": file})).await;
    let message = t.refused("CommitUploadUGC", t.commit_body(&cover.session_key), 10001).await;
    assert!(message.contains("deleted"), "{message}");
}

async fn check_races(t: &TestApp) {
    for round in 0..8 {
        let upload = Upload {
            bytes: b"no media".to_vec(),
            notify: NotifyMode::Change,
            ..Upload::sample("LongVideoPreset")
        };
        let file = upload.commit_unseen(t).await;
        let body = json!({"FileId": file.to_string()});
        let deleting = async {
            tokio::time::sleep(Duration::from_millis(20 * round)).await;
            let calls = (0..4).map(|_| async { Call::of("DeleteMedia", &body).send(t).await });
            join_all(calls).await
        };
        let (answers, ()) = tokio::join!(deleting, flows::work_off(t));
        flows::work_off(t).await;
        let good = answers.iter().filter(|answer| response(answer)["Error"].is_null()).count();
        assert_eq!(good, 1, "{answers:?}");
        let events = t.events().await;
        let of_file: Vec<&str> =
            events.iter().filter(|event| event.file == Some(file)).map(|event| event.kind.as_str()).collect();
        let deleted = of_file.iter().position(|kind| *kind == "FileDeleted");
        assert_eq!(deleted, Some(of_file.len() - 1), "{of_file:?}");
        let jobs = t.app.store.read().await.unwrap().file_jobs(&t.scope, file, "", 100).await.unwrap();
        assert!(jobs.iter().all(|job| matches!(job.state, JobState::Done | JobState::Failed)), "{jobs:?}");
        let tasks = t.app.store.read().await.unwrap().open_file_tasks(&t.scope, file).await.unwrap();
        assert!(tasks.is_empty(), "{tasks:?}");
        sweep(t).await;
        assert_eq!(stored(t, file), Vec::<PathBuf>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_at_any_moment_is_the_last_word_on_sqlite() {
    if let Some(t) = flows::manual_clock(&[]).await {
        check_races(&t).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_at_any_moment_is_the_last_word_on_postgres() {
    if let Some(t) = TestApp::on_postgres().await {
        check_races(&t).await;
    }
}

#[tokio::test]
async fn a_deleted_media_shows_nothing_to_play_and_takes_no_cover() {
    let t = TestApp::start().await;
    let file = t.a_media("holiday").await;
    t.cloud("DeleteMedia", json!({"FileId": file})).await;
    let shown = t.get(BACKEND, &format!("/v1/media/{file}")).await.expect(200).json;
    assert_eq!((&shown["media_url"], &shown["cover_url"]), (&json!(""), &Value::Null));
    assert_eq!(shown["playback"], json!({"hls_url": null, "mp4": []}));
    let mut fields = json!({"fileId": file, "coverName": "c", "coverType": "png"});
    fields["signature"] = t.sign(|_| {}).into();
    t.refused("ApplyUploadUGC", fields, 10001).await;
}
