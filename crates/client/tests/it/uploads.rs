use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reelgate_client::{Endpoint, MIN_PART_SIZE, Phase, RetryPolicy, SignatureSource, Upload, UploadError};

use crate::server::{Server, signature};

/// A file of five parts and a bit, and where its state goes.
struct Source {
    directory: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Source {
    fn new() -> Self {
        let length = usize::try_from(5 * MIN_PART_SIZE + 12_345).unwrap();
        let bytes = (0..length).map(|at| u8::try_from((at * 31 + at / 257) % 251).unwrap()).collect();
        let source = Self { directory: tempfile::tempdir().unwrap(), bytes };
        std::fs::write(source.file(), &source.bytes).unwrap();
        source
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("测试 视频.MP4")
    }

    fn open_for_change(&self) -> std::fs::File {
        std::fs::File::options().write(true).open(self.file()).unwrap()
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state.json")
    }

    fn upload(&self, server: &Server) -> Upload {
        let random = Arc::new(AtomicU64::new(0));
        let signatures = SignatureSource::new(move || {
            let text = signature(random.fetch_add(1, Ordering::Relaxed));
            async move { Ok(text) }
        });
        let pause = Duration::from_millis(1);
        Upload::new(Endpoint::path_style(&server.base), signatures, self.file())
            .state_file(self.state())
            .part_size(MIN_PART_SIZE)
            .retry(RetryPolicy { attempts: 3, first_pause: pause, longest_pause: pause })
    }
}

#[tokio::test]
async fn a_file_arrives_whole_and_leaves_no_state() {
    let (server, source) = (Server::start().await, Source::new());
    let upload = source.upload(&server);
    let progress = upload.progress();
    let uploaded = upload.run().await.unwrap();
    assert_eq!((uploaded.file_id.as_str(), uploaded.parts_sent, uploaded.parts_resumed), ("42", 6, 0));
    assert_eq!(uploaded.video_url, "https://media.example/v.mp4");
    assert!(server.object() == source.bytes);
    let last = *progress.borrow();
    assert_eq!((last.phase, last.bytes, last.resumed), (Phase::Done, last.total, 0));
    assert!(!source.state().exists());
    let announced = server.inner.lock().unwrap().announced.clone().unwrap();
    assert_eq!((announced.video_name.as_str(), announced.video_type.as_str()), ("测试 视频", "mp4"));
    assert_eq!(announced.video_size, Some(source.bytes.len() as u64));
    let seen = server.inner.lock().unwrap().signatures_seen.clone();
    assert_eq!(seen.len(), 2, "one for Apply, one for Commit");
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn failures_of_the_moment_are_tried_again_and_progress_takes_them_back() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| {
        inner.fail_once = ["ApplyUploadUGC", "initiate", "part 2", "part 6", "complete", "CommitUploadUGC"]
            .map(str::to_owned)
            .to_vec();
        inner.damage_next_part = true;
    });
    let upload = source.upload(&server);
    let progress = upload.progress();
    upload.run().await.unwrap();
    assert!(server.object() == source.bytes);
    assert_eq!(server.count("part "), 9, "6 parts, 2 failures, 1 damaged");
    let last = *progress.borrow();
    assert_eq!(last.bytes, last.total);
    let mut seen = server.inner.lock().unwrap().signatures_seen.clone();
    seen.sort();
    seen.dedup();
    assert_eq!(
        seen.len(),
        server.inner.lock().unwrap().signatures_seen.len(),
        "a fresh signature per attempt"
    );
}

#[tokio::test]
async fn what_keeps_failing_is_reported_with_the_servers_words() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.fail_once = vec!["part 3".to_owned(); 3]);
    let error = source.upload(&server).parallel(1).run().await.unwrap_err();
    assert!(matches!(error, UploadError::Storage { operation: "upload part", status: 503, .. }), "{error:?}");
    assert!(source.state().exists(), "the next run can go on");
}

#[tokio::test]
async fn an_interrupted_upload_sends_only_what_is_missing() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.fail_once = vec!["part 5".to_owned(); 3]);
    source.upload(&server).parallel(1).run().await.unwrap_err();
    let before = server.log().len();
    let upload = source.upload(&server);
    let progress = upload.progress();
    let uploaded = upload.run().await.unwrap();
    assert_eq!((uploaded.parts_resumed, uploaded.parts_sent), (4, 2));
    assert_eq!(progress.borrow().resumed, 4 * MIN_PART_SIZE);
    assert!(server.object() == source.bytes);
    let mut second: Vec<String> = server.log().split_off(before);
    let expected = [
        "ApplyUploadUGC",
        "list uploads",
        "list parts",
        "list parts",
        "part 5",
        "part 6",
        "complete",
        "CommitUploadUGC",
    ];
    second[4..6].sort();
    assert_eq!(second, expected);
}

#[tokio::test]
async fn a_cancelled_upload_goes_on_later() {
    let (server, source) = (Server::start().await, Source::new());
    let upload = source.upload(&server).parallel(1);
    let mut progress = upload.progress();
    let run = tokio::spawn(upload.run());
    progress.wait_for(|progress| progress.bytes > 2 * MIN_PART_SIZE).await.unwrap();
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    let uploaded = source.upload(&server).run().await.unwrap();
    assert!(uploaded.parts_resumed >= 2, "{uploaded:?}");
    assert_eq!(uploaded.parts_resumed + uploaded.parts_sent, 6);
    assert_eq!(server.count("initiate"), 1);
    assert!(server.object() == source.bytes);
}

#[tokio::test]
async fn parts_that_differ_from_the_file_are_sent_again() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.fail_once = vec!["part 3".to_owned(); 3]);
    source.upload(&server).parallel(1).run().await.unwrap_err();
    server.set(|inner| inner.alter_part(1));
    let uploaded = source.upload(&server).run().await.unwrap();
    assert_eq!((uploaded.parts_resumed, uploaded.parts_sent), (1, 5));
    assert!(server.object() == source.bytes);
}

#[tokio::test]
async fn a_lost_answer_to_complete_is_no_loss() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.lose_answer_once = vec!["complete".to_owned()]);
    source.upload(&server).run().await.unwrap();
    assert_eq!((server.count("complete"), server.count("head"), server.count("initiate")), (2, 1, 1));
}

#[tokio::test]
async fn a_run_that_ended_before_commit_only_commits() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.fail_once = vec!["CommitUploadUGC".to_owned(); 3]);
    source.upload(&server).run().await.unwrap_err();
    let before = server.log().len();
    source.upload(&server).run().await.unwrap();
    assert_eq!(server.log().split_off(before), ["CommitUploadUGC"]);
}

#[tokio::test]
async fn a_forgotten_session_is_opened_anew() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.fail_once = vec!["part 4".to_owned(); 3]);
    source.upload(&server).parallel(1).run().await.unwrap_err();
    server.set(|inner| inner.forget_session("session-1"));
    let uploaded = source.upload(&server).run().await.unwrap();
    assert_eq!((uploaded.parts_resumed, uploaded.parts_sent), (0, 6));
    assert!(server.object() == source.bytes);
}

#[tokio::test]
async fn credentials_that_the_server_ends_are_renewed_and_the_upload_goes_on() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.expired_before = 1);
    source.upload(&server).run().await.unwrap();
    assert_eq!(server.count("ApplyUploadUGC"), 2);
    assert!(server.object() == source.bytes);
}

#[tokio::test]
async fn credentials_without_life_are_renewed_before_each_use() {
    let (server, source) = (Server::start().await, Source::new());
    server.set(|inner| inner.credential_life = 0);
    source.upload(&server).run().await.unwrap();
    let object_requests = server.count("part ") + server.count("initiate") + server.count("complete");
    assert_eq!(server.count("ApplyUploadUGC"), 1 + object_requests);
}

#[tokio::test]
async fn a_refusal_carries_the_vendors_code_and_is_not_repeated() {
    let (server, source) = (Server::start().await, Source::new());
    let endpoint = Endpoint::path_style(&server.base);
    let upload = Upload::new(endpoint, SignatureSource::fixed("bm8="), source.file());
    match upload.run().await.unwrap_err() {
        UploadError::Refused { action: "ApplyUploadUGC", code: 10004, message } => {
            assert!(message.starts_with("ugc upload | invalid signature: "), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.log(), ["ApplyUploadUGC"]);
}

#[tokio::test]
async fn what_cannot_be_uploaded_is_said_before_anything_is_sent() {
    let (server, source) = (Server::start().await, Source::new());
    let upload = |path: PathBuf| {
        Upload::new(Endpoint::path_style(&server.base), SignatureSource::fixed("x"), path).run()
    };
    let empty = source.directory.path().join("empty.mp4");
    std::fs::write(&empty, b"").unwrap();
    assert!(matches!(upload(empty).await, Err(UploadError::Empty(_))));
    assert!(matches!(upload(source.directory.path().join("none")).await, Err(UploadError::File { .. })));
    assert!(matches!(upload(source.directory.path().to_owned()).await, Err(UploadError::File { .. })));
    assert!(server.log().is_empty());
}

#[tokio::test]
async fn a_file_that_changes_underway_is_not_completed() {
    let (server, source) = (Server::start().await, Source::new());
    let upload = source.upload(&server).parallel(1);
    let mut progress = upload.progress();
    let run = tokio::spawn(upload.run());
    progress.wait_for(|progress| progress.bytes > MIN_PART_SIZE).await.unwrap();
    source.open_for_change().set_len(9 << 20).unwrap();
    assert!(matches!(run.await.unwrap(), Err(UploadError::FileChanged(_))));
    assert_eq!(server.count("complete"), 0);
}

#[tokio::test]
async fn a_file_that_shrinks_underway_is_a_failure_of_the_file() {
    let (server, source) = (Server::start().await, Source::new());
    let upload = source.upload(&server).parallel(1);
    let mut progress = upload.progress();
    let run = tokio::spawn(upload.run());
    progress.wait_for(|progress| progress.bytes > MIN_PART_SIZE).await.unwrap();
    source.open_for_change().set_len(10).unwrap();
    assert!(matches!(run.await.unwrap(), Err(UploadError::File { .. })));
}

#[tokio::test]
async fn an_address_that_is_no_ugc_door_is_named() {
    let (server, source) = (Server::start().await, Source::new());
    let endpoint = Endpoint::path_style(&format!("{}/elsewhere", server.base));
    let error = Upload::new(endpoint, SignatureSource::fixed("x"), source.file()).run().await.unwrap_err();
    assert!(error.to_string().contains("is this the address of a UGC door?"), "{error}");
}
