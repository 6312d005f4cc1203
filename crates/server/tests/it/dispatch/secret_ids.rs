//! Key pairs: which of them signs, and for whom.

use reelgate_wire::upload_signature::Unverified;
use serde_json::{Value, json};

use super::{OTHER, SIGN, make_other_app, new_key};
use crate::test_app::{ADMIN, BACKEND, SECRET_ID, TestApp};

const GIVEN: &str = "AKIDgiven_by-the-operator";

/// The SecretId that signs for the holder of `token`.
async fn signer(t: &TestApp, token: &str) -> String {
    let answer = t.post(token, SIGN, json!({})).await.expect(200);
    Unverified::decode(answer.json["signature"].as_str().unwrap()).unwrap().secret_id().to_owned()
}

fn given(changes: Value) -> Value {
    let mut body =
        json!({"kind": "secret", "name": "given", "secret_id": GIVEN, "secret_key": "k".repeat(16)});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_given_pair_is_taken_and_signs() {
    let t = TestApp::start().await;
    t.advance(1);
    let made = t.post(ADMIN, "/v1/keys", given(json!({}))).await.expect(200);
    assert_eq!((&made.json["id"], &made.json["secret"]), (&json!(GIVEN), &json!(null)));
    assert_eq!(signer(&t, BACKEND).await, GIVEN);
    let list = t.get(ADMIN, "/v1/keys?kind=secret").await.expect(200);
    assert!(list.text.contains(GIVEN) && !list.text.contains(&"k".repeat(16)));
    t.post(ADMIN, &format!("/v1/keys/{GIVEN}/revoke"), json!({})).await.expect(204);
    assert_eq!(signer(&t, BACKEND).await, SECRET_ID);
}

#[tokio::test]
async fn pairs_that_are_none_or_taken_are_refused() {
    let t = TestApp::start().await;
    let odd =
        "secret_id must be 8 to 128 letters, digits, - or _, and secret_key 16 to 128 printable characters";
    for (changes, status, code, sentence) in [
        (
            json!({"secret_id": null}),
            422,
            "pair_incomplete",
            "secret_id and secret_key belong together; give both",
        ),
        (
            json!({"secret_key": null}),
            422,
            "pair_incomplete",
            "secret_id and secret_key belong together; give both",
        ),
        (json!({"secret_id": "AKID123"}), 422, "pair_out_of_range", odd),
        (json!({"secret_id": "A".repeat(129)}), 422, "pair_out_of_range", odd),
        (json!({"secret_id": "AKID&x=1234"}), 422, "pair_out_of_range", odd),
        (json!({"secret_key": "k".repeat(15)}), 422, "pair_out_of_range", odd),
        (json!({"secret_key": "k".repeat(129)}), 422, "pair_out_of_range", odd),
        (json!({"secret_key": "ключключключключ"}), 422, "pair_out_of_range", odd),
        (
            json!({"secret_id": SECRET_ID}),
            409,
            "conflict",
            "was stored before, perhaps revoked, and is not stored again; give another",
        ),
        (json!({"scopes": ["sign"]}), 422, "scopes_out_of_place", "a SecretId has no scopes"),
        (json!({"app": "12"}), 422, "app_unknown", "application 12 does not exist"),
    ] {
        t.post(ADMIN, "/v1/keys", given(changes)).await.is_problem(status, code, sentence);
    }
    assert_eq!(signer(&t, BACKEND).await, SECRET_ID);
}

#[tokio::test]
async fn a_pair_of_one_application_signs_for_it_alone() {
    let t = TestApp::start().await;
    make_other_app(&t).await;
    let (_, other) = new_key(&t, json!({"name": "x", "scopes": ["sign"], "app": OTHER.to_string()})).await;
    t.advance(1);
    t.post(ADMIN, "/v1/keys", given(json!({"app": OTHER.to_string()}))).await.expect(200);
    assert_eq!((signer(&t, &other).await.as_str(), signer(&t, BACKEND).await.as_str()), (GIVEN, SECRET_ID));

    let body = json!({"secret_id": "AKIDfollows", "secret_key": "f".repeat(32), "overlap_seconds": 60});
    let made = t.post(ADMIN, &format!("/v1/keys/{GIVEN}/rotate"), body).await.expect(200);
    assert_eq!(made.json["apps"], json!([OTHER.to_string()]));
    assert_eq!(
        (signer(&t, &other).await.as_str(), signer(&t, BACKEND).await.as_str()),
        ("AKIDfollows", SECRET_ID)
    );
}

#[tokio::test]
async fn a_rotated_pair_signs_again_when_its_follower_is_revoked() {
    let t = TestApp::start().await;
    let path = |id: &str, verb: &str| format!("/v1/keys/{id}/{verb}");
    let made = t.post(ADMIN, &path(SECRET_ID, "rotate"), json!({"overlap_seconds": 60})).await.expect(200);
    let follower = made.json["id"].as_str().unwrap();
    assert_eq!(signer(&t, BACKEND).await, follower);
    t.post(ADMIN, &path(follower, "revoke"), json!({})).await.expect(204);
    assert_eq!(signer(&t, BACKEND).await, SECRET_ID);
    t.advance(60);
    t.post(BACKEND, SIGN, json!({})).await.is_problem(409, "conflict", "no enabled SecretId to sign with");
}
