use std::time::Duration;

use reelgate_model::{AppId, Scope};
use reelgate_server::bootstrap;
use serde_json::json;

use crate::test_app::{ADMIN, BACKEND, MAIN, SECRET_ID, SECRET_KEY, TestApp};

#[tokio::test]
async fn a_key_works_until_it_is_revoked_and_is_shown_once() {
    let t = TestApp::start().await;
    let made = t.post(ADMIN, "/v1/keys", json!({"name": "phone backend", "scopes": ["sign"]})).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let (id, secret) = (made.json["id"].as_str().unwrap(), made.json["secret"].as_str().unwrap());
    assert_eq!(made.json["scopes"], json!(["sign"]));
    assert_eq!(t.post(secret, "/v1/upload-signatures", json!({})).await.status, 200);
    t.get(secret, "/v1/keys").await.is_problem(403, "forbidden", "lacks the scope `admin`");

    let list = t.get(ADMIN, "/v1/keys").await;
    assert!(list.json["items"].as_array().unwrap().iter().any(|key| key["id"] == id), "{}", list.text);
    for hidden in [secret, ADMIN, BACKEND] {
        assert!(!list.text.contains(hidden));
    }
    t.clock.advance(Duration::from_secs(1));
    assert_eq!(t.post(ADMIN, &format!("/v1/keys/{id}/revoke"), json!({})).await.status, 204);
    t.post(secret, "/v1/upload-signatures", json!({})).await.is_problem(401, "unauthenticated", "revoked");
    t.post(ADMIN, &format!("/v1/keys/{id}/revoke"), json!({})).await.is_problem(
        404,
        "not_found",
        "revoked already",
    );

    let audit = t.app.store.read().await.unwrap().audit_page(&Scope::system(MAIN), None, 10).await.unwrap();
    let actions: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["key.revoke", "key.create"]);
    assert!(audit.iter().all(|entry| entry.subject == id && entry.principal.starts_with("api-key:")));
    assert!(audit.iter().all(|entry| entry.remote == "127.0.0.1"));
}

#[tokio::test]
async fn secret_ids_are_listed_without_their_keys() {
    let t = TestApp::start().await;
    let made = t.post(ADMIN, "/v1/keys", json!({"kind": "secret", "name": "server"})).await;
    let list = t.get(ADMIN, "/v1/keys?kind=secret").await;
    let items = list.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{}", list.text);
    assert!(items.iter().any(|key| key["id"] == SECRET_ID && key["apps"].is_null()));
    assert!(!list.text.contains(SECRET_KEY) && !list.text.contains(made.json["secret"].as_str().unwrap()));
}

#[tokio::test]
async fn a_secret_id_of_the_configuration_never_changes_its_key_silently() {
    let t = TestApp::start().await;
    bootstrap::put_secret_key(&t.app, SECRET_ID, SECRET_KEY).await.unwrap();
    let refused = bootstrap::put_secret_key(&t.app, SECRET_ID, "another key").await.unwrap_err().to_string();
    assert!(refused.contains(SECRET_ID) && refused.contains("root.secret_key"), "{refused}");
    assert!(!refused.contains("another key") && !refused.contains(SECRET_KEY));
}

#[tokio::test]
async fn what_cannot_be_made_or_revoked_is_refused_with_a_sentence() {
    let t = TestApp::start().await;
    for (body, status, code, words) in [
        (json!({"name": ""}), 422, "name_out_of_range", "1 to 100"),
        (json!({"name": "x".repeat(101)}), 422, "name_out_of_range", "101 characters"),
        (json!({"name": "x", "scopes": []}), 422, "scopes_missing", "no scope"),
        (json!({"name": "x", "scopes": ["cook"]}), 422, "scope_unknown", "\"cook\" is not known"),
        (json!({"name": "x", "app": "12"}), 422, "app_unknown", "application 12 does not exist"),
        (
            json!({"name": "x", "app": "twelve"}),
            400,
            "invalid_request",
            "\"twelve\" is not a valid application id",
        ),
        (json!({"name": "x", "kind": "secret", "scopes": ["sign"]}), 422, "scopes_out_of_place", "no scopes"),
        (json!({"scopes": ["sign"]}), 400, "invalid_request", "missing field `name`"),
    ] {
        t.post(ADMIN, "/v1/keys", body).await.is_problem(status, code, words);
    }
    t.post(ADMIN, "/v1/keys/nothing/revoke", json!({})).await.is_problem(404, "not_found", "\"nothing\"");
    let own = t.get(ADMIN, "/v1/keys").await;
    let own = own.json["items"].as_array().unwrap().iter().find(|key| key["name"] == "admin").unwrap()["id"]
        .clone();
    let path = format!("/v1/keys/{}/revoke", own.as_str().unwrap());
    t.post(ADMIN, &path, json!({})).await.is_problem(409, "conflict", "another admin key");
    t.post(ADMIN, &format!("/v1/apps/{MAIN}/revoke"), json!({}))
        .await
        .is_problem(409, "conflict", "main one");
    t.post(ADMIN, "/v1/apps/77/revoke", json!({})).await.is_problem(404, "not_found", "application 77");
    t.get(ADMIN, "/v1/apps?limit=0").await.is_problem(422, "limit_out_of_range", "1 to 200");
    t.get(ADMIN, "/v1/apps?page=2").await.is_problem(400, "invalid_request", "page");
}

#[tokio::test]
async fn another_applications_administrator_stays_in_it() {
    let t = TestApp::start().await;
    let made =
        t.post(ADMIN, "/v1/apps", json!({"id": "1500000077", "name": "second", "private": true})).await;
    assert_eq!((made.status, &made.json["id"]), (200, &json!("1500000077")), "{}", made.text);
    t.post(ADMIN, "/v1/apps", json!({"id": "1500000077", "name": "again"})).await.is_problem(
        409,
        "conflict",
        "exists already",
    );
    let key = json!({"name": "second admin", "scopes": ["admin"], "app": "1500000077"});
    let second = t.post(ADMIN, "/v1/keys", key).await;
    let second = second.json["secret"].as_str().unwrap();

    for path in ["/v1/apps", "/v1/keys?kind=secret", &format!("/v1/keys?app={MAIN}")] {
        t.get(second, path).await.is_problem(403, "forbidden", "main application");
    }
    t.post(second, &format!("/v1/keys/{SECRET_ID}/revoke"), json!({})).await.is_problem(
        404,
        "not_found",
        SECRET_ID,
    );
    let own = t.get(second, "/v1/keys").await;
    assert_eq!(own.json["items"].as_array().unwrap().len(), 1, "{}", own.text);
    let signed = t.post(second, "/v1/upload-signatures", json!({})).await;
    assert_eq!(signed.status, 200, "the account's SecretId reaches every application: {}", signed.text);

    let pages = t.get(ADMIN, "/v1/apps?limit=1").await;
    assert_eq!(
        (&pages.json["items"][0]["id"], &pages.json["next"]),
        (&json!(MAIN.to_string()), &json!(MAIN.to_string()))
    );
    let rest = t.get(ADMIN, &format!("/v1/apps?limit=2&after={MAIN}")).await;
    assert_eq!((rest.json["items"].as_array().unwrap().len(), &rest.json["next"]), (1, &json!(null)));

    assert_eq!(t.post(ADMIN, "/v1/apps/1500000077/revoke", json!({})).await.status, 200);
    t.get(second, "/v1/keys").await.is_problem(401, "unauthenticated", "revoked");
    let found = t.app.store.read().await.unwrap().app(AppId(1_500_000_077)).await.unwrap().unwrap();
    assert!(found.revoked_at.is_some() && found.private);
}
