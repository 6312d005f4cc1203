//! Two processes on one database: what one of them makes or takes back counts for the other.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{SIGN, new_key, signature};
use crate::test_app::{ADMIN, BACKEND, SECRET_ID, TestApp};
use crate::upload::signed;

/// The promise: no request that begins later than this after the answer is taken.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_key_that_one_node_revokes_is_refused_by_the_other_soon() {
    let Some(first) = TestApp::on_postgres().await else { return };
    let second = first.another_node().await;
    let (id, key) = new_key(&first, json!({"name": "backend", "scopes": ["sign", "read"]})).await;
    second.post(&key, SIGN, json!({})).await.expect(200);
    first.post(ADMIN, &format!("/v1/keys/{id}/revoke"), json!({})).await.expect(204);
    let revoked = Instant::now();
    first.post(&key, SIGN, json!({})).await.is_problem(401, "unauthenticated", "revoked");
    loop {
        let began = revoked.elapsed();
        let answer = second.post(&key, SIGN, json!({})).await;
        if answer.status == 401 {
            break;
        }
        answer.expect(200);
        assert!(began < SOON, "still taken {began:?} after it was revoked");
    }
    second.get(&key, "/v1/signature-log").await.expect(401);
}

#[tokio::test]
async fn a_key_that_one_node_makes_is_good_on_the_other_at_once() {
    let Some(first) = TestApp::on_postgres().await else { return };
    let second = first.another_node().await;
    second.post(BACKEND, SIGN, json!({})).await.expect(200);
    for n in 0..5 {
        let (_, key) = new_key(&first, json!({"name": format!("key {n}"), "scopes": ["sign", "read"]})).await;
        second.post(&key, SIGN, json!({})).await.expect(200);
        second.get(&key, "/v1/signature-log").await.expect(200);
    }
}

#[tokio::test]
async fn signatures_of_a_new_secret_id_and_for_a_new_application_are_taken_at_once() {
    let Some(first) = TestApp::on_postgres().await else { return };
    let second = first.another_node().await;
    let video = || json!({"videoType": "mp4"});
    let (before, _) = signature(&second, json!({})).await;
    second.ugc_data("ApplyUploadUGC", signed(&before, video())).await;
    first.post(ADMIN, &format!("/v1/keys/{SECRET_ID}/rotate"), json!({})).await.expect(200);
    let answer = first.post(BACKEND, SIGN, json!({})).await.expect(200);
    second.ugc_data("ApplyUploadUGC", signed(answer.json["signature"].as_str().unwrap(), video())).await;
    super::make_other_app(&first).await;
    let for_other = second.sign(|parameters| parameters.vod_sub_app_id = Some(super::OTHER));
    second.ugc_data("ApplyUploadUGC", signed(&for_other, video())).await;
}

#[tokio::test]
async fn a_revocation_on_one_node_counts_on_the_other_at_once() {
    let Some(first) = TestApp::on_postgres().await else { return };
    let second = first.another_node().await;
    let (text, permission) = signature(&second, json!({"one_time": false})).await;
    let upload = second.apply(&text, json!({"videoType": "mp4"})).await;
    let done = first.post(BACKEND, "/v1/revocations", json!({"permission_id": permission.id})).await;
    assert_eq!(done.expect(200).json["sessions_ended"], 1);
    second.refused("ApplyUploadUGC", signed(&text, json!({"videoType": "mp4"})), 10004).await;
    let put = upload.cos.call(http::Method::PUT, &upload.cos.video).body("x").send().await;
    assert_eq!(put.cos_error().1, "AccessDenied");
}

#[tokio::test]
async fn the_log_on_postgresql_is_dropped_by_the_week_and_never_early() {
    let Some(t) = TestApp::on_postgres().await else { return };
    let users = async || -> Vec<String> {
        reelgate_server::upkeep::round(&t.app).await.unwrap();
        t.app.dispatch.journal.flush().await;
        let log = t.get(BACKEND, "/v1/signature-log").await.expect(200).json;
        log["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["user"].as_str().unwrap().to_owned())
            .collect()
    };
    t.post(BACKEND, SIGN, json!({"user": "early"})).await.expect(200);
    assert_eq!(users().await, ["early"]);
    t.advance(90 * 86_400);
    t.post(BACKEND, SIGN, json!({"user": "late"})).await.expect(200);
    assert_eq!(users().await, ["late", "early"]);
    t.advance(90 * 86_400);
    assert_eq!(users().await, ["late", "early"], "180 days are not over");
    t.advance(8 * 86_400);
    assert_eq!(users().await, ["late"]);
    t.advance(90 * 86_400);
    assert_eq!(users().await, [""; 0]);
}
