//! Web pages that may ask for signatures themselves.

use http::Method;
use serde_json::json;

use super::{SIGN, start};
use crate::test_app::{Answer, BACKEND, TestApp};

const APP: &str = "https://app.example";
const DOORS: [&str; 4] =
    [SIGN, "/v1/upload-signatures/batch", "/getUploadSignature", "/v1/signatures/explain"];

async fn preflight(t: &TestApp, path: &str, origin: &str) -> Answer {
    let request = t.http.request(Method::OPTIONS, t.url(path)).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    Answer::of(request.header("access-control-request-headers", "authorization,content-type,x-shop")).await
}

async fn allowing() -> TestApp {
    let policies = json!([{"name": "slow", "rate": {"per_minute": 1}}]);
    start(&[("ORIGINS", json!([APP, "http://localhost:5173/"])), ("POLICIES", policies)]).await
}

#[track_caller]
fn has_no_cors(answer: &Answer) {
    for name in answer.headers.keys() {
        let harmless =
            ["access-control-expose-headers", "access-control-allow-credentials"].contains(&name.as_str());
        assert!(harmless || !name.as_str().starts_with("access-control-allow-origin"), "{name}");
    }
}

#[tokio::test]
async fn pages_on_the_list_may_ask_with_credentials() {
    let t = allowing().await;
    for (origin, path) in DOORS.map(|path| (APP, path)).into_iter().chain([("http://localhost:5173", SIGN)]) {
        let answer = preflight(&t, path, origin).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type,x-shop");
        assert_eq!(answer.header("access-control-allow-methods").replace(' ', ""), "GET,POST");
        assert_eq!(answer.header("access-control-max-age"), "600");
    }
    let send = async || {
        Answer::of(t.http.post(t.url(SIGN)).bearer_auth(BACKEND).header("origin", APP).json(&json!({}))).await
    };
    for status in [200, 429] {
        let answer = send().await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-expose-headers"), "retry-after");
        assert!(answer.header("vary").contains("origin"), "caches must tell pages apart");
    }
    let none = Answer::of(t.http.get(t.url("/getUploadSignature")).header("origin", APP)).await.expect(401);
    assert_eq!(none.header("access-control-allow-origin"), APP);
}

#[tokio::test]
async fn other_pages_are_told_nothing() {
    let t = allowing().await;
    for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
        has_no_cors(&preflight(&t, SIGN, origin).await);
        let answer = Answer::of(t.http.get(t.url("/getUploadSignature")).header("origin", origin)).await;
        has_no_cors(&answer.expect(401));
    }
}

#[tokio::test]
async fn the_list_is_for_the_signature_service_alone() {
    let t = allowing().await;
    for path in ["/v1/keys", "/v1/signature-log", "/v1/revocations"] {
        has_no_cors(&preflight(&t, path, APP).await);
        let answer = Answer::of(t.http.get(t.url(path)).bearer_auth(BACKEND).header("origin", APP)).await;
        has_no_cors(&answer);
    }
}

#[tokio::test]
async fn without_a_list_no_page_may() {
    let t = TestApp::start().await;
    for path in DOORS {
        let answer = preflight(&t, path, APP).await;
        assert_eq!(answer.status, 405);
        has_no_cors(&answer);
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}
