//! The upload doors with their bytes in the bucket of a real S3 server.

use bytes::Bytes;
use http::Method;
use reelgate_model::Clock;
use reelgate_testkit::s3_server::{ACCESS_KEY, BUCKET, SECRET_KEY};
use reelgate_testkit::{S3Server, find_program, skip};

use crate::test_app::{START, TestApp};
use crate::upload::{noise, sample};

/// A server on a bucket; `None`, having said so, where one cannot run.
async fn on_s3() -> Option<TestApp> {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    if ["ffmpeg", "ffprobe"].iter().any(|name| find_program(&[name]).is_none()) {
        skip(&test, "ffmpeg and ffprobe are not both in PATH");
        return None;
    }
    let server = match S3Server::shared() {
        Ok(server) => server,
        Err(missing) => {
            skip(&test, &missing.0);
            return None;
        }
    };
    let prefix = uuid::Uuid::new_v4().simple();
    let url = format!("s3://{BUCKET}/{prefix}?endpoint={}", server.endpoint());
    let settings = [
        ("REELGATE_STORAGE__URL", url.as_str()),
        ("REELGATE_STORAGE__ACCESS_KEY", ACCESS_KEY),
        ("REELGATE_STORAGE__SECRET_KEY", SECRET_KEY),
    ];
    Some(TestApp::with(&settings, Clock::manual(START)).await)
}

/// A real video made longer by a `free` box behind it, which players skip.
fn padded(size: usize) -> Bytes {
    let mut video = sample().to_vec();
    let padding = size - video.len();
    video.extend_from_slice(&u32::try_from(padding).unwrap().to_be_bytes());
    video.extend_from_slice(b"free");
    video.extend_from_slice(&noise(1, padding - 8));
    video.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_any_size_become_a_media_that_is_read_back() {
    let Some(app) = on_s3().await else { return };
    // Below the store's minimum, as COS clients send them, and above it.
    for (size, part) in [(3_500_000, 1 << 20), (12 << 20, 5 << 20)] {
        let bytes = padded(size);
        let upload = app.open_upload().await;
        let (cos, key) = (&upload.cos, upload.cos.video.as_str());
        cos.upload(key, &bytes, part).await;
        let got = cos.call(Method::GET, key).header("range", "bytes=1048570-1048589").send_bytes().await;
        assert_eq!(got, bytes[1_048_570..1_048_590], "across the end of a part");
        let media = app.commit(&upload).await;
        let url = media["video"]["url"].as_str().unwrap();
        let played = app.http.get(url).send().await.unwrap().bytes().await.unwrap();
        assert!(played == bytes, "what is played is what was sent");
    }
    let facts: Vec<_> = app
        .events()
        .await
        .into_iter()
        .filter(|event| event.kind == "NewFileUpload")
        .map(|event| event.fact)
        .collect();
    assert_eq!(facts.len(), 2);
    assert!(facts.iter().all(|fact| fact.contains("1280")), "both were probed: {facts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_and_what_is_given_up_leave_nothing_behind() {
    let Some(app) = on_s3().await else { return };
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    for seed in 1..=2 {
        cos.call(Method::PUT, key).body(noise(seed, 100_000)).send().await.expect(200);
    }
    let id = cos.initiate(key).await;
    cos.send_part(key, &id, 1, noise(3, 6 << 20)).await;
    cos.send_part(key, &id, 1, noise(4, 6 << 20)).await;
    cos.call(Method::DELETE, key).query("uploadId", &id).send().await.expect(204);
    cos.call(Method::DELETE, key).send().await.expect(204);
    app.advance(120);
    reelgate_server::upkeep::round(&app.app).await.unwrap();
    assert!(app.app.objects().list("", "", 10).await.unwrap().is_empty());
    assert!(app.app.objects().list_staging().await.unwrap().is_empty());
}
