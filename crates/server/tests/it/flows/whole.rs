//! Both built-in procedures on a real video, to the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reelgate_media::probe::{Probe, probe};
use reelgate_model::{FileId, NotifyMode, SubtaskState, Suggestion, TaskState};
use reelgate_objects::BlobName;
use reelgate_server::events::outcome::{
    AdaptiveOutput, CoverOutput, ReviewOutput, SpriteOutput, TranscodeOutput,
};
use reelgate_server::flows::evidence::{FrameRecord, ModelRecord};
use reelgate_store::Subtask;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Upload, changes, ends, log, machine_clock, media, scope, task, work_off};
use crate::fetched::Fetched;
use crate::test_app::{MAIN, TestApp};

async fn get(t: &TestApp, url: &str) -> Fetched {
    Fetched::of(t.http.get(url)).await.expect(200)
}

/// Fetches over HTTP what ffprobe is to look at.
async fn seen(t: &TestApp, urls: &[String]) -> Probe {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seen");
    let mut bytes = Vec::new();
    for url in urls {
        bytes.extend_from_slice(&get(t, url).await.body);
    }
    std::fs::write(&path, bytes).unwrap();
    probe(t.app.sandbox(), &path, Duration::from_secs(60)).await.unwrap()
}

fn output<T: DeserializeOwned>(subtasks: &[Subtask], kind: &str) -> T {
    let found = subtasks.iter().find(|subtask| subtask.kind == kind).unwrap();
    assert_eq!(found.state, SubtaskState::Success, "{found:?}");
    serde_json::from_str(&found.output).unwrap()
}

/// The lines of a playlist that are no tags, as URLs beside the playlist's own.
async fn entries(t: &TestApp, playlist: &str) -> Vec<String> {
    let answer = get(t, playlist).await;
    assert_eq!(answer.header("content-type"), "application/vnd.apple.mpegurl");
    let base = playlist.rsplit_once('/').unwrap().0;
    let lines = answer.text().lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| format!("{base}/{line}")).collect()
}

/// Plays a ladder: the height and the length of each rendition, from its segments as a player gets them.
async fn played(t: &TestApp, master: &str) -> Vec<(u32, f64)> {
    let mut found = Vec::new();
    for playlist in entries(t, master).await {
        let rendition = seen(t, &entries(t, &playlist).await).await;
        found.push((rendition.height(), rendition.duration));
    }
    found.sort_by_key(|(height, _)| *height);
    found
}

fn check_ladder(found: &[(u32, f64)], heights: &[u32]) {
    assert_eq!(found.iter().map(|(height, _)| *height).collect::<Vec<_>>(), heights);
    assert!(found.iter().all(|(_, seconds)| (4.5..6.0).contains(seconds)), "{found:?}");
}

async fn blob_exists(t: &TestApp, name: &str) -> bool {
    t.app.objects().head(&BlobName::new(name).unwrap()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_short_video_procedure_gives_everything_and_says_so_once() {
    let Some(t) = machine_clock().await else { return };
    let file = Upload::sample("ReelgateShortVideo").commit(&t).await;
    assert!(changes(&t).await.is_empty());
    work_off(&t).await;

    let (task, subtasks) = task(&t, file).await;
    assert_eq!(task.state, TaskState::Finish, "{subtasks:?}");
    assert!(
        subtasks.iter().all(|one| one.state == SubtaskState::Success && one.progress == 100),
        "{subtasks:?}"
    );
    let changes = changes(&t).await;
    let [finished] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(finished.finished);
    assert_eq!((finished.task_id.as_str(), finished.session_context.as_str()), (task.id.as_str(), "user=42"));
    assert_eq!(finished.results.len(), 5);

    let ladder: AdaptiveOutput = output(&subtasks, "AdaptiveDynamicStreaming");
    check_ladder(&played(&t, &ladder.url).await, &[360, 720]);
    assert_eq!((ladder.renditions[0].height, ladder.renditions[1].height), (720, 360));
    let mp4: TranscodeOutput = output(&subtasks, "Transcode");
    let bytes = get(&t, &mp4.url).await.body;
    assert_eq!(i64::try_from(bytes.len()).unwrap(), mp4.size);
    assert_eq!(seen(&t, std::slice::from_ref(&mp4.url)).await.height(), 720);
    check_pictures(&t, file, &subtasks).await;
    check_review(&t, file, &subtasks).await;
    assert!(!scratch_files(&t).iter().any(|path| path.is_file() && !path.ends_with("lock")));
}

async fn check_pictures(t: &TestApp, file: FileId, subtasks: &[Subtask]) {
    let cover: CoverOutput = output(subtasks, "CoverBySnapshot");
    let found = seen(t, std::slice::from_ref(&cover.url)).await;
    assert_eq!((found.width(), found.height()), (1280, 720));
    let media = media(t, file).await;
    assert!(cover.url.ends_with(&media.cover.name) && !media.cover.name.is_empty());
    assert!(blob_exists(t, &media.cover.blob).await);
    let sprite: SpriteOutput = output(subtasks, "ImageSprites");
    let found = seen(t, &sprite.image_urls).await;
    assert_eq!((found.width(), found.height(), sprite.total_count), (1420, 800, 1));
    let vtt = get(t, &sprite.vtt_url).await;
    assert!(vtt.text().starts_with("WEBVTT") && vtt.text().contains("sprite_0.jpg#xywh=0,0,142,80"));
}

async fn check_review(t: &TestApp, file: FileId, subtasks: &[Subtask]) {
    let found: ReviewOutput = output(subtasks, "Review.Porn");
    assert_eq!((found.suggestion.as_str(), found.label.as_str(), found.segments.len()), ("pass", "", 0));
    assert_eq!(media(t, file).await.verdict, Some(Suggestion::Pass));
    let review = t.app.store.read().await.unwrap().latest_review(&scope(), file).await.unwrap().unwrap();
    let models: Vec<ModelRecord> = serde_json::from_str(&review.findings.models).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    assert_eq!(models.len(), 2);
    for model in models {
        let file = std::fs::read(directory.join(format!("{}.onnx", model.name))).unwrap();
        assert_eq!(model.sha256, hex::encode(Sha256::digest(file)));
    }
    let frames: Vec<FrameRecord> = serde_json::from_str(&review.findings.frames).unwrap();
    assert!((5..=6).contains(&frames.len()), "{}", frames.len());
    for (frame, at_ms) in frames.iter().zip((0..).step_by(1000)) {
        assert_eq!(frame.at_ms, at_ms);
        let sum = frame.drawing + frame.hentai + frame.neutral + frame.porn + frame.sexy;
        assert!((sum - 1.0).abs() < 0.01, "{frame:?}");
        let picture = frame.picture.as_ref().unwrap();
        let answer = get(t, &t.url(&format!("/play/{}/{file}/{picture}", MAIN))).await;
        assert_eq!(answer.header("content-type"), "image/jpeg");
    }
}

fn scratch_files(t: &TestApp) -> Vec<PathBuf> {
    let mut found = vec![t.app.config.media.scratch_dir.clone()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if let Ok(entries) = std::fs::read_dir(path) {
            found.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_s_preset_tells_every_change_when_asked_to() {
    let Some(t) = machine_clock().await else { return };
    let upload = Upload { notify: NotifyMode::Change, ..Upload::sample("LongVideoPreset") };
    let file = upload.commit_unseen(&t).await;
    assert!(log(&t).await.is_empty());
    work_off(&t).await;

    let (task, subtasks) = task(&t, file).await;
    assert_eq!(task.state, TaskState::Finish);
    let success = SubtaskState::Success;
    let expected = [
        ("AdaptiveDynamicStreaming", success, ""),
        ("CoverBySnapshot", success, ""),
        ("ImageSprites", success, ""),
    ];
    assert_eq!(ends(&subtasks), expected);
    let ladder: AdaptiveOutput = output(&subtasks, "AdaptiveDynamicStreaming");
    check_ladder(&played(&t, &ladder.url).await, &[240, 480, 720]);
    // Each of three sub-tasks begins and ends.
    let changes = changes(&t).await;
    assert_eq!(changes.len(), 6);
    assert_eq!(changes.iter().filter(|change| change.finished).count(), 1);
    assert!(changes[5].finished);
    assert_eq!(media(&t, file).await.source.content_type, "video/mp4");
}
