use std::time::Duration;

use reelgate_model::{FileId, NotifyMode, Scope, Suggestion};
use reelgate_store::{
    NewMedia, NewSubtask, NewTask, ReviewFindings, StoreError, StoredFile, SubtaskEnd, unit,
};
use serde_json::{Value, json};

use crate::test_app::{BACKEND, MAIN, TestApp};

const FIRST: i64 = 5_576_678_019_876_543_210;

/// A media as Commit leaves it.
async fn committed(t: &TestApp, file: i64, name: &str) {
    let media = NewMedia {
        file_id: FileId(file),
        session_id: format!("session of {file}"),
        user: "user-42".to_owned(),
        name: name.to_owned(),
        kind: "mp4".to_owned(),
        class_id: 0,
        source: StoredFile {
            name: "abc.mp4".to_owned(),
            blob: format!("{file}/abc.mp4"),
            ..StoredFile::default()
        },
        source_size: 1234,
        cover: StoredFile::default(),
        region: "ap-guangzhou".to_owned(),
        source_context: "a=1".to_owned(),
        expires_at: None,
    };
    let scope = Scope::system(MAIN);
    let made = t.app.store.write(unit::<_, StoreError, _>(move |tx| {
        Box::pin(async move { tx.create_media(&scope, &media).await })
    }));
    made.await.unwrap();
}

/// A finished task with a ladder, a file and a review.
async fn processed(t: &TestApp, file: i64) {
    let scope = Scope::system(MAIN);
    let deadline = t.clock.now() + Duration::from_secs(60);
    let work = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            let task = NewTask {
                id: "task-1".to_owned(),
                file_id: FileId(file),
                procedure: "ReelgateShortVideo".to_owned(),
                priority: 0,
                notify_mode: NotifyMode::Finish,
                session_context: String::new(),
                session_id: String::new(),
                deadline,
            };
            let subtask = |kind: &str| NewSubtask {
                step: "flow.transcode".to_owned(),
                kind: kind.to_owned(),
                definition: 10,
                input: "null".to_owned(),
            };
            let subtasks = ["AdaptiveDynamicStreaming", "Transcode", "ImageSprites"].map(subtask);
            tx.create_task(&scope, &task, &subtasks).await?;
            tx.hold_task(&scope, "task-1").await?;
            let outputs = [
                json!({"url": "http://play/hls.m3u8"}),
                json!({"url": "http://play/v.mp4", "width": 1280, "height": 720}),
            ];
            for (index, output) in (0..).zip(outputs) {
                let end = SubtaskEnd::Success { output: output.to_string() };
                tx.end_subtask(&scope, "task-1", index, &end).await?;
            }
            let findings = ReviewFindings {
                suggestion: Suggestion::Pass,
                label: String::new(),
                confidence: 3,
                models: json!([{"name": "m", "sha256": "00"}]).to_string(),
                frames: json!([{"at_ms": 0, "until_ms": 1000, "drawing": 0.0, "hentai": 0.0, "neutral": 0.5, "porn": 0.25,
                    "sexy": 0.25, "nsfw": null, "fused": null, "picture": "dir/e0.jpg"}]).to_string(),
            };
            tx.create_review(&scope, "task-1", FileId(file), &findings).await
        })
    });
    t.app.store.write(work).await.unwrap();
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_library_is_paged_newest_first() {
    let t = TestApp::start().await;
    for (place, name) in (0..).zip(["one", "two", "three"]) {
        committed(&t, FIRST + place, name).await;
        t.clock.advance(Duration::from_millis(i64::unsigned_abs(place)));
    }
    let first = t.get(BACKEND, "/v1/media?limit=2").await;
    assert_eq!(names(&first.json), ["three", "two"], "{}", first.text);
    let next = first.json["next"].as_str().unwrap();
    let rest = t.get(BACKEND, &format!("/v1/media?limit=2&after={next}")).await;
    assert_eq!((names(&rest.json), &rest.json["next"]), (vec!["one"], &Value::Null));
    assert_eq!(rest.json["items"][0]["task_state"], Value::Null);
    t.get(BACKEND, "/v1/media?after=x").await.is_problem(400, "invalid_request", "after is not a `next`");
}

#[tokio::test]
async fn a_media_comes_with_what_was_made_of_it() {
    let t = TestApp::start().await;
    committed(&t, FIRST, "one").await;
    processed(&t, FIRST).await;
    let answer = t.get(BACKEND, &format!("/v1/media/{FIRST}")).await;
    let media = &answer.json;
    assert_eq!((answer.status, &media["file_id"]), (200, &json!(FIRST.to_string())), "{}", answer.text);
    assert_eq!(media["media_url"], format!("{}/play/{MAIN}/{FIRST}/abc.mp4", t.base));
    assert_eq!(
        (&media["user"], &media["source_context"], &media["size"]),
        (&json!("user-42"), &json!("a=1"), &json!(1234))
    );
    assert_eq!((&media["cover_url"], &media["probe"]), (&Value::Null, &Value::Null));
    let mp4 = json!([{"url": "http://play/v.mp4", "width": 1280, "height": 720}]);
    assert_eq!(media["playback"], json!({"hls_url": "http://play/hls.m3u8", "mp4": mp4}));
    let frame = &media["review"]["frames"][0];
    assert_eq!((&frame["porn"], &frame["nsfw"]), (&json!(0.25), &Value::Null));
    assert_eq!(frame["url"], format!("{}/play/{MAIN}/{FIRST}/dir/e0.jpg", t.base));
    let states: Vec<_> =
        media["tasks"][0]["subtasks"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["success", "success", "waiting"]);
    let list = t.get(BACKEND, "/v1/media").await;
    assert_eq!(
        (&list.json["items"][0]["task_state"], &list.json["items"][0]["progress"]),
        (&json!("processing"), &json!(66))
    );
}

#[tokio::test]
async fn an_unknown_media_is_not_found() {
    let t = TestApp::start().await;
    for file in ["1", "x", "99999999999999999999"] {
        t.get(BACKEND, &format!("/v1/media/{file}")).await.is_problem(404, "not_found", file);
    }
}
