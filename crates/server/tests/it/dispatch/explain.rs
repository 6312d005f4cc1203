//! What an explanation says of signatures that this server's service made.

use serde_json::{Value, json};

use super::{OTHER, SIGN, make_other_app, new_key, signature, start};
use crate::test_app::{BACKEND, SECRET_KEY, TestApp};

async fn explain(t: &TestApp, key: &str, signature: &str) -> Value {
    t.post(key, "/v1/signatures/explain", json!({"signature": signature})).await.expect(200).json
}

fn outcome<'a>(explained: &'a Value, rule: &str) -> &'a Value {
    let checks = explained["checks"].as_array().unwrap();
    checks.iter().find(|check| check["rule"] == rule).unwrap()
}

#[tokio::test]
async fn the_policy_and_its_limits_are_shown() {
    let policies = json!([{
        "name": "creators", "types": ["mp4"], "max_size": 1_000, "max_duration": 60, "daily_uploads": 10,
        "daily_bytes": 5_000, "open_sessions": 2, "bytes_in_flight": 2_000, "addresses": 3,
    }]);
    let t = start(&[("POLICIES", policies)]).await;
    let (text, permission) = signature(&t, json!({"user": "user-42"})).await;
    let explained = explain(&t, BACKEND, &text).await;
    assert_eq!((&explained["ok"], &explained["refusal"]), (&json!(true), &json!(null)));
    let shown = json!({
        "id": permission.id, "user": "user-42", "key_id": permission.key_id, "policy": "creators",
        "policy_revision": permission.policy_revision, "max_size": 1_000, "types": ["mp4"], "max_duration": 60,
        "daily_uploads": 10, "daily_bytes": 5_000, "open_sessions": 2, "bytes_in_flight": 2_000, "addresses": 3,
    });
    assert_eq!(explained["permission"], shown);
    for check in explained["checks"].as_array().unwrap() {
        assert_eq!(check["outcome"], "pass", "{check}");
    }
    assert!(!explained.to_string().contains(SECRET_KEY));
}

#[tokio::test]
async fn a_revocation_is_the_rule_that_fails() {
    let t = TestApp::start().await;
    let (text, permission) = signature(&t, json!({"user": "user-42", "one_time": false})).await;
    for (what, sentence) in [
        (json!({"key": permission.key_id}), "the permissions issued with this key were revoked"),
        (json!({"user": "user-42"}), "were revoked; fetch a new signature"),
        (json!({"permission_id": permission.id}), "revoked; fetch a new signature"),
    ] {
        t.post(BACKEND, "/v1/revocations", what).await.expect(200);
        let explained = explain(&t, BACKEND, &text).await;
        let check = outcome(&explained, "revocation");
        assert_eq!((&explained["ok"], &explained["refusal"]), (&json!(false), check), "{explained}");
        assert_eq!((&check["outcome"], &check["vendor_code"]), (&json!("fail"), &json!(10004)));
        assert!(check["sentence"].as_str().unwrap().contains(sentence), "{check}");
        assert!(check["advice"].as_str().unwrap().contains("GET /v1/revocations"));
    }
    t.advance(1);
    let (fresh, _) = signature(&t, json!({"user": "user-42"})).await;
    assert_eq!(explain(&t, BACKEND, &fresh).await["ok"], true);
}

#[tokio::test]
async fn a_used_one_time_signature_is_told() {
    let t = TestApp::start().await;
    let (text, _) = signature(&t, json!({})).await;
    assert_eq!(explain(&t, BACKEND, &text).await["ok"], true);
    t.apply(&text, json!({"videoType": "mp4"})).await;
    let explained = explain(&t, BACKEND, &text).await;
    assert_eq!(explained["refusal"]["rule"], "one_time");
    assert_eq!(outcome(&explained, "revocation")["outcome"], "pass");
}

#[tokio::test]
async fn a_strangers_permission_is_not_judged() {
    let t = TestApp::start().await;
    make_other_app(&t).await;
    let key = json!({"name": "x", "scopes": ["sign"], "app": OTHER.to_string()});
    let (_, other) = new_key(&t, key).await;
    let (text, permission) = signature(&t, json!({})).await;
    t.post(BACKEND, "/v1/revocations", json!({"permission_id": permission.id})).await.expect(200);
    let explained = explain(&t, &other, &text).await;
    assert_eq!(outcome(&explained, "revocation")["outcome"], "not_checked");
    assert_eq!(explain(&t, BACKEND, &text).await["refusal"]["rule"], "revocation");
}

#[tokio::test]
async fn a_rotated_secret_id_is_known_until_it_ends() {
    let t = TestApp::start().await;
    let (text, _) = signature(&t, json!({})).await;
    let path = format!("/v1/keys/{}/rotate", crate::test_app::SECRET_ID);
    t.post(crate::test_app::ADMIN, &path, json!({"overlap_seconds": 60})).await.expect(200);
    t.advance(59);
    assert_eq!(explain(&t, BACKEND, &text).await["key"], "known");
    t.advance(1);
    let explained = explain(&t, BACKEND, &text).await;
    assert_eq!((&explained["key"], &explained["mac"]), (&json!("unknown"), &json!("not_checked")));
    assert_eq!(explained["refusal"]["rule"], "secret_id");
    t.post(BACKEND, SIGN, json!({})).await.expect(200);
}
