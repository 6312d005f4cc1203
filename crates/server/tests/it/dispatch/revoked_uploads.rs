//! What becomes of uploads whose permission is taken back.

use http::Method;
use reelgate_model::SessionState;
use serde_json::{Value, json};

use super::{permission_of, signature, start};
use crate::cos_client::CosClient;
use crate::test_app::{BACKEND, TestApp};
use crate::upload::{Upload, noise, sample, signed};

async fn revoke(t: &TestApp, what: Value) -> Value {
    t.post(BACKEND, "/v1/revocations", what).await.expect(200).json
}

/// An upload that `user` has begun.
async fn begun(t: &TestApp, user: &str) -> (Upload, String, String) {
    let (text, permission) = signature(t, json!({"user": user, "procedure": "", "one_time": false})).await;
    let upload = t.apply(&text, json!({"videoType": "mp4"})).await;
    (upload, text, permission.id)
}

#[tokio::test]
async fn credentials_of_an_open_session_are_refused_at_once() {
    let t = TestApp::start().await;
    for kind in ["permission_id", "user", "key"] {
        let (upload, text, id) = begun(&t, "user-42").await;
        let (other, _, _) = begun(&t, "user-43").await;
        let cos = &upload.cos;
        let multipart = cos.initiate(&cos.video).await;
        cos.send_part(&cos.video, &multipart, 1, noise(1, 1_000)).await;
        let key_id = t.post(BACKEND, "/v1/signatures/explain", json!({"signature": text})).await;
        let key_id = key_id.json["permission"]["key_id"].clone();
        let what = match kind {
            "permission_id" => json!({kind: id}),
            "user" => json!({kind: "user-42"}),
            _ => json!({kind: key_id}),
        };
        let ended = if kind == "key" { 2 } else { 1 };
        let done = revoke(&t, what).await;
        assert!(done["sessions_ended"].as_u64().unwrap() >= ended, "{kind}: {done}");
        for call in [
            cos.part(&cos.video, &multipart, 2, noise(2, 1_000)),
            cos.call(Method::PUT, &cos.video).body("x"),
            cos.call(Method::POST, &cos.video).query("uploads", ""),
            cos.call(Method::GET, &cos.video).query("uploadId", &multipart),
            cos.complete(&cos.video, &multipart, &[(1, "\"x\"".to_owned())]),
        ] {
            let (status, code, message) = call.send().await.cos_error();
            assert_eq!((status, code.as_str()), (403, "AccessDenied"), "{kind}: {message}");
            assert!(message.contains("revoked"), "{message}");
        }
        let status = other.cos.call(Method::PUT, &other.cos.video).body("x").send().await.status;
        assert_eq!(status, if kind == "key" { 403 } else { 200 }, "{kind}");
        t.advance(1);
    }
}

#[tokio::test]
async fn a_fresh_signature_does_not_finish_a_revoked_upload() {
    let Some(t) = TestApp::with_ffmpeg().await else { return };
    let (upload, _, id) = begun(&t, "user-42").await;
    upload.cos.upload(&upload.cos.video, &sample(), 1 << 20).await;
    revoke(&t, json!({"permission_id": id})).await;
    t.advance(1);
    let (fresh, _) = signature(&t, json!({"user": "user-42", "procedure": ""})).await;
    for action in ["CommitUploadUGC", "ApplyUploadUGC"] {
        let body = json!({"vodSessionKey": upload.session_key});
        let message = t.refused(action, signed(&fresh, body), 10005).await;
        let sentence =
            "the permission of this upload was revoked; fetch a new signature and start a new upload";
        assert!(message.ends_with(sentence), "{message}");
    }
    let again = t.apply(&fresh, json!({"videoType": "mp4"})).await;
    assert_ne!(again.session_key, upload.session_key);
}

#[tokio::test]
async fn a_finished_upload_stays_finished() {
    let Some(t) = TestApp::with_ffmpeg().await else { return };
    let (upload, first, id) = begun(&t, "user-42").await;
    upload.cos.upload(&upload.cos.video, &sample(), 1 << 20).await;
    let commit = |signature: &str| signed(signature, json!({"vodSessionKey": upload.session_key}));
    let answer = t.ugc_data("CommitUploadUGC", commit(&first)).await;
    let done = revoke(&t, json!({"permission_id": id})).await;
    assert_eq!(done["sessions_ended"], 0);
    t.refused("CommitUploadUGC", commit(&first), 10004).await;
    t.advance(1);
    let (fresh, _) = signature(&t, json!({"user": "user-42", "procedure": ""})).await;
    let again = t.ugc_data("CommitUploadUGC", commit(&fresh)).await;
    assert_eq!(again["fileId"], answer["fileId"]);
    assert_eq!(t.event_types().await, ["NewFileUpload"]);
}

#[tokio::test]
async fn the_end_of_an_upload_is_told_with_its_reason() {
    let t = TestApp::start().await;
    let (upload, _, id) = begun(&t, "user-42").await;
    begun(&t, "user-43").await;
    revoke(&t, json!({"permission_id": id})).await;
    let mut read = t.app.store.read().await.unwrap();
    let session = read.session(&upload.session_key[..32]).await.unwrap().unwrap();
    drop(read);
    assert_eq!((session.state, session.end_reason.as_str()), (SessionState::Expired, "permission_revoked"));
    assert_eq!(t.event_types().await, ["reelgate.UploadExpired"]);
    let fact: Value = serde_json::from_str(&t.events().await[0].fact).unwrap();
    assert_eq!((&fact["session_id"], &fact["reason"]), (&json!(session.id), &json!("permission_revoked")));
    assert_eq!(fact["user"], "user-42");
    revoke(&t, json!({"permission_id": id})).await;
    assert_eq!(t.event_types().await.len(), 1, "it is told once");
}

#[tokio::test]
async fn every_open_upload_of_a_user_ends_however_many_there_are() {
    let t = TestApp::start().await;
    let (text, _) = signature(&t, json!({"user": "user-42", "one_time": false})).await;
    for _ in 0..120 {
        t.apply(&text, json!({"videoType": "mp4"})).await;
    }
    assert_eq!(t.open_sessions().await, 120);
    assert_eq!(revoke(&t, json!({"user": "user-42"})).await["sessions_ended"], 120);
    assert_eq!(t.open_sessions().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_begin_while_they_are_revoked_stay_shut() {
    let t = TestApp::start().await;
    for round in 0..5 {
        let user = format!("user-{round}");
        let (text, _) = signature(&t, json!({"user": user, "one_time": false})).await;
        let begin = async || t.ugc("ApplyUploadUGC", &signed(&text, json!({"videoType": "mp4"}))).await.json;
        let (begun, ()) = tokio::join!(futures_util::future::join_all((0..12).map(|_| begin())), async {
            drop(revoke(&t, json!({"user": user})).await)
        },);
        for answer in begun {
            if [10004, 10005].contains(&answer["code"].as_i64().unwrap()) {
                continue;
            }
            assert_eq!(answer["code"], 0, "{answer}");
            let cos = CosClient::of(&t, &answer["data"]);
            let (status, code, message) =
                cos.call(Method::PUT, &cos.video).body("x").send().await.cos_error();
            assert_eq!((status, code.as_str()), (403, "AccessDenied"), "{message}");
        }
        assert_eq!(begin().await["code"], 10004);
    }
}

#[tokio::test]
async fn what_a_revoked_upload_had_reserved_comes_back() {
    let policies = json!([{"name": "one a day", "daily_uploads": 1, "open_sessions": 1}]);
    let t = start(&[("POLICIES", policies)]).await;
    let order = || json!({"user": "user-42", "one_time": false});
    let (first, permission) = signature(&t, order()).await;
    t.apply(&first, json!({"videoType": "mp4"})).await;
    let (second, _) = signature(&t, order()).await;
    t.refused("ApplyUploadUGC", signed(&second, json!({"videoType": "mp4"})), 10001).await;
    revoke(&t, json!({"permission_id": permission.id})).await;
    t.apply(&second, json!({"videoType": "mp4"})).await;
    assert_eq!(permission_of(&t.post(BACKEND, super::SIGN, order()).await).daily_uploads, Some(1));
}

#[tokio::test]
async fn a_session_that_slipped_in_beside_a_revocation_is_ended_by_upkeep() {
    let t = TestApp::start().await;
    let (upload, _, id) = begun(&t, "user-42").await;
    // What a race leaves: the revocation's row, and a session that it did not see.
    let (scope, until) = (t.scope.clone(), t.clock.now() + std::time::Duration::from_secs(3_600));
    let (kind, reason) = (reelgate_model::RevocationKind::Permission, String::new());
    let new = reelgate_store::NewRevocation { kind, subject: id, reason, expires_at: until };
    let written: Result<_, reelgate_store::StoreError> =
        t.app.store.write(move |tx| Box::pin(async move { tx.revoke_permissions(&scope, &new).await })).await;
    written.unwrap();
    let refused = upload.cos.call(Method::PUT, &upload.cos.video).body("x").send().await;
    assert_eq!(refused.cos_error().1, "AccessDenied");
    reelgate_server::upkeep::round(&t.app).await.unwrap();
    let session = reelgate_server::uploads::grant::session_of_key(&t.app.vault, &upload.session_key).unwrap();
    let session = t.app.store.read().await.unwrap().session(session).await.unwrap().unwrap();
    assert_eq!((session.state, session.end_reason.as_str()), (SessionState::Expired, "permission_revoked"));
}
