//! What the timeline and its stream tell, and the endpoint's door, over HTTP.

use std::time::Duration;

use http::Method;
use reelgate_model::{NotifyMode, SessionState, Time};
use reelgate_store::{
    NewMedia, NewSession, NewSubtask, NewTask, Object, Part, Probed, StoreError, StoredFile, SubtaskEnd,
};
use serde_json::{Value, json};

use super::FILE;
use super::receiver::{Receiver, answer};
use super::served::{KEY, Served};

const SESSION: &str = "0123456789abcdef0123456789abcdef";
/// What must never be told.
const SIGNATURE_MAC: &str = "5ec4e75ec4e7";

impl Served {
    /// Opens a session and stores two parts of its video.
    async fn upload(&self) {
        let (scope, clock) = (self.bench.scope.clone(), self.bench.clock.clone());
        let session = session();
        let write = self.bench.app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                tx.open_session(&scope, &session).await?;
                tx.begin_multipart(&scope, "upload-1", SESSION, &session.video_key).await?;
                for number in 1..=2 {
                    clock.advance(Duration::from_millis(250));
                    let part = Part {
                        number,
                        place: "slot".to_owned(),
                        size: 1 << 20,
                        md5: "00".repeat(16),
                        crc64: 7,
                        stored_at: tx.now(),
                    };
                    tx.put_part(&scope, "upload-1", &part).await?;
                }
                Ok(())
            })
        });
        write.await.unwrap();
    }

    /// Completes the object, commits, runs a task of which one result fails.
    async fn process(&self) {
        let (scope, clock) = (self.bench.scope.clone(), self.bench.clock.clone());
        let write = self.bench.app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                tx.put_object(&scope, &object(tx.now())).await?;
                tx.end_session(&scope, SESSION, SessionState::Committed, "").await?;
                tx.create_media(&scope, &media()).await?;
                let probed = Probed {
                    probe: "{}".to_owned(),
                    probe_error: String::new(),
                    content_type: "video/mp4".to_owned(),
                };
                tx.announce_media(&scope, FILE, &probed).await?;
                let task = NewTask {
                    id: "task-1".to_owned(),
                    file_id: FILE,
                    procedure: "LongVideoPreset".to_owned(),
                    priority: 0,
                    notify_mode: NotifyMode::Finish,
                    session_context: String::new(),
                    session_id: String::new(),
                    deadline: tx.now() + Duration::from_secs(60),
                };
                let wanted = NewSubtask {
                    step: "flow.transcode".to_owned(),
                    kind: "Transcode".to_owned(),
                    definition: 100_030,
                    input: "null".to_owned(),
                };
                tx.create_task(&scope, &task, &[wanted]).await?;
                clock.advance(Duration::from_millis(250));
                tx.hold_task(&scope, "task-1").await?;
                let end = SubtaskEnd::Fail {
                    err_code: 60_000,
                    err_code_ext: "SourceFileError.ContentMalformed".to_owned(),
                    message: "the source cannot be decoded".to_owned(),
                };
                tx.end_subtask(&scope, "task-1", 0, &end).await?;
                tx.finish_task(&scope, "task-1", "").await.map(drop)
            })
        });
        write.await.unwrap();
    }
}

fn session() -> NewSession {
    NewSession {
        id: SESSION.to_owned(),
        file_id: FILE,
        cover_only: false,
        secret_id: "AKIDtest0001".to_owned(),
        signature_mac: SIGNATURE_MAC.to_owned(),
        user: "alice".to_owned(),
        permission: "perm-1".to_owned(),
        video_key: "1250000001/5576678019876543210/a.mp4".to_owned(),
        video_name: "holiday".to_owned(),
        video_type: "mp4".to_owned(),
        video_size: Some(2 << 20),
        cover_key: String::new(),
        cover_type: String::new(),
        max_size: 1 << 30,
        max_duration: None,
        region: "ap-guangzhou".to_owned(),
        class_id: 0,
        procedure: "LongVideoPreset".to_owned(),
        priority: 0,
        notify_mode: NotifyMode::Finish,
        source_context: String::new(),
        session_context: String::new(),
        media_expires_at: None,
        remote: "192.0.2.1".to_owned(),
        policy: String::new(),
        key_id: String::new(),
        issued_at: Time(0),
        quota_day: None,
        holder: String::new(),
        reserved: 0,
        types: Vec::new(),
        app_counted: false,
        expires_at: Time(1_900_000_000_000),
    }
}

fn object(completed_at: Time) -> Object {
    Object {
        key: session().video_key,
        session_id: SESSION.to_owned(),
        multipart_id: Some("upload-1".to_owned()),
        blob: "1250000001/5576678019876543210/b1".to_owned(),
        size: 2 << 20,
        etag: "abc-2".to_owned(),
        crc64: "42".to_owned(),
        completed_at,
    }
}

fn media() -> NewMedia {
    let file = |name: &str, blob: &str| StoredFile {
        name: name.to_owned(),
        blob: blob.to_owned(),
        content_type: String::new(),
    };
    NewMedia {
        file_id: FILE,
        session_id: SESSION.to_owned(),
        user: "alice".to_owned(),
        name: "holiday".to_owned(),
        kind: "mp4".to_owned(),
        class_id: 0,
        source: file("a.mp4", "1250000001/5576678019876543210/b1"),
        source_size: 2 << 20,
        cover: file("", ""),
        region: "ap-guangzhou".to_owned(),
        source_context: String::new(),
        expires_at: None,
    }
}

fn lines(timeline: &Value) -> Vec<String> {
    let entries = timeline["entries"].as_array().unwrap().iter();
    entries
        .map(|one| format!("{}: {}", one["kind"].as_str().unwrap(), one["title"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_timeline_tells_everything_in_order_and_no_secret() {
    let served = Served::new().await;
    let path = format!("/v1/media/{FILE}/timeline");
    assert_eq!(served.call(Method::GET, &path, None).await.0, 404);
    let receiver = Receiver::start(|before, _| answer(if before == 0 { 500 } else { 200 })).await;
    served.bench.endpoint(&format!("{}?token=hush-hush", receiver.url)).await;
    served.upload().await;
    served.process().await;
    served.bench.happen(FILE, "task-1").await;
    served.bench.step().await;
    served.bench.pass(Duration::from_millis(1_100));
    served.bench.step().await;

    let (status, timeline) = served.call(Method::GET, &path, None).await;
    assert_eq!(status, 200);
    assert_eq!(
        lines(&timeline),
        [
            "permission: A permission of the signature service was shown",
            "session: Upload session opened",
            "object: Multipart upload begun",
            "part: Parts stored: 2",
            "object: Object complete",
            "session: Upload committed",
            "media: Media exists",
            "media: Media probed",
            "task: LongVideoPreset asked for",
            "task: LongVideoPreset begun",
            "subtask: Transcode begun",
            "subtask: Transcode failed",
            "task: LongVideoPreset finished",
            "event: ProcedureStateChanged",
            "delivery: ProcedureStateChanged sent, attempt 1: 500",
            "delivery: ProcedureStateChanged sent, attempt 2: 200",
        ]
    );
    let entries = timeline["entries"].as_array().unwrap();
    assert_eq!(entries[0]["detail"]["user"], "alice");
    assert_eq!(
        entries[3]["detail"],
        json!({"upload_id": "upload-1", "parts": 2, "size": 2 << 20, "span_ms": 250})
    );
    assert_eq!(entries[11]["detail"]["err_code_ext"], "SourceFileError.ContentMalformed");
    assert_eq!(entries[14]["detail"]["endpoint"], receiver.url);
    assert_eq!(entries[0]["at"], "2026-05-28T20:26:40.000Z");
    let text = timeline.to_string();
    assert!(!text.contains(SIGNATURE_MAC) && !text.contains("hush-hush"), "{text}");
    for other in ["/v1/media/1/timeline", "/v1/media/x/timeline", "/v1/media/1/timeline/stream"] {
        assert_eq!(served.call(Method::GET, other, None).await.0, 404, "{other}");
    }
}

/// Reads messages of a stream of server-sent events.
struct Messages {
    response: reqwest::Response,
    pending: String,
}

impl Messages {
    async fn next(&mut self) -> Value {
        loop {
            if let Some((message, rest)) = self.pending.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.pending = rest;
                if let Some(data) = message.strip_prefix("event: timeline\ndata: ") {
                    return serde_json::from_str(data).unwrap();
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.pending.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn the_stream_tells_at_once_and_whenever_something_changed() {
    let served = Served::new().await;
    served.upload().await;
    let request = served.http.get(format!("{}/v1/media/{FILE}/timeline/stream", served.url)).bearer_auth(KEY);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut messages = Messages { response, pending: String::new() };
    let first = lines(&messages.next().await);
    assert_eq!(first.last().unwrap(), "part: Parts stored: 2");
    served.process().await;
    let second = lines(&messages.next().await);
    assert!(second.contains(&"task: LongVideoPreset finished".to_owned()), "{second:?}");
    served.bench.happen(FILE, "task-1").await;
    let third = lines(&messages.next().await);
    assert_eq!(third.last().unwrap(), "event: ProcedureStateChanged");
}

#[tokio::test]
async fn the_endpoint_is_set_shown_and_removed() {
    let served = Served::new().await;
    let path = "/v1/event-endpoint";
    assert_eq!(served.call(Method::GET, path, None).await.0, 404);
    assert_eq!(served.call(Method::DELETE, path, None).await.0, 404);
    for (url, code) in [
        ("http://10.0.0.1/", "endpoint_not_public"),
        ("ftp://1.1.1.1/", "endpoint_url_malformed"),
        ("http://nowhere.invalid/", "endpoint_not_resolved"),
    ] {
        let (status, problem) = served.call(Method::PUT, path, Some(json!({"url": url}))).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some(code)), "{url}");
    }
    let wanted = json!({"url": "http://127.0.0.1:9/events"});
    let (status, set) = served.call(Method::PUT, path, Some(wanted)).await;
    assert_eq!(
        (status, &set["url"], &set["enabled"]),
        (200, &json!("http://127.0.0.1:9/events"), &json!(true))
    );
    assert_eq!(served.call(Method::GET, path, None).await, (200, set));
    assert_eq!(served.call(Method::DELETE, path, None).await.0, 204);
    assert_eq!(served.call(Method::GET, path, None).await.0, 404);
    let stranger = served.http.get(format!("{}{path}", served.url)).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}
