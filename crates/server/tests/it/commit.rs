//! Commit: one media, one event, one answer, however often and however concurrently it is asked for.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use reelgate_model::FileId;
use reelgate_store::Media;
use reelgate_wire::permission::Permission;
use serde_json::{Value, json};

use crate::test_app::{Answer, MAIN, TestApp};
use crate::upload::{Upload, noise, permission, sample, signed};

/// A grey PNG of 2x2 pixels, hex.
const PIXELS: &str = "89504e470d0a1a0a0000000d494844520000000200000002080000000057dd52f80000\
    000e4944415478da63686860686800000606020131a91ea10000000049454e44ae426082";

fn picture() -> Bytes {
    hex::decode(PIXELS).unwrap().into()
}

async fn put(upload: &Upload, key: &str, bytes: impl Into<Bytes>) {
    upload.cos.call(Method::PUT, key).body(bytes).send().await.expect(200);
}

/// An open upload whose video is there.
async fn uploaded(app: &TestApp, signature: &str, fields: Value, bytes: Bytes) -> Upload {
    let upload = app.apply(signature, fields).await;
    put(&upload, &upload.cos.video, bytes).await;
    upload
}

async fn media(app: &TestApp, answer: &Value) -> Media {
    let file: FileId = answer["fileId"].as_str().unwrap().parse().unwrap();
    app.app.store.read().await.unwrap().media(&app.scope, file).await.unwrap().unwrap()
}

/// The facts of all NewFileUpload events.
async fn announced(app: &TestApp) -> Vec<Value> {
    let events = app.events().await;
    let new = events.iter().filter(|event| event.kind == "NewFileUpload");
    new.map(|event| serde_json::from_str(&event.fact).unwrap()).collect()
}

#[tokio::test]
async fn a_video_becomes_a_media_that_knows_what_is_in_it() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let signature = app.sign(|p| {
        p.class_id = 7;
        p.source_context = Some("user=42&trace=会话".to_owned());
        p.reelgate = Permission { user: "alice".to_owned(), ..permission() }.encode().ok();
    });
    let size = sample().len();
    let fields = json!({"videoName": "假期", "videoType": "MP4", "videoSize": size, "coverType": "png"});
    let upload = app.apply(&signature, fields).await;
    upload.cos.upload(&upload.cos.video, &sample(), 1 << 20).await;
    upload.cos.upload(&upload.cos.cover, &picture(), 1 << 20).await;
    let answer = app
        .ugc_data("CommitUploadUGC", signed(&signature, json!({"vodSessionKey": upload.session_key})))
        .await;

    let found = media(&app, &answer).await;
    let below = format!("{}/play/{MAIN}/{}/", app.base, found.file_id);
    for file in ["video", "cover"] {
        assert!(answer[file]["url"].as_str().unwrap().starts_with(&below), "{answer}");
        assert!(!answer[file]["verify_content"].as_str().unwrap().is_empty());
    }
    assert_eq!((found.name.as_str(), found.user.as_str(), found.class_id), ("假期", "alice", 7));
    assert_eq!(found.source_context, "user=42&trace=会话");
    assert_eq!(
        (found.source.content_type.as_str(), found.cover.content_type.as_str()),
        ("video/mp4", "image/png")
    );
    assert_eq!(found.source_size, size as u64);
    let facts = announced(&app).await;
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0]["media"]["file_id"], answer["fileId"]);
    assert_eq!((&facts[0]["probe"]["width"], &facts[0]["probe"]["height"]), (&json!(1280), &json!(720)));
    assert_eq!(facts[0]["probe_error"], "");
}

#[tokio::test]
async fn committing_again_and_at_once_makes_one_media_and_one_event() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let upload = uploaded(&app, &app.sign(|_| {}), json!({"videoType": "mp4"}), sample()).await;
    let answers = join_all((0..8).map(|_| app.commit(&upload))).await;
    let ids: Vec<_> = answers.iter().map(|answer| (&answer["fileId"], &answer["video"])).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    assert_eq!(app.commit(&upload).await["fileId"], answers[0]["fileId"]);
    assert_eq!(announced(&app).await.len(), 1);
    assert_eq!(app.app.store.read().await.unwrap().media_page(&app.scope, None, 10).await.unwrap().len(), 1);
    let late = upload.cos.call(Method::PUT, &upload.cos.video).body("other").send().await.cos_error();
    assert_eq!((late.0, late.1.as_str()), (403, "AccessDenied"));
    let resume = signed(&app.sign(|_| {}), json!({"vodSessionKey": upload.session_key}));
    let message = app.refused("ApplyUploadUGC", resume, 10005).await;
    assert!(message.contains("finished"), "{message}");
}

#[tokio::test]
async fn two_nodes_on_postgresql_make_one_media_of_one_session() {
    let Some(app) = TestApp::on_postgres().await else { return };
    let other = app.another_node().await;
    let upload = uploaded(&app, &app.sign(|_| {}), json!({"videoType": "mp4"}), sample()).await;
    let body = app.commit_body(&upload.session_key);
    let answers = join_all((0..8).map(|number| {
        let url = if number % 2 == 0 { &app.base } else { &other.base };
        let request = app.http.post(format!("{url}/v3/index.php?Action=CommitUploadUGC")).json(&body);
        async move { Answer::of(request).await.expect(200).json }
    }))
    .await;
    assert!(answers.iter().all(|answer| answer["code"] == 0), "{answers:?}");
    assert!(answers.iter().all(|answer| answer["data"]["fileId"] == answers[0]["data"]["fileId"]));
    assert_eq!(announced(&app).await.len(), 1);
}

#[tokio::test]
async fn the_signature_that_opened_a_session_is_good_for_its_commit_even_when_expired() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let own = app.sign(|p| p.one_time_valid = true);
    let other = app.sign(|_| {});
    let upload = uploaded(&app, &own, json!({"videoType": "mp4"}), noise(1, 100)).await;
    app.advance(7_000);
    let body = json!({"vodSessionKey": upload.session_key});
    app.refused("CommitUploadUGC", signed(&other, body.clone()), 10010).await;
    app.refused("ApplyUploadUGC", signed(&own, body.clone()), 10010).await;
    let first = app.ugc_data("CommitUploadUGC", signed(&own, body.clone())).await;
    let again = app.ugc_data("CommitUploadUGC", signed(&own, body)).await;
    assert_eq!(first["fileId"], again["fileId"]);
}

#[tokio::test]
async fn a_commit_without_all_the_bytes_says_what_is_missing_and_can_be_repeated() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let upload = app.apply(&app.sign(|_| {}), json!({"videoType": "mp4", "videoSize": 100})).await;
    let refused = async || app.refused("CommitUploadUGC", app.commit_body(&upload.session_key), 10001).await;
    assert!(refused().await.contains("not been uploaded"));
    let id = upload.cos.initiate(&upload.cos.video).await;
    let part = upload.cos.send_part(&upload.cos.video, &id, 1, noise(1, 99)).await;
    assert!(refused().await.contains("not been uploaded"), "parts are not an object");
    upload.cos.complete(&upload.cos.video, &id, &[(1, part)]).send().await.expect(200);
    let message = refused().await;
    assert!(message.contains("99") && message.contains("100"), "{message}");
    put(&upload, &upload.cos.video, "").await;
    assert!(refused().await.contains("0 bytes"));
    assert!(announced(&app).await.is_empty());
    let abandoned = upload.cos.initiate(&upload.cos.video).await;
    put(&upload, &upload.cos.video, noise(1, 100)).await;
    app.commit(&upload).await;
    let left = app.app.store.read().await.unwrap().multipart(&app.scope, &abandoned).await.unwrap().unwrap();
    assert_eq!(left.state, reelgate_model::MultipartState::Aborted);
}

#[tokio::test]
async fn bytes_that_are_no_media_are_kept_and_said_to_be_none() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let upload = uploaded(&app, &app.sign(|_| {}), json!({"videoType": "mp4"}), noise(1, 5_000)).await;
    let answer = app.commit(&upload).await;
    let found = media(&app, &answer).await;
    assert_eq!(found.source.content_type, "application/octet-stream");
    assert!(!found.probe_error.is_empty());
    assert_eq!(announced(&app).await[0]["probe_error"], found.probe_error);
}

#[tokio::test]
async fn a_video_longer_than_permitted_is_refused() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let short = app.sign_permission(Permission { max_duration: Some(3), ..permission() });
    let upload = uploaded(&app, &short, json!({"videoType": "mp4"}), sample()).await;
    let body = signed(&short, json!({"vodSessionKey": upload.session_key}));
    let message = app.refused("CommitUploadUGC", body, 10001).await;
    assert!(message.contains("3 s"), "{message}");
    assert!(announced(&app).await.is_empty());
}

#[tokio::test]
async fn a_cover_that_was_announced_may_stay_away_and_one_that_is_no_picture_is_not_served_as_one() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let fields = json!({"videoType": "mp4", "coverType": "html"});
    let without = uploaded(&app, &app.sign(|_| {}), fields.clone(), sample()).await;
    assert!(app.commit(&without).await.get("cover").is_none_or(Value::is_null));
    let with = uploaded(&app, &app.sign(|_| {}), fields, sample()).await;
    put(&with, &with.cos.cover, "<script>alert(1)</script>").await;
    let found = media(&app, &app.commit(&with).await).await;
    assert_eq!(found.cover.content_type, "application/octet-stream");
}

#[tokio::test]
async fn a_cover_is_replaced_in_a_session_of_its_own() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let fields = json!({"videoType": "mp4", "coverType": "png"});
    let upload = uploaded(&app, &app.sign(|_| {}), fields, sample()).await;
    put(&upload, &upload.cos.cover, picture()).await;
    let first = app.commit(&upload).await;
    let before = media(&app, &first).await;

    let wanted = json!({"fileId": first["fileId"], "coverName": "c", "coverType": "png", "coverSize": picture().len()});
    let session = app.apply(&app.sign(|_| {}), wanted.clone()).await;
    assert!(session.data.get("video").is_none_or(Value::is_null));
    let message = app.refused("CommitUploadUGC", app.commit_body(&session.session_key), 10001).await;
    assert!(message.contains("cover"), "{message}");
    put(&session, &session.cos.cover, picture()).await;
    let second = app.commit(&session).await;
    assert_eq!(second["fileId"], first["fileId"]);
    assert_ne!(second["cover"]["url"], first["cover"]["url"]);
    assert_eq!(app.commit(&session).await["cover"]["url"], second["cover"]["url"]);
    let after = media(&app, &second).await;
    assert_ne!(after.cover.blob, before.cover.blob);
    assert_eq!((&after.source, after.cover.content_type.as_str()), (&before.source, "image/png"));
    let given_up = app.app.store.read().await.unwrap().abandoned(app.clock.now(), 100).await.unwrap();
    assert!(given_up.iter().any(|one| one.place == format!("blob:{}", before.cover.blob)));
    assert_eq!(announced(&app).await.len(), 1, "a cover is no new file");

    let stranger = app.sign_permission(Permission { user: "bob".to_owned(), ..permission() });
    app.refused("ApplyUploadUGC", signed(&stranger, wanted), 10001).await;
}

#[tokio::test]
async fn a_media_never_names_bytes_that_were_replaced_while_it_was_made() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    for round in 0..5 {
        let upload = uploaded(&app, &app.sign(|_| {}), json!({"videoType": "mp4"}), sample()).await;
        let replace = async {
            for number in 0..8 {
                let call = upload.cos.call(Method::PUT, &upload.cos.video).body(noise(number, 3_000));
                let status = call.send().await.status;
                assert!([200, 403].contains(&status), "{status}");
            }
        };
        let commit =
            async { app.ugc("CommitUploadUGC", &app.commit_body(&upload.session_key)).await.expect(200) };
        let ((), answer) = tokio::join!(replace, commit);
        let answer = answer.json;
        let data = if answer["code"] == 0 { answer["data"].clone() } else { app.commit(&upload).await };
        let found = media(&app, &data).await;
        let given_up = app.app.store.read().await.unwrap().abandoned(app.clock.now(), 1_000).await.unwrap();
        let place = format!("blob:{}", found.source.blob);
        assert!(given_up.iter().all(|one| one.place != place), "round {round}");
    }
}
