//! Taking permission back: what every upload door answers afterwards, and what the endpoint takes and shows.

use serde_json::{Value, json};

use super::issuer::{accounts, token};
use super::{OTHER, ask, bearer, make_other_app, new_key, permission_of, signature, start};
use crate::test_app::{ADMIN, Answer, BACKEND, TestApp};
use crate::upload::signed;

const PATH: &str = "/v1/revocations";

async fn revoke(t: &TestApp, what: Value) -> Answer {
    t.post(BACKEND, PATH, what).await
}

/// Both doors that open an upload refuse `signature` with these words.
async fn is_refused(t: &TestApp, signature: &str, words: &str) {
    for action in ["PrepareUploadUGC", "ApplyUploadUGC", "CommitUploadUGC"] {
        let body = json!({"videoType": "mp4", "vodSessionKey": "x"});
        let message = t.refused(action, signed(signature, body), 10004).await;
        assert!(message.ends_with(words), "{action}: {message}");
    }
}

async fn is_good(t: &TestApp, signature: &str) {
    for action in ["PrepareUploadUGC", "ApplyUploadUGC"] {
        t.ugc_data(action, signed(signature, json!({"videoType": "mp4"}))).await;
    }
}

const PERMISSION: &str = "this permission was revoked; fetch a new signature";
const USER: &str = "the permissions of this user were revoked; fetch a new signature";
const KEY: &str = "the permissions issued with this key were revoked; fetch a new signature";

#[tokio::test]
async fn one_permission_is_refused_and_the_others_stay_good() {
    let t = TestApp::start().await;
    let (first, permission) = signature(&t, json!({"user": "user-42", "one_time": false})).await;
    let (second, _) = signature(&t, json!({"user": "user-42", "one_time": false})).await;
    is_good(&t, &first).await;
    let done = revoke(&t, json!({"permission_id": permission.id, "reason": "lost phone"})).await.expect(200);
    assert_eq!((&done.json["kind"], &done.json["subject"]), (&json!("permission"), &json!(permission.id)));
    assert_eq!((&done.json["reason"], &done.json["sessions_ended"]), (&json!("lost phone"), &json!(1)));
    assert_eq!(done.json["revoked_at"], "2026-05-28T20:26:40.000Z");
    assert!(done.json["by"].as_str().unwrap().starts_with("api-key:"), "{}", done.text);
    is_refused(&t, &first, PERMISSION).await;
    is_good(&t, &second).await;
    t.advance(1);
    is_refused(&t, &first, PERMISSION).await;
}

#[tokio::test]
async fn all_of_a_user_is_refused_until_a_new_signature_is_fetched() {
    let t = TestApp::start().await;
    let order = |user: &str| json!({"user": user, "one_time": false});
    let (before, _) = signature(&t, order("user-42")).await;
    let (other, _) = signature(&t, order("user-43")).await;
    t.advance(1);
    revoke(&t, json!({"user": "user-42"})).await.expect(200);
    let (same_second, _) = signature(&t, order("user-42")).await;
    for signature in [&before, &same_second] {
        is_refused(&t, signature, USER).await;
    }
    is_good(&t, &other).await;
    t.advance(1);
    let (after, _) = signature(&t, order("user-42")).await;
    is_good(&t, &after).await;
    is_refused(&t, &before, USER).await;
}

#[tokio::test]
async fn all_of_a_key_or_of_an_entry_is_refused() {
    let t = start(&[("CALLERS", json!([{"kind": "api_key"}, accounts()]))]).await;
    let (id, key) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    let order = || json!({"one_time": false});
    let text = |answer: &Answer| answer.json["signature"].as_str().unwrap().to_owned();
    let by_key = t.post(&key, super::SIGN, order()).await;
    let by_token = ask(&t, &[("authorization", &bearer(&token(json!({}))))], order()).await;
    let (by_backend, _) = signature(&t, order()).await;
    assert_eq!(permission_of(&by_key).key_id, id);
    revoke(&t, json!({"key": id})).await.expect(200);
    is_refused(&t, &text(&by_key), KEY).await;
    is_good(&t, &text(&by_token)).await;
    revoke(&t, json!({"key": "accounts"})).await.expect(200);
    is_refused(&t, &text(&by_token), KEY).await;
    is_good(&t, &by_backend).await;
    is_good(&t, &t.sign(|_| {})).await;
    t.advance(1);
    let again = t.post(&key, super::SIGN, order()).await;
    is_good(&t, &text(&again)).await;
}

#[tokio::test]
async fn an_application_revokes_its_own_only() {
    let t = TestApp::start().await;
    make_other_app(&t).await;
    let of_other = json!({"name": "x", "scopes": ["sign", "read", "manage"], "app": OTHER.to_string()});
    let (_, other) = new_key(&t, of_other).await;
    let (main, permission) = signature(&t, json!({"user": "user-42", "one_time": false})).await;
    for what in [json!({"user": "user-42"}), json!({"permission_id": permission.id})] {
        let done = t.post(&other, PATH, what).await.expect(200);
        assert_eq!(done.json["sessions_ended"], 0);
    }
    is_good(&t, &main).await;
    assert_eq!(t.get(BACKEND, PATH).await.json["items"], json!([]));
    assert_eq!(t.get(&other, PATH).await.json["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_names_nothing_is_refused_with_a_sentence() {
    let t = TestApp::start().await;
    let one = "name exactly one of permission_id, user and key";
    for (body, status, code, sentence) in [
        (json!({}), 422, "subject_missing", one),
        (json!({"reason": "x"}), 422, "subject_missing", one),
        (json!({"user": "a", "key": "b"}), 422, "subject_missing", one),
        (
            json!({"user": ""}),
            422,
            "subject_out_of_range",
            "the user to revoke has 0 bytes; name one with 1 to 256, without control characters",
        ),
        (json!({"key": "k".repeat(257)}), 422, "subject_out_of_range", "the key to revoke has 257 bytes"),
        (
            json!({"permission_id": "a\u{0}"}),
            422,
            "subject_out_of_range",
            "the permission to revoke has 2 bytes",
        ),
        (
            json!({"user": "a", "reason": "界".repeat(201)}),
            422,
            "reason_out_of_range",
            "the reason has 201 characters, more than the 200 allowed, or control characters",
        ),
        (json!({"user": "a", "reason": "b\n"}), 422, "reason_out_of_range", "the reason has 2 characters"),
        (json!({"session": "a"}), 400, "invalid_request", "unknown field `session`"),
    ] {
        revoke(&t, body).await.is_problem(status, code, sentence);
    }
    let none = Answer::of(t.http.post(t.url(PATH)).json(&json!({"user": "a"}))).await;
    none.is_problem(401, "unauthenticated", "no credentials");
    let (_, signer) = new_key(&t, json!({"name": "signer", "scopes": ["sign"]})).await;
    t.post(&signer, PATH, json!({"user": "a"})).await.is_problem(
        403,
        "forbidden",
        "lacks the scope `manage`",
    );
    t.get(&signer, PATH).await.is_problem(403, "forbidden", "lacks the scope `read`");
    assert_eq!(t.get(BACKEND, PATH).await.json, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn the_list_is_newest_first_and_has_pages() {
    let t = TestApp::start().await;
    for user in ["a", "b", "c", "d", "e"] {
        revoke(&t, json!({"user": user, "reason": format!("of {user}")})).await.expect(200);
        t.advance(1);
    }
    revoke(&t, json!({"user": "b", "reason": "again"})).await.expect(200);
    let mut seen = Vec::new();
    let mut path = format!("{PATH}?limit=2");
    loop {
        let page = t.get(BACKEND, &path).await.expect(200).json;
        for item in page["items"].as_array().unwrap() {
            assert_eq!(item["sessions_ended"], json!(null));
            seen.push(format!("{}: {}", item["subject"].as_str().unwrap(), item["reason"].as_str().unwrap()));
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{PATH}?limit=2&after={next}");
    }
    assert_eq!(seen, ["b: again", "e: of e", "d: of d", "c: of c", "a: of a"]);
    t.get(BACKEND, &format!("{PATH}?limit=0")).await.is_problem(422, "limit_out_of_range", "1 to 200");
    let audit = t.app.store.read().await.unwrap().audit_page(&t.scope, None, 1).await.unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].subject.as_str()), ("revoke.user", "b"));
    assert_eq!(audit[0].detail, "again");
}

#[tokio::test]
async fn a_revocation_is_forgotten_when_everything_it_speaks_of_is_over() {
    let t = TestApp::start().await;
    revoke(&t, json!({"user": "user-42"})).await.expect(200);
    let count = async || t.get(ADMIN, PATH).await.json["items"].as_array().unwrap().len();
    t.advance(7_776_000);
    reelgate_server::upkeep::round(&t.app).await.unwrap();
    assert_eq!(count().await, 1);
    t.advance(601);
    reelgate_server::upkeep::round(&t.app).await.unwrap();
    assert_eq!(count().await, 0);
}
