//! Which policy a caller gets, and what it gives without anything asked for.

use serde_json::{Value, json};

use super::{OTHER, SIGN, make_other_app, new_key, permission_of, signed_by, start};
use crate::test_app::{ADMIN, Answer, BACKEND, TestApp};

async fn policy_of(t: &TestApp, token: &str, order: Value) -> String {
    let answer = t.post(token, SIGN, order).await;
    let policy = permission_of(&answer).policy;
    assert_eq!(answer.json["policy"], policy.as_str());
    policy
}

#[tokio::test]
async fn the_first_policy_that_matches_decides() {
    let policies = json!([
        {"name": "other app", "apps": [OTHER.to_string()], "max_size": 1},
        {"name": "pro in europe", "match": {"plan": "pro", "region": ["de", "fr"]}, "max_size": 2},
        {"name": "pro", "match": {"plan": ["pro", "team"]}, "max_size": 3},
        {"name": "nightly", "match": {"caller": "nightly job"}, "max_size": 4},
        {"name": "backends", "match": {"via": "api_key"}, "max_size": 5},
        {"name": "never", "max_size": 6},
    ]);
    let t = start(&[("POLICIES", policies)]).await;
    make_other_app(&t).await;
    let (_, other) = new_key(&t, json!({"name": "x", "scopes": ["sign"], "app": OTHER.to_string()})).await;
    let (_, nightly) = new_key(&t, json!({"name": "nightly job", "scopes": ["sign"]})).await;
    for (key, tags, policy) in [
        (other.as_str(), json!({"plan": "pro"}), "other app"),
        (BACKEND, json!({"plan": "pro", "region": "fr"}), "pro in europe"),
        (BACKEND, json!({"plan": ["basic", "pro"], "region": ["us", "de"]}), "pro in europe"),
        (BACKEND, json!({"plan": "pro", "region": "us"}), "pro"),
        (BACKEND, json!({"plan": "team"}), "pro"),
        (BACKEND, json!({"plan": "Pro"}), "backends"),
        (nightly.as_str(), json!({}), "nightly"),
        (nightly.as_str(), json!({"plan": "team"}), "pro"),
        (BACKEND, json!({}), "backends"),
    ] {
        assert_eq!(policy_of(&t, key, json!({"tags": tags})).await, policy, "{tags}");
    }
}

#[tokio::test]
async fn who_no_policy_matches_gets_what_the_server_allows() {
    let t = start(&[("POLICIES", json!([{"name": "pro", "match": {"plan": "pro"}, "max_size": 2}]))]).await;
    let answer = t.post(BACKEND, SIGN, json!({"tags": {"plan": "free"}})).await;
    let permission = permission_of(&answer);
    assert_eq!((permission.policy.as_str(), permission.max_size), ("", None));
    assert_eq!(answer.json["limits"], json!({"max_size": 48_u64 << 30, "types": []}));
}

#[tokio::test]
async fn the_request_cannot_claim_how_and_by_whom_it_was_sent() {
    let policies = json!([
        {"name": "trusted", "match": {"caller": "trusted job"}},
        {"name": "tokens", "match": {"via": "jwt"}},
        {"name": "self signed", "match": {"via": "self_signed"}},
        {"name": "small", "max_size": 10},
    ]);
    let t = start(&[("POLICIES", policies)]).await;
    for tags in
        [json!({"caller": "trusted job"}), json!({"via": "jwt"}), json!({"via": ["api_key", "self_signed"]})]
    {
        assert_eq!(policy_of(&t, BACKEND, json!({"tags": tags})).await, "small", "{tags}");
    }
    let (_, trusted) = new_key(&t, json!({"name": "trusted job", "scopes": ["sign"]})).await;
    assert_eq!(policy_of(&t, &trusted, json!({})).await, "trusted");
}

fn everything() -> Value {
    json!([{
        "name": "creators", "procedures": ["LongVideoPreset", "ReelgateShortVideo", ""],
        "types": [".MP4", "mov"], "max_size": 1_000, "max_duration": 60, "class_ids": [5, 0, 7],
        "storage_region": "ap-guangzhou", "validity": 100, "max_validity": 200, "one_time": true,
        "daily_uploads": 10, "daily_bytes": 5_000, "open_sessions": 2, "bytes_in_flight": 2_000, "addresses": 3,
    }])
}

#[tokio::test]
async fn what_is_not_asked_for_has_the_default_of_the_policy() {
    let t = start(&[("POLICIES", everything())]).await;
    let answer = t.post(BACKEND, SIGN, json!({"user": "user-42"})).await;
    let (parameters, permission) = (signed_by(&answer), permission_of(&answer));
    assert_eq!((parameters.procedure.as_deref(), parameters.class_id), (Some("LongVideoPreset"), 5));
    assert_eq!(
        (parameters.storage_region.as_deref(), parameters.one_time_valid),
        (Some("ap-guangzhou"), true)
    );
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 100);
    assert_eq!((permission.user.as_str(), permission.policy.as_str()), ("user-42", "creators"));
    assert_eq!(permission.policy_revision, i64::from(t.app.config.dispatch.policies[0].revision));
    let limits = json!({
        "max_size": 1_000, "types": ["mp4", "mov"], "max_duration": 60, "daily_uploads": 10, "daily_bytes": 5_000,
        "open_sessions": 2, "bytes_in_flight": 2_000, "addresses": 3,
    });
    assert_eq!(answer.json["limits"], limits);
    let carried = json!([
        "expires_at",
        "one_time",
        "procedure",
        "class_id",
        "limits.max_size",
        "limits.types",
        "limits.max_duration",
        "limits.daily_uploads",
        "limits.daily_bytes",
        "limits.open_sessions",
        "limits.bytes_in_flight",
        "limits.addresses",
    ]);
    assert_eq!((&answer.json["carried"], &answer.json["advisory"]), (&carried, &json!([])));
    assert_eq!((permission.daily_uploads, permission.daily_bytes), (Some(10), Some(5_000)));
    assert_eq!((permission.open_sessions, permission.bytes_in_flight), (Some(2), Some(2_000)));
    assert_eq!(permission.addresses, Some(3));
}

#[tokio::test]
async fn less_than_the_policy_allows_is_what_is_signed() {
    let t = start(&[("POLICIES", everything())]).await;
    let order = json!({
        "procedure": "", "types": ["MOV"], "max_size": 999, "max_duration": 59, "class_id": 7,
        "storage_region": "ap-guangzhou", "valid_seconds": 200, "one_time": true,
    });
    let answer = t.post(BACKEND, SIGN, order).await;
    let (parameters, permission) = (signed_by(&answer), permission_of(&answer));
    assert_eq!((parameters.procedure, parameters.class_id), (None, 7));
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 200);
    assert_eq!((permission.max_size, permission.max_duration), (Some(999), Some(59)));
    assert_eq!(permission.types, ["mov"]);
    assert_eq!((&answer.json["procedure"], &answer.json["class_id"]), (&json!(""), &json!(7)));
}

#[tokio::test]
async fn the_sample_service_keeps_its_defaults_as_far_as_the_policy_goes() {
    let t = start(&[("POLICIES", everything())]).await;
    let answer = t.get(BACKEND, "/getUploadSignature").await.expect(200);
    let parameters = super::verified(&answer.json["data"]["signature"]);
    assert_eq!((parameters.procedure.as_deref(), parameters.one_time_valid), (None, true));
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 200);
    let only = json!([{"name": "long", "procedures": ["LongVideoPreset"]}]);
    let t = start(&[("POLICIES", only)]).await;
    let answer = t.get(BACKEND, "/getUploadSignature").await.expect(200);
    let parameters = super::verified(&answer.json["data"]["signature"]);
    assert_eq!(parameters.procedure.as_deref(), Some("LongVideoPreset"));
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 86_400);
}

#[tokio::test]
async fn what_the_policy_gives_is_held_at_the_door() {
    let policies = json!([
        {"name": "applications themselves", "match": {"via": "self_signed"}, "types": ["mov"]},
        {"name": "small", "max_size": 1_000},
    ]);
    let t = start(&[("POLICIES", policies)]).await;
    let answer: Answer = t.post(ADMIN, SIGN, json!({})).await.expect(200);
    let apply =
        |size: u64| json!({"signature": answer.json["signature"], "videoType": "mp4", "videoSize": size});
    t.refused("ApplyUploadUGC", apply(1_001), 10001).await;
    t.ugc_data("ApplyUploadUGC", apply(1_000)).await;
    let own = json!({"signature": t.sign(|_| {}), "videoType": "mp4"});
    t.refused("ApplyUploadUGC", own, 10001).await;
    t.apply(&t.sign(|_| {}), json!({"videoType": "mov"})).await;
}
