//! Which entry of `dispatch.callers` decides, and who is believed without one.

use serde_json::json;

use super::callers_app::{CallersApp, Reply};
use super::issuer::{accounts, token};
use super::{SIGN, ask, bearer, new_key, permission_of, start};
use crate::test_app::{ADMIN, Answer, BACKEND, TestApp};

#[tokio::test]
async fn the_first_entry_that_recognises_the_credential_decides() {
    let shop = CallersApp::start(Reply::Says(200, json!({"user": "shop-7"}))).await;
    let anonymous = json!({"kind": "anonymous", "rate": {"per_minute": 60}});
    let entries =
        json!([{"kind": "api_key"}, accounts(), shop.entry(&["authorization", "cookie"]), anonymous]);
    let t = start(&[("CALLERS", entries)]).await;
    let (id, key) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    for (headers, caller, user) in [
        (vec![("authorization", bearer(&key))], id.as_str(), ""),
        (vec![("authorization", bearer(&token(json!({}))))], "accounts", "user-42"),
        (vec![("authorization", bearer("of-the-shop"))], "shop", "shop-7"),
        (vec![("authorization", "Basic eDp5".to_owned())], "shop", "shop-7"),
        (vec![("cookie", "shop=1".to_owned())], "shop", "shop-7"),
        (vec![], "anonymous", "127.0.0.1"),
        (vec![("authorization", bearer(&key)), ("cookie", "shop=1".to_owned())], id.as_str(), ""),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let permission = permission_of(&ask(&t, &headers, json!({})).await);
        assert_eq!((permission.key_id.as_str(), permission.user.as_str()), (caller, user), "{headers:?}");
    }
    assert_eq!(shop.asked().len(), 3);
}

#[tokio::test]
async fn another_order_gives_the_same_credential_to_another_entry() {
    let shop = CallersApp::start(Reply::Says(200, json!({"user": "shop-7"}))).await;
    let entries = json!([shop.entry(&["authorization"]), accounts(), {"kind": "api_key"}]);
    let t = start(&[("CALLERS", entries)]).await;
    for credential in [BACKEND, "rgk_nothing", &token(json!({}))] {
        let answer = ask(&t, &[("authorization", &bearer(credential))], json!({})).await;
        assert_eq!(permission_of(&answer).key_id, "shop");
    }
}

#[tokio::test]
async fn an_api_key_that_is_not_good_is_not_tried_elsewhere() {
    let shop = CallersApp::start(Reply::Says(200, json!({}))).await;
    let anonymous = json!({"kind": "anonymous", "rate": {"per_minute": 60}});
    let entries = json!([{"kind": "api_key"}, shop.entry(&["authorization"]), anonymous]);
    let t = start(&[("CALLERS", entries)]).await;
    let (id, key) = new_key(&t, json!({"name": "backend", "scopes": ["sign"]})).await;
    t.post(ADMIN, &format!("/v1/keys/{id}/revoke"), json!({})).await.expect(204);
    for key in ["rgk_nothing", &key] {
        let answer = ask(&t, &[("authorization", &bearer(key))], json!({})).await;
        answer.is_problem(401, "unauthenticated", "not known or was revoked; check it or create a new one");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert!(shop.asked().is_empty(), "an API key is not shown to the app");
}

#[tokio::test]
async fn who_is_not_recognised_is_told_what_is_taken() {
    let shop = CallersApp::start(Reply::Says(200, json!({}))).await;
    let entries = json!([{"kind": "api_key"}, accounts(), shop.entry(&["x-shop-session"])]);
    let t = start(&[("CALLERS", entries)]).await;
    let taken = "send `Authorization: Bearer <API key>`, or `Authorization: Bearer <token of accounts>`, or the \
                 credentials of shop";
    let none = ask(&t, &[], json!({})).await;
    none.is_problem(401, "unauthenticated", &format!("no credentials; {taken}"));
    let elsewhere = token(json!({"iss": "https://elsewhere.example"}));
    for odd in ["Basic eDp5", "Bearer ", "Bearer plain-text", &bearer(&elsewhere)] {
        let answer = ask(&t, &[("authorization", odd)], json!({})).await;
        answer.is_problem(
            401,
            "unauthenticated",
            &format!("the Authorization header is of no kind that this service knows; {taken}"),
        );
    }
}

#[tokio::test]
async fn without_an_entry_for_api_keys_they_sign_nothing_and_still_read() {
    let t = start(&[("CALLERS", json!([accounts()]))]).await;
    let answer = ask(&t, &[("authorization", &bearer(BACKEND))], json!({})).await;
    answer.is_problem(401, "unauthenticated", "send `Authorization: Bearer <token of accounts>`");
    t.get(BACKEND, "/v1/signature-log").await.expect(200);
}

#[tokio::test]
async fn a_key_that_may_do_other_things_is_refused_by_its_name() {
    let t = TestApp::start().await;
    let (id, reader) = new_key(&t, json!({"name": "reader", "scopes": ["read", "manage"]})).await;
    let sentence =
        format!("API key {id} (reader) lacks the scope `sign`; use another key or create one with it");
    t.post(&reader, SIGN, json!({})).await.is_problem(403, "forbidden", &sentence);
    let batch = t.post(&reader, &format!("{SIGN}/batch"), json!({"orders": [{}]})).await.expect(200);
    assert_eq!(batch.json["items"][0]["refused"]["code"], "forbidden");
}

#[tokio::test]
async fn a_person_at_the_console_may_sign_in_every_configuration() {
    let t = start(&[("CALLERS", json!([accounts()]))]).await;
    let signed_in = Answer::of(t.http.post(t.url("/v1/console/sign-in")).json(&json!({"token": ADMIN})))
        .await
        .expect(200);
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
    let csrf = signed_in.json["csrf"].as_str().unwrap();
    let order = || json!({"user": "user-1", "tags": {"plan": "pro"}});
    let answer = ask(&t, &[("cookie", cookie), ("x-reelgate-csrf", csrf)], order()).await;
    assert_eq!(permission_of(&answer).user, "user-1");
    let forged = ask(&t, &[("cookie", cookie)], order()).await;
    forged.is_problem(403, "forbidden", "lacks the console's CSRF token");
    let over = ask(&t, &[("cookie", "rg_console=old")], order()).await;
    over.is_problem(401, "unauthenticated", "the console session has ended; sign in again");

    t.app.dispatch.journal.flush().await;
    let log = t.get(BACKEND, "/v1/signature-log?user=user-1").await;
    let granted =
        log.json["items"].as_array().unwrap().iter().find(|entry| entry["code"] == "granted").unwrap();
    assert!(granted["caller"].as_str().unwrap().starts_with("console:"), "{}", log.text);
}
