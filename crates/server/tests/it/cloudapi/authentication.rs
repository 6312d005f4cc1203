//! Who is let in, and what the others are told.

use http::Method;
use serde_json::{Value, json};

use super::{Call, is_refusal, response};
use crate::test_app::{ADMIN, Answer, SECRET_ID, SECRET_KEY, TestApp};

const DESCRIBE: &str = "DescribeMediaInfos";
const OTHER: i64 = 1_500_000_077;

fn asked() -> Value {
    json!({"FileIds": ["5576678019876543210"]})
}

fn lets_in(answer: &Answer) {
    assert_eq!(response(answer)["NotExistFileIdSet"], json!(["5576678019876543210"]), "{}", answer.text);
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_both_ways() {
    let t = TestApp::start().await;
    for (ahead, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let answer = Call { ahead, ..Call::of(DESCRIBE, &asked()) }.send(&t).await;
        match good {
            true => lets_in(&answer),
            false => is_refusal(&answer, "AuthFailure.SignatureExpire", "check the clock"),
        }
    }
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let t = TestApp::start().await;
    let call = Call::of(DESCRIBE, &asked());
    let other_key = Call { secret_key: "another", ..call.clone() }.send(&t).await;
    is_refusal(&other_key, "AuthFailure.SignatureFailure", SECRET_ID);
    assert!(!other_key.text.contains(SECRET_KEY));
    let other_id = Call { secret_id: "AKIDnobody", ..call.clone() }.send(&t).await;
    is_refusal(&other_id, "AuthFailure.SecretIdNotFound", "not known here");
    let token = Call { more: vec![("x-tc-token", "t")], ..call.clone() }.send(&t).await;
    is_refusal(&token, "AuthFailure.TokenFailure", "without one");
    // An action that nobody has is no news to those without a key either.
    let action = Call { action: "Nonsense", secret_key: "another", ..call.clone() }.send(&t).await;
    is_refusal(&action, "AuthFailure.SignatureFailure", "");
    let bare = Answer::of(t.http.post(t.url("/")).json(&asked())).await;
    is_refusal(&bare, "MissingParameter", "not signed");
    let malformed = t.http.post(t.url("/")).header("authorization", "TC3-HMAC-SHA256 x").json(&asked());
    is_refusal(&Answer::of(malformed).await, "AuthFailure.InvalidAuthorization", "lacks Credential");
}

#[tokio::test]
async fn an_altered_body_is_refused_unless_it_is_not_signed() {
    let t = TestApp::start().await;
    let unsigned =
        Call { more: vec![("x-tc-content-sha256", "UNSIGNED-PAYLOAD")], ..Call::of(DESCRIBE, &asked()) };
    lets_in(&unsigned.send(&t).await);
    let query = Call {
        method: Method::GET,
        query: "FileIds.0=5576678019876543210",
        content_type: "application/x-www-form-urlencoded",
        body: String::new(),
        ..Call::of(DESCRIBE, &asked())
    };
    lets_in(&query.send(&t).await);
}

#[tokio::test]
async fn actions_versions_and_types_have_their_own_refusals() {
    let t = TestApp::start().await;
    let call = Call::of(DESCRIBE, &asked());
    let action = Call { action: "ComposeMedia", ..call.clone() }.send(&t).await;
    is_refusal(&action, "InvalidAction", "DescribeMediaInfos");
    let version = Call { version: "2017-03-12", ..call.clone() }.send(&t).await;
    is_refusal(&version, "NoSuchVersion", "2018-07-17");
    let kind = Call { content_type: "text/plain", ..call.clone() }.send(&t).await;
    is_refusal(&kind, "InvalidParameter", "application/json");
    let broken = Call { body: "{".to_owned(), ..call.clone() }.send(&t).await;
    is_refusal(&broken, "InvalidParameter", "not JSON");
    let large = Call { body: " ".repeat((1 << 20) + 1), ..call.clone() }.send(&t).await;
    is_refusal(&large, "RequestSizeLimitExceeded", "");
    let put = Call { method: Method::PUT, more: vec![("host", "vod.tencentcloudapi.com")], ..call.clone() };
    assert_ne!(put.send(&t).await.status, 500);
    t.cloud_refuses(DESCRIBE, json!({"FileIds": "1"}), "InvalidParameter").await;
    t.cloud_refuses(DESCRIBE, json!({"FileIds": ["1"], "SubAppId": "1"}), "InvalidParameter").await;
    t.cloud_refuses(DESCRIBE, json!({"FileIds": ["1"], "Nonsense": 1}), "UnknownParameter").await;
    t.cloud_refuses(DESCRIBE, json!({}), "MissingParameter").await;
}

#[tokio::test]
async fn version_one_of_the_signature_is_let_in_by_form_and_by_query() {
    let t = TestApp::start().await;
    let own = [("Action", DESCRIBE), ("FileIds.0", "5576678019876543210"), ("Filters.0", "basicInfo")];
    for method in ["POST", "GET"] {
        lets_in(&t.form(method, &own).await);
        let sha256 = [&own[..], &[("SignatureMethod", "HmacSHA256"), ("SubAppId", "0")]].concat();
        lets_in(&t.form(method, &sha256).await);
        let token = [&own[..], &[("Token", "t")]].concat();
        is_refusal(&t.form(method, &token).await, "AuthFailure.TokenFailure", "");
        let huge = [&own[..], &[("X.999999999", "")]].concat();
        is_refusal(&t.form(method, &huge).await, "InvalidParameter", "not an index");
        is_refusal(&t.form(method, &[("Action", "Nonsense")]).await, "InvalidAction", "");
    }
    let body = "Action=DescribeMediaInfos&SecretId=AKIDx&Signature=x&Nonce=1&Timestamp=1780000000";
    let wrong =
        t.http.post(t.url("/")).header("content-type", "application/x-www-form-urlencoded").body(body);
    is_refusal(&Answer::of(wrong).await, "AuthFailure.SecretIdNotFound", "");
    let body = body.replace("AKIDx", SECRET_ID);
    let wrong =
        t.http.post(t.url("/")).header("content-type", "application/x-www-form-urlencoded").body(body);
    is_refusal(&Answer::of(wrong).await, "AuthFailure.SignatureFailure", "sorted by name");
}

#[tokio::test]
async fn a_key_reaches_its_applications_and_revoked_ones_reach_nothing() {
    let t = TestApp::start().await;
    let app = json!({"id": OTHER.to_string(), "name": "other"});
    t.post(ADMIN, "/v1/apps", app).await.expect(200);
    let given = json!({"kind": "secret", "name": "other's", "app": OTHER.to_string(),
        "secret_id": "AKIDother_app", "secret_key": "k".repeat(16)});
    t.post(ADMIN, "/v1/keys", given).await.expect(200);
    let key = "k".repeat(16);
    let of = |sub_app_id: i64| json!({"FileIds": ["5576678019876543210"], "SubAppId": sub_app_id});
    for app in [0, 1_300_000_001, OTHER] {
        lets_in(&Call::of(DESCRIBE, &of(app)).send(&t).await);
    }
    is_refusal(&Call::of(DESCRIBE, &of(7)).send(&t).await, "InvalidParameterValue.SubAppId", "7");

    let other =
        |body: Value| Call { secret_id: "AKIDother_app", secret_key: &key, ..Call::of(DESCRIBE, &body) };
    lets_in(&other(of(OTHER)).send(&t).await);
    is_refusal(&other(of(1_300_000_001)).send(&t).await, "InvalidParameterValue.SubAppId", "1300000001");
    is_refusal(&other(asked()).send(&t).await, "AuthFailure.UnauthorizedOperation", "SubAppId");

    t.post(ADMIN, &format!("/v1/apps/{OTHER}/revoke"), json!({})).await;
    is_refusal(&Call::of(DESCRIBE, &of(OTHER)).send(&t).await, "InvalidParameterValue.SubAppId", "");
    t.post(ADMIN, "/v1/keys/AKIDother_app/revoke", json!({})).await.expect(204);
    is_refusal(&other(of(OTHER)).send(&t).await, "AuthFailure.SecretIdNotFound", "");
}
