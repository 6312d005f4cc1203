use std::time::Duration;

use serde_json::{Value, json};

use crate::test_app::{ADMIN, Answer, BACKEND, TestApp};

async fn sign_in(t: &TestApp, token: &str) -> Answer {
    Answer::of(t.http.post(t.url("/v1/console/sign-in")).json(&json!({"token": token}))).await
}

/// The cookie as a browser would send it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_signs_in_acts_and_signs_out() {
    let t = TestApp::start().await;
    let answer = sign_in(&t, ADMIN).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let attributes = answer.header("set-cookie").split_once(';').unwrap().1;
    assert_eq!(attributes, " HttpOnly; SameSite=Strict; Path=/; Max-Age=43200");
    assert_eq!((&answer.json["key_name"], &answer.json["scopes"]), (&json!("admin"), &json!(["admin"])));
    let (cookie, csrf) = (cookie(&answer), answer.json["csrf"].as_str().unwrap().to_owned());

    let session = Answer::of(t.http.get(t.url("/v1/console/session")).header("cookie", &cookie)).await;
    assert_eq!(session.json, answer.json);
    let post = |path: &str, csrf: Option<&str>| {
        let request = t.http.post(t.url(path)).header("cookie", &cookie).json(&json!({}));
        Answer::of(match csrf {
            Some(csrf) => request.header("x-reelgate-csrf", csrf),
            None => request,
        })
    };
    for wrong in [None, Some("x"), Some("")] {
        post("/v1/upload-signatures", wrong).await.is_problem(403, "forbidden", "CSRF token");
    }
    assert_eq!(post("/v1/upload-signatures", Some(&csrf)).await.status, 200);
    let out = post("/v1/console/sign-out", Some(&csrf)).await;
    assert_eq!(
        (out.status, out.header("set-cookie")),
        (204, "rg_console=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
    );
    let over = Answer::of(t.http.get(t.url("/v1/console/session")).header("cookie", &cookie)).await;
    over.is_problem(401, "unauthenticated", "sign in again");
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_and_with_its_key() {
    let t = TestApp::start().await;
    let made = t.post(ADMIN, "/v1/keys", json!({"name": "person", "scopes": ["admin"]})).await;
    let person = made.json["secret"].as_str().unwrap();
    let status = async |cookie: &str| {
        Answer::of(t.http.get(t.url("/v1/console/session")).header("cookie", cookie)).await.status
    };
    let first = cookie(&sign_in(&t, person).await);
    assert_eq!(status(&first).await, 200);
    t.clock.advance(Duration::from_secs(12 * 3600));
    assert_eq!(status(&first).await, 401);
    let second = cookie(&sign_in(&t, person).await);
    assert_eq!(status(&second).await, 200);
    t.post(ADMIN, &format!("/v1/keys/{}/revoke", made.json["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(status(&second).await, 401);
    let stored = sign_in(&t, ADMIN).await;
    let database = std::fs::read(t.dir.path().join("data/reelgate.db-wal")).unwrap_or_default();
    let secret = cookie(&stored).split_once('=').unwrap().1.to_owned();
    assert!(
        !database.windows(secret.len()).any(|window| window == secret.as_bytes()),
        "only a hash is stored"
    );
}

#[tokio::test]
async fn failures_to_sign_in_are_slowed_down() {
    let t = TestApp::start().await;
    sign_in(&t, BACKEND).await.is_problem(403, "forbidden", "lacks the scope `admin`");
    for _ in 0..5 {
        sign_in(&t, "rgk_guess").await.is_problem(401, "unauthenticated", "not known");
    }
    let refused = sign_in(&t, ADMIN).await;
    refused.is_problem(429, "too_many_attempts", "try again in 11 s");
    assert_eq!(refused.header("retry-after"), "11");
    t.clock.advance(Duration::from_secs(10));
    assert_eq!(sign_in(&t, ADMIN).await.status, 200);
}

#[tokio::test]
async fn a_form_of_another_site_cannot_sign_anybody_in() {
    let t = TestApp::start().await;
    let form = t.http.post(t.url("/v1/console/sign-in")).header("content-type", "text/plain");
    let answer = Answer::of(form.body(json!({"token": ADMIN}).to_string())).await;
    answer.is_problem(415, "unsupported_media_type", "application/json");
}

#[tokio::test]
async fn the_page_says_what_it_may_load_and_is_there_in_every_build() {
    let t = TestApp::start().await;
    let home = Answer::of(t.http.get(t.url("/"))).await;
    assert_eq!((home.status, home.header("location")), (303, "/console/"));
    for path in ["/console", "/console/", "/console/media/123"] {
        let page = Answer::of(t.http.get(t.url(path))).await;
        assert_eq!((page.status, page.header("x-content-type-options")), (200, "nosniff"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'self'"),
            "{policy}"
        );
        assert!(page.header("content-type").starts_with("text/html"));
        let etag = page.header("etag");
        if etag.is_empty() {
            assert!(page.text.contains("left out of this build") && page.text.contains("此构建未包含控制台"));
        } else {
            let again = Answer::of(t.http.get(t.url(path)).header("if-none-match", etag)).await;
            assert_eq!(again.status, 304);
        }
    }
    assert_eq!(Answer::of(t.http.get(t.url("/console/assets/gone.js"))).await.status, 404);
}

#[tokio::test]
async fn every_documented_route_exists_and_the_committed_document_is_current() {
    let t = TestApp::start().await;
    let answer = Answer::of(t.http.get(t.url("/v1/openapi.json"))).await;
    for (path, operations) in answer.json["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            let found = Answer::of(t.http.request(method, t.url(&path.replace(['{', '}'], "")))).await;
            assert_ne!(found.status, 405, "{path}");
            assert_ne!(found.json, Value::Null, "{path} answered {} without a problem", found.status);
        }
    }
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json")).unwrap();
    assert!(committed == answer.text, "run `reelgate openapi > openapi.json`");
}
