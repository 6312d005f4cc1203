//! One port, every door.

use http::Method;
use serde_json::json;

use crate::answer::Answer;
use crate::test_app::{ADMIN_TOKEN, TestApp};

#[tokio::test]
async fn every_door_answers_on_the_one_port_in_its_own_shape() {
    let Some(app) = TestApp::builder().start().await else { return };
    app.api_as("", Method::GET, "/healthz", None).await.expect(200);
    app.api_as("", Method::GET, "/readyz", None).await.expect(200);
    let nowhere = app.api(Method::GET, "/nowhere", None).await.expect(404);
    assert_eq!(nowhere.header("content-type"), "application/problem+json");
    app.api(Method::GET, "/v1/procedures", None).await.expect(200);
    app.api_as("rgk_nobody", Method::GET, "/v1/procedures", None).await.expect(401);
    app.api(Method::GET, "/v1/apps", None).await.expect(403);
    app.api_as(ADMIN_TOKEN, Method::GET, "/v1/apps", None).await.expect(200);
    let unsigned = app.http.put(format!("{}/cos/reelgate-1/key", app.url)).send().await.unwrap();
    assert_eq!(Answer::of(unsigned).await.cos_error().1, "AccessDenied");
}

#[tokio::test]
async fn a_signature_of_the_signature_service_opens_an_upload() {
    let Some(app) = TestApp::builder().start().await else { return };
    let asked = json!({"user": "alice"});
    let issued = app.api(Method::POST, "/v1/upload-signatures", Some(asked)).await.json();
    let signature = issued["signature"].as_str().unwrap_or_else(|| panic!("{issued}"));
    let upload = app.apply(signature, json!({"videoType": "mp4"})).await;
    let session =
        app.app.store.read().await.unwrap().session(&upload.session_key[..32]).await.unwrap().unwrap();
    assert_eq!(session.request.user, "alice");
}
