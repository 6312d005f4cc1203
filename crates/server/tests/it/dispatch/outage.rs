//! A database that does not answer, and what is configured against what it holds.

use reelgate_server::bootstrap::{self, Contradiction};
use serde_json::json;

use super::{SIGN, ask, bearer, start};
use crate::test_app::{ADMIN, Answer, BACKEND, SECRET_ID, TestApp};

#[tokio::test]
async fn without_its_database_the_service_refuses_and_says_when_to_come_again() {
    let t = TestApp::start().await;
    assert_eq!(t.post(BACKEND, SIGN, json!({})).await.status, 200);
    t.app.store.close().await;
    // As if two seconds had passed: the copy in memory has to be checked.
    t.app.directory.changed();
    let refused = t.post(BACKEND, SIGN, json!({})).await;
    refused.is_problem(503, "unavailable", "the database does not answer, so keys cannot be checked");
    assert_eq!(refused.header("retry-after"), "5");
    t.get(BACKEND, "/v1/media").await.is_problem(503, "unavailable", "try again");
}

#[tokio::test]
async fn an_ended_console_session_does_not_keep_others_out() {
    let callers = json!([{"kind": "api_key"}, {"kind": "anonymous", "rate": {"per_minute": 6}}]);
    let t = start(&[("CALLERS", callers)]).await;
    let answer = ask(&t, &[("cookie", "rg_console=long-gone")], json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let alone = TestApp::start().await;
    let request = alone.http.post(alone.url(SIGN)).header("cookie", "rg_console=long-gone");
    Answer::of(request).await.is_problem(401, "unauthenticated", "the console session has ended");
    assert_eq!(ask(&t, &[("authorization", &bearer(BACKEND))], json!({})).await.status, 200);
}

#[tokio::test]
async fn a_revoked_secret_id_of_the_configuration_stops_the_start() {
    let t = TestApp::start().await;
    t.post(ADMIN, &format!("/v1/keys/{SECRET_ID}/revoke"), json!({})).await.expect(204);
    let refused = bootstrap::first_run(&t.app).await.err().unwrap();
    assert!(refused.is::<Contradiction>(), "{refused:#}");
    let sentence = refused.to_string();
    assert!(sentence.contains(SECRET_ID) && sentence.contains("was revoked here"), "{sentence}");
}
