//! Sessions that nobody commits end with an event, and their bytes go; nothing else does.

use http::Method;
use reelgate_model::SessionState;
use reelgate_objects::{BlobName, ObjectsError};
use reelgate_server::upkeep;
use serde_json::json;

use crate::test_app::TestApp;
use crate::upload::{noise, sample, signed};

const TWO_DAYS: u64 = 2 * 86_400;

#[tokio::test]
async fn an_uncommitted_session_ends_and_its_bytes_are_swept_after_a_rest() {
    let app = TestApp::start().await;
    let upload = app.apply(&app.sign(|_| {}), json!({"videoType": "mp4", "coverType": "png"})).await;
    let cos = &upload.cos;
    cos.call(Method::PUT, &cos.cover).body("cover").send().await.expect(200);
    let id = cos.initiate(&cos.video).await;
    cos.send_part(&cos.video, &id, 1, noise(1, 1000)).await;
    let blob =
        app.app.store.read().await.unwrap().object(&app.scope, &cos.cover).await.unwrap().unwrap().blob;
    let blob = BlobName::new(blob).unwrap();

    app.advance(TWO_DAYS - 1);
    upkeep::round(&app.app).await.unwrap();
    assert_eq!(app.open_sessions().await, 1);
    app.advance(1);
    upkeep::round(&app.app).await.unwrap();
    let session =
        app.app.store.read().await.unwrap().session(&upload.session_key[..32]).await.unwrap().unwrap();
    assert_eq!(
        (session.state, session.end_reason.as_str()),
        (SessionState::Expired, "not_committed_in_time")
    );
    assert_eq!(app.event_types().await, ["reelgate.UploadExpired"]);
    let fact: serde_json::Value = serde_json::from_str(&app.events().await[0].fact).unwrap();
    assert_eq!(fact["session_id"], session.id);

    assert_eq!(app.app.objects().head(&blob).await.unwrap(), 5, "whoever still reads can finish");
    app.advance(60);
    upkeep::round(&app.app).await.unwrap();
    let gone = app.app.objects().head(&blob).await;
    assert!(matches!(gone, Err(ObjectsError::NotFound(_))), "{gone:?}");
    assert!(app.app.store.read().await.unwrap().abandoned(app.clock.now(), 10).await.unwrap().is_empty());
    upkeep::round(&app.app).await.unwrap();
    assert_eq!(app.event_types().await.len(), 1, "it is told once");

    let body = json!({"vodSessionKey": upload.session_key});
    for action in ["ApplyUploadUGC", "CommitUploadUGC"] {
        let message = app.refused(action, signed(&app.sign(|_| {}), body.clone()), 10005).await;
        assert!(message.contains("expired"), "{message}");
    }
}

#[tokio::test]
async fn what_was_committed_stays() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let upload = app.open_upload().await;
    upload.cos.upload(&upload.cos.video, &sample(), 1 << 20).await;
    let answer = app.commit(&upload).await;
    app.advance(TWO_DAYS + 61);
    upkeep::round(&app.app).await.unwrap();
    upkeep::round(&app.app).await.unwrap();
    let file = answer["fileId"].as_str().unwrap().parse().unwrap();
    let media = app.app.store.read().await.unwrap().media(&app.scope, file).await.unwrap().unwrap();
    let size = app.app.objects().head(&BlobName::new(media.source.blob).unwrap()).await.unwrap();
    assert_eq!(size, sample().len() as u64);
    assert_eq!(app.event_types().await, ["NewFileUpload"]);
    assert_eq!(app.commit(&upload).await["fileId"], answer["fileId"]);
}

#[tokio::test]
async fn bytes_that_were_replaced_are_swept_and_the_new_ones_stay() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let key = &upload.cos.video;
    let mut blobs = Vec::new();
    for text in ["first", "second"] {
        upload.cos.call(Method::PUT, key).body(text).send().await.expect(200);
        let object = app.app.store.read().await.unwrap().object(&app.scope, key).await.unwrap().unwrap();
        blobs.push(BlobName::new(object.blob).unwrap());
    }
    app.advance(60);
    upkeep::round(&app.app).await.unwrap();
    assert!(matches!(app.app.objects().head(&blobs[0]).await, Err(ObjectsError::NotFound(_))));
    assert_eq!(app.app.objects().head(&blobs[1]).await.unwrap(), 6);
}

#[tokio::test]
async fn a_one_time_signature_stays_used_until_it_would_have_expired() {
    let app = TestApp::start().await;
    let once = app.sign(|p| p.one_time_valid = true);
    app.apply(&once, json!({"videoType": "mp4"})).await;
    app.advance(3_500);
    upkeep::round(&app.app).await.unwrap();
    app.refused("ApplyUploadUGC", signed(&once, json!({"videoType": "mov"})), 10004).await;
    app.advance(101);
    upkeep::round(&app.app).await.unwrap();
    app.refused("ApplyUploadUGC", signed(&once, json!({"videoType": "mov"})), 10010).await;
}
