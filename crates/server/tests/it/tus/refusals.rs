//! What is refused, with the status that the protocol has for it.

use http::Method;
use reelgate_wire::permission::Permission;

use super::{Created, creation, video};
use crate::test_app::{Answer, TestApp};
use crate::upload::permission;

#[tokio::test]
async fn requests_that_are_not_tus_are_refused_by_name() {
    let app = TestApp::start().await;
    let upload = Created::new(&app, 1000).await;
    let bare = app.http.patch(app.url(&upload.path));
    let refused = Answer::of(bare).await;
    refused.is_problem(412, "unsupported_version", "1.0.0");
    assert_eq!(refused.header("tus-version"), "1.0.0");
    let untyped = upload.request(Method::PATCH).header("upload-offset", 0).body("x");
    Answer::of(untyped).await.is_problem(415, "unsupported_media_type", "application/offset+octet-stream");
    upload.patch(1, "x".into()).await.is_problem(409, "offset_differs", "0 bytes");
    let odd = upload.piece(0, "x".into()).header("upload-checksum", "md5 AAAA");
    Answer::of(odd).await.is_problem(400, "invalid_request", "sha1,sha256,crc32");
    upload.patch(0, video(1001)).await.is_problem(413, "too_large", "1000");
    assert_eq!(upload.offset().await, 0);
    let nowhere = Created { app: &app, path: format!("/files/{}", "0".repeat(64)) };
    nowhere.patch(0, "x".into()).await.is_problem(404, "not_found", "create a new one");
    let deferred = creation(&app, &app.sign(|_| {}), 9).header("upload-defer-length", 1);
    Answer::of(deferred).await.is_problem(400, "not_offered", "Upload-Length");
    let forged = creation(&app, "bm90IGEgc2lnbmF0dXJlIGF0IGFsbCwgYnV0IGxvbmc=", 9);
    assert_eq!(Answer::of(forged).await.expect(403).json["code"], "signature_refused");
}

#[tokio::test]
async fn the_permission_binds_here_as_well() {
    let app = TestApp::start().await;
    let small = app.sign_permission(Permission { max_size: Some(999), ..permission() });
    Answer::of(creation(&app, &small, 1000)).await.is_problem(413, "too_large", "999");
    let pictures = app.sign_permission(Permission { types: vec!["mov".to_owned()], ..permission() });
    Answer::of(creation(&app, &pictures, 9)).await.is_problem(400, "upload_refused", "mp4");
    assert_eq!(app.open_sessions().await, 0);

    let alice = app.sign_permission(Permission { user: "alice".to_owned(), ..permission() });
    let bob = app.sign_permission(Permission { user: "bob".to_owned(), ..permission() });
    let upload = Created::of(&app, &Answer::of(creation(&app, &alice, 1000)).await.expect(201));
    let stolen = upload.piece(0, video(1000)).header("authorization", format!("Reelgate {bob}"));
    Answer::of(stolen).await.is_problem(403, "signature_refused", "another application or user");
    // The signature that opened it stays good for it.
    app.advance(3_601);
    let late = upload.piece(0, video(1000)).header("authorization", format!("Reelgate {alice}"));
    Answer::of(late).await.expect(204);
}

#[tokio::test]
async fn an_upload_that_has_ended_is_gone() {
    let app = TestApp::start().await;
    let upload = Created::new(&app, 1000).await;
    upload.patch(0, video(1000).slice(..400)).await.expect(204);
    Answer::of(upload.request(Method::DELETE)).await.expect(204);
    upload.patch(400, "x".into()).await.is_problem(410, "gone", "create a new one");
    assert_eq!(upload.head().await.status, 410);
    let told = app.event_types().await;
    assert_eq!(told, ["reelgate.UploadExpired"]);
    let given_up = app.app.store.read().await.unwrap().abandoned(app.clock.now(), 10).await.unwrap();
    assert_eq!(given_up.len(), 1, "its bytes are swept");

    let upload = Created::new(&app, 1000).await;
    app.advance(8 * 86_400);
    upload.patch(0, video(1000)).await.is_problem(410, "gone", "expired");
}

#[tokio::test]
async fn pages_may_use_the_door() {
    let app = TestApp::start().await;
    let preflight = app.http.request(Method::OPTIONS, app.url("/files"));
    let preflight = preflight.header("access-control-request-headers", "tus-resumable,upload-length");
    let answer = Answer::of(preflight).await.expect(204);
    assert_eq!(answer.header("access-control-allow-headers"), "tus-resumable,upload-length");
    assert_eq!(
        answer.header("tus-extension"),
        "creation,creation-with-upload,expiration,checksum,termination"
    );
    for method in ["HEAD", "PATCH", "DELETE"] {
        assert!(answer.header("access-control-allow-methods").contains(method));
    }
    let upload = Created::new(&app, 1000).await;
    let meant = app.http.post(app.url(&upload.path)).header("tus-resumable", "1.0.0");
    let meant = meant.header("x-http-method-override", "PATCH").header("upload-offset", 0);
    let meant = meant.header("content-type", "application/offset+octet-stream").body(video(1000));
    let answer = Answer::of(meant).await.expect(204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-expose-headers").contains("Upload-Offset"));
}
