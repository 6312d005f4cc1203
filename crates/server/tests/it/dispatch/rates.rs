//! How many signatures a user gets: a bucket that is emptied by what is granted and filled by time.

use serde_json::{Value, json};

use super::issuer::{accounts, token};
use super::{SIGN, ask, bearer, new_key, start};
use crate::test_app::{Answer, BACKEND, TestApp};

/// Two at once and six a minute for `pro`, one a minute for everybody else.
fn policies() -> Value {
    json!([
        {"name": "pro", "match": {"plan": "pro"}, "rate": {"per_minute": 6, "burst": 2}, "max_size": 1_000},
        {"name": "others", "rate": {"per_minute": 1}},
    ])
}

async fn as_user(t: &TestApp, user: &str) -> Answer {
    t.post(BACKEND, SIGN, json!({"user": user, "tags": {"plan": "pro"}})).await
}

#[tokio::test]
async fn a_user_has_a_burst_and_waits_then() {
    let t = start(&[("POLICIES", policies())]).await;
    for status in [200, 200] {
        as_user(&t, "user-1").await.expect(status);
    }
    let refused = as_user(&t, "user-1").await;
    let sentence = "user \"user-1\" has used up its signatures: 6 a minute come back; try again in ";
    refused.is_problem(429, "rate_limited", sentence);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((10..=11).contains(&wait), "{wait}");
    assert!(refused.json["detail"].as_str().unwrap().ends_with(&format!("in {wait} s")), "{}", refused.text);

    as_user(&t, "user-2").await.expect(200);
    t.advance(wait);
    for status in [200, 429] {
        as_user(&t, "user-1").await.expect(status);
    }
    t.advance(3_600);
    for status in [200, 200, 429] {
        as_user(&t, "user-1").await.expect(status);
    }
}

#[tokio::test]
async fn what_is_refused_for_another_reason_takes_nothing() {
    let t = start(&[("POLICIES", policies())]).await;
    for order in [
        json!({"max_size": 1_001}),
        json!({"procedure": "nothing"}),
        json!({"valid_seconds": 0}),
        json!({"types": ["a/b"]}),
        json!({"class_id": -1}),
        json!({"source_context": "x".repeat(251)}),
    ] {
        let mut order = order;
        order["user"] = json!("user-1");
        order["tags"] = json!({"plan": "pro"});
        t.post(BACKEND, SIGN, order).await.expect(422);
    }
    for status in [200, 200, 429] {
        as_user(&t, "user-1").await.expect(status);
    }
}

#[tokio::test]
async fn orders_at_the_same_time_do_not_get_more() {
    let policies = json!([{"name": "some", "rate": {"per_minute": 1, "burst": 5}}]);
    let t = start(&[("POLICIES", policies)]).await;
    let orders = (0..40).map(|_| t.post(BACKEND, SIGN, json!({"user": "user-1"})));
    let answers = futures_util::future::join_all(orders).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status)));
}

#[tokio::test]
async fn each_policy_has_its_own_buckets() {
    let t = start(&[("POLICIES", policies())]).await;
    for status in [200, 200, 429] {
        as_user(&t, "user-1").await.expect(status);
    }
    let free = async || t.post(BACKEND, SIGN, json!({"user": "user-1"})).await;
    free().await.expect(200);
    free().await.is_problem(429, "rate_limited", "1 a minute come back");
}

#[tokio::test]
async fn a_user_is_the_same_through_every_entry() {
    let entries = json!([{"kind": "api_key"}, accounts()]);
    let t = start(&[("CALLERS", entries), ("POLICIES", policies())]).await;
    as_user(&t, "user-42").await.expect(200);
    let token = bearer(&token(json!({})));
    ask(&t, &[("authorization", &token)], json!({})).await.expect(200);
    ask(&t, &[("authorization", &token)], json!({})).await.is_problem(429, "rate_limited", "\"user-42\"");
    as_user(&t, "user-42").await.expect(429);
}

#[tokio::test]
async fn orders_without_a_user_share_the_bucket_of_their_key() {
    let t = start(&[("POLICIES", policies())]).await;
    let (id, key) = new_key(&t, json!({"name": "other", "scopes": ["sign"]})).await;
    t.post(BACKEND, SIGN, json!({})).await.expect(200);
    t.post(BACKEND, SIGN, json!({"user": ""})).await.expect(429);
    t.post(&key, SIGN, json!({})).await.expect(200);
    t.post(&key, SIGN, json!({})).await.is_problem(429, "rate_limited", &id);
}

#[tokio::test]
async fn the_sample_service_takes_out_of_the_same_bucket() {
    let t = start(&[("POLICIES", policies())]).await;
    t.get(BACKEND, "/getUploadSignature?user=user-1").await.expect(200);
    t.post(BACKEND, SIGN, json!({"user": "user-1"})).await.expect(429);
}
