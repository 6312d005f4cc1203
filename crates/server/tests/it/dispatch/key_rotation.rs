//! API keys and SecretIds that are followed by others.

use serde_json::{Value, json};

use super::{SIGN, make_other_app, new_key, signature};
use crate::test_app::{ADMIN, Answer, BACKEND, SECRET_ID, START, TestApp};

async fn rotate(t: &TestApp, id: &str, body: Value) -> Answer {
    t.post(ADMIN, &format!("/v1/keys/{id}/rotate"), body).await
}

/// A key of the list.
async fn listed(t: &TestApp, kind: &str, id: &str) -> Value {
    let list = t.get(ADMIN, &format!("/v1/keys?kind={kind}")).await.expect(200);
    list.json["items"].as_array().unwrap().iter().find(|key| key["id"] == id).unwrap().clone()
}

#[tokio::test]
async fn both_api_keys_work_until_the_overlap_is_over() {
    let t = TestApp::start().await;
    let (id, old) = new_key(&t, json!({"name": "backend", "scopes": ["sign", "read"]})).await;
    assert_eq!(listed(&t, "api", &id).await["expires_at"], json!(null));
    let made = rotate(&t, &id, json!({"overlap_seconds": 60})).await.expect(200);
    let new = made.json["secret"].as_str().unwrap();
    assert_eq!((&made.json["name"], &made.json["scopes"]), (&json!("backend"), &json!(["sign", "read"])));
    assert_ne!(made.json["id"], id.as_str());
    assert_eq!(made.json["expires_at"], json!(null));
    assert_eq!(listed(&t, "api", &id).await["expires_at"], "2026-05-28T20:27:40.000Z");
    t.advance(59);
    for key in [old.as_str(), new] {
        t.post(key, SIGN, json!({})).await.expect(200);
        t.get(key, "/v1/signature-log").await.expect(200);
    }
    t.advance(1);
    t.post(&old, SIGN, json!({})).await.is_problem(401, "unauthenticated", "not known or was revoked");
    t.get(&old, "/v1/signature-log").await.is_problem(401, "unauthenticated", "not known or was revoked");
    t.post(new, SIGN, json!({})).await.expect(200);
}

#[tokio::test]
async fn an_api_key_overlaps_for_a_day_unless_told_otherwise() {
    let t = TestApp::start().await;
    let (id, old) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    let none = t.http.post(t.url(&format!("/v1/keys/{id}/rotate"))).bearer_auth(ADMIN);
    Answer::of(none).await.expect(200);
    t.advance(86_399);
    t.post(&old, SIGN, json!({})).await.expect(200);
    t.advance(1);
    t.post(&old, SIGN, json!({})).await.expect(401);

    let (id, old) = new_key(&t, json!({"name": "leaked", "scopes": ["sign"]})).await;
    rotate(&t, &id, json!({"overlap_seconds": 0})).await.expect(200);
    t.post(&old, SIGN, json!({})).await.expect(401);
}

#[tokio::test]
async fn a_console_session_ends_with_its_rotated_key() {
    let t = TestApp::start().await;
    let (id, person) = new_key(&t, json!({"name": "person", "scopes": ["admin"]})).await;
    let sign_in = t.http.post(t.url("/v1/console/sign-in")).json(&json!({"token": person}));
    let cookie =
        Answer::of(sign_in).await.expect(200).header("set-cookie").split(';').next().unwrap().to_owned();
    let session =
        async || Answer::of(t.http.get(t.url("/v1/console/session")).header("cookie", &cookie)).await;
    rotate(&t, &id, json!({"overlap_seconds": 60})).await.expect(200);
    session().await.expect(200);
    t.advance(60);
    session().await.is_problem(401, "unauthenticated", "sign in again");
}

#[tokio::test]
async fn the_new_secret_id_signs_and_the_old_ones_signatures_stay_good() {
    let t = TestApp::start().await;
    let (before, _) = signature(&t, json!({"valid_seconds": 7_776_000, "one_time": false})).await;
    let made = rotate(&t, SECRET_ID, json!({"overlap_seconds": 600})).await.expect(200);
    let (id, key) = (made.json["id"].as_str().unwrap(), made.json["secret"].as_str().unwrap());
    assert_eq!((&made.json["kind"], &made.json["apps"]), (&json!("secret"), &json!(null)));
    assert_eq!(listed(&t, "secret", SECRET_ID).await["expires_at"], "2026-05-28T20:36:40.000Z");

    let answer = t.post(BACKEND, SIGN, json!({})).await.expect(200);
    let unverified = super::Unverified::decode(answer.json["signature"].as_str().unwrap()).unwrap();
    assert_eq!(unverified.secret_id(), id);
    unverified.verify(key.as_bytes()).unwrap();

    let apply = |signature: &str| json!({"signature": signature, "videoType": "mp4"});
    let after = answer.json["signature"].as_str().unwrap();
    t.advance(599);
    for signature in [before.as_str(), after, &t.sign(|_| {})] {
        t.ugc_data("ApplyUploadUGC", apply(signature)).await;
    }
    t.advance(1);
    let message = t.refused("ApplyUploadUGC", apply(&before), 10004).await;
    assert!(
        message.contains(&format!("secretId {SECRET_ID:?} is not known here or was revoked")),
        "{message}"
    );
    let fresh = signature_with(&t, id, key).await;
    t.ugc_data("ApplyUploadUGC", apply(&fresh)).await;
}

/// A signature that must be made with this pair.
async fn signature_with(t: &TestApp, id: &str, key: &str) -> String {
    let answer = t.post(BACKEND, SIGN, json!({})).await.expect(200);
    let text = answer.json["signature"].as_str().unwrap();
    let unverified = super::Unverified::decode(text).unwrap();
    assert_eq!(unverified.secret_id(), id);
    unverified.verify(key.as_bytes()).unwrap();
    text.to_owned()
}

#[tokio::test]
async fn a_secret_id_overlaps_for_as_long_as_a_signature_can_be_good() {
    let t = TestApp::start().await;
    let (before, _) = signature(&t, json!({"valid_seconds": 7_776_000})).await;
    rotate(&t, SECRET_ID, json!({})).await.expect(200);
    t.advance(7_775_999);
    t.ugc_data("ApplyUploadUGC", json!({"signature": before, "videoType": "mp4"})).await;
    assert_eq!(t.clock.now().seconds() - START.seconds(), 7_775_999);
}

#[tokio::test]
async fn a_key_that_was_rotated_may_end_sooner_and_not_later() {
    let t = TestApp::start().await;
    let (id, old) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    for (key, kind) in [(id.as_str(), "api"), (SECRET_ID, "secret")] {
        rotate(&t, key, json!({"overlap_seconds": 600})).await.expect(200);
        for seconds in [600, 601] {
            let refused = rotate(&t, key, json!({"overlap_seconds": seconds})).await;
            let sentence = format!("key {key:?} does not exist, is revoked, or ends earlier already");
            refused.is_problem(404, "not_found", &sentence);
        }
        rotate(&t, key, json!({"overlap_seconds": 60})).await.expect(200);
        assert_eq!(listed(&t, kind, key).await["expires_at"], "2026-05-28T20:27:40.000Z");
    }
    t.advance(60);
    t.post(&old, SIGN, json!({})).await.expect(401);
}

#[tokio::test]
async fn what_cannot_be_rotated_is_refused_with_a_sentence() {
    let t = TestApp::start().await;
    let (id, _) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    let (gone, _) = new_key(&t, json!({"name": "gone", "scopes": ["sign"]})).await;
    t.post(ADMIN, &format!("/v1/keys/{gone}/revoke"), json!({})).await.expect(204);
    let long = json!({"overlap_seconds": 7_776_001});
    let overlap =
        "overlap_seconds 7776001 is more than the 7776000 (90 days) for which a signature can be good";
    let pair = |id: &str, key: &str| json!({"secret_id": id, "secret_key": key});
    let odd =
        "secret_id must be 8 to 128 letters, digits, - or _, and secret_key 16 to 128 printable characters";
    for (key, body, status, code, sentence) in [
        (id.as_str(), long.clone(), 422, "overlap_out_of_range", overlap),
        (SECRET_ID, long, 422, "overlap_out_of_range", overlap),
        ("nothing", json!({}), 404, "not_found", "key \"nothing\" does not exist"),
        (gone.as_str(), json!({}), 404, "not_found", "is revoked already"),
        (SECRET_ID, json!({"secret_id": "AKIDsecond"}), 422, "pair_incomplete", "belong together; give both"),
        (
            SECRET_ID,
            json!({"secret_key": "k".repeat(32)}),
            422,
            "pair_incomplete",
            "belong together; give both",
        ),
        (SECRET_ID, pair("short", &"k".repeat(32)), 422, "pair_out_of_range", odd),
        (SECRET_ID, pair("AKID second", &"k".repeat(32)), 422, "pair_out_of_range", odd),
        (SECRET_ID, pair("AKIDsecond", "short"), 422, "pair_out_of_range", odd),
        (SECRET_ID, pair("AKIDsecond", &"k\n".repeat(10)), 422, "pair_out_of_range", odd),
        (SECRET_ID, pair(SECRET_ID, &"k".repeat(32)), 409, "conflict", "was stored before, perhaps revoked"),
        (id.as_str(), json!({"overlap": 5}), 400, "invalid_request", "unknown field `overlap`"),
    ] {
        rotate(&t, key, body).await.is_problem(status, code, sentence);
    }
    for key in [(id.as_str(), "api"), (SECRET_ID, "secret")] {
        assert_eq!(listed(&t, key.1, key.0).await["expires_at"], json!(null), "a refusal changes nothing");
    }
    t.post(BACKEND, &format!("/v1/keys/{id}/rotate"), json!({})).await.is_problem(
        403,
        "forbidden",
        "`admin`",
    );
}

#[tokio::test]
async fn a_pair_is_not_for_an_api_key() {
    let t = TestApp::start().await;
    let (id, _) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    let pair = json!({"secret_id": "AKIDsecond", "secret_key": "k".repeat(32)});
    rotate(&t, &id, pair.clone()).await.is_problem(422, "pair_out_of_place", "are for the kind `secret`");
    assert_eq!(listed(&t, "api", &id).await["expires_at"], json!(null));
    let mut made = pair;
    made["name"] = json!("x");
    t.post(ADMIN, "/v1/keys", made).await.is_problem(422, "pair_out_of_place", "are for the kind `secret`");
}

#[tokio::test]
async fn another_applications_administrator_rotates_its_own_keys_only() {
    let t = TestApp::start().await;
    make_other_app(&t).await;
    let admin = json!({"name": "admin", "scopes": ["admin"], "app": super::OTHER.to_string()});
    let (own, other) = new_key(&t, admin).await;
    let (main, _) = new_key(&t, json!({"name": "main", "scopes": ["sign"]})).await;
    let by_other = async |id: &str| t.post(&other, &format!("/v1/keys/{id}/rotate"), json!({})).await;
    by_other(&main).await.is_problem(404, "not_found", &main);
    by_other(SECRET_ID).await.is_problem(403, "forbidden", "main application");
    assert_eq!(by_other(&own).await.expect(200).json["apps"], json!([super::OTHER.to_string()]));
}

#[tokio::test]
async fn a_secret_is_in_the_answer_that_made_it_and_nowhere_else() {
    let t = TestApp::start().await;
    let (api, first) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    let made = [
        rotate(&t, &api, json!({})).await,
        rotate(&t, SECRET_ID, json!({})).await,
        t.post(ADMIN, "/v1/keys", json!({"kind": "secret", "name": "new"})).await,
        t.post(
            ADMIN,
            "/v1/keys",
            json!({"kind": "secret", "name": "given", "secret_id": "AKIDgiven", "secret_key": "g".repeat(32)}),
        )
        .await,
    ];
    let mut secrets =
        vec![first, ADMIN.to_owned(), BACKEND.to_owned(), crate::test_app::SECRET_KEY.to_owned()];
    let told = made.iter().filter_map(|answer| answer.json["secret"].as_str());
    secrets.extend(told.map(str::to_owned));
    // A pair that was given is not told back.
    assert_eq!((secrets.len(), &made[3].json["secret"]), (7, &json!(null)));
    secrets.push("g".repeat(32));
    let mut shown = String::new();
    for kind in ["api", "secret"] {
        shown += &t.get(ADMIN, &format!("/v1/keys?kind={kind}")).await.expect(200).text;
    }
    t.app.dispatch.journal.flush().await;
    shown += &t.get(ADMIN, "/v1/signature-log").await.expect(200).text;
    let audit = t.app.store.read().await.unwrap().audit_page(&t.scope, None, 50).await.unwrap();
    shown += &format!("{audit:?}");
    for secret in secrets {
        assert!(!shown.contains(&secret), "{secret} is shown");
    }
    assert!(shown.contains("key.rotate") && shown.contains("secret_key.rotate"));
}
