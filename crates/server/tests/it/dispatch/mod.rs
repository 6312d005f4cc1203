//! The signature service over HTTP: who asks, what they may have, what was answered, and what is taken back.

mod anonymous;
mod batch;
mod callers;
mod callers_app;
mod cors;
mod directory;
mod explain;
mod forward;
mod issuer;
mod jwt;
mod key_rotation;
mod nul;
mod outage;
mod policies;
mod policy_refusals;
mod rates;
mod refusals;
mod revocations;
mod revoked_uploads;
mod sample;
mod secret_ids;
mod signature_log;
mod tampering;
mod tencent;

use reelgate_model::Clock;
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::{Parameters, Unverified};
use serde_json::{Value, json};

use crate::test_app::{ADMIN, Answer, BACKEND, SECRET_ID, SECRET_KEY, START, TestApp};

/// Where signatures are asked for.
const SIGN: &str = "/v1/upload-signatures";

/// A server whose section `dispatch` says this.
async fn start(settings: &[(&str, Value)]) -> TestApp {
    start_with(settings, &[]).await
}

/// The same with settings of other sections, as environment variables.
async fn start_with(settings: &[(&str, Value)], others: &[(&str, &str)]) -> TestApp {
    let written = settings.iter().map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (format!("REELGATE_DISPATCH__{key}"), text)
    });
    let written: Vec<_> = written.collect();
    let written = written.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let all: Vec<_> = written.chain(others.iter().copied()).collect();
    TestApp::with(&all, Clock::manual(START)).await
}

/// An order with these headers and no others.
async fn ask(t: &TestApp, headers: &[(&str, &str)], order: Value) -> Answer {
    let request = t.http.post(t.url(SIGN)).json(&order);
    Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// The `Authorization` header for `token`.
fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// What is signed, checked with the tests' own key.
#[track_caller]
fn verified(signature: &Value) -> Parameters {
    let text = signature.as_str().unwrap_or_else(|| panic!("no signature: {signature}"));
    let unverified = Unverified::decode(text).unwrap();
    assert_eq!(unverified.secret_id(), SECRET_ID);
    unverified.verify(SECRET_KEY.as_bytes()).unwrap().parameters().clone()
}

/// What an answer has signed.
#[track_caller]
fn signed_by(answer: &Answer) -> Parameters {
    assert_eq!(answer.status, 200, "{}", answer.text);
    verified(&answer.json["signature"])
}

/// The permission inside it.
#[track_caller]
fn permission_of(answer: &Answer) -> Permission {
    Permission::parse(signed_by(answer).reelgate.as_deref().unwrap()).unwrap()
}

/// A signature that a backend is given for this order.
async fn signature(t: &TestApp, order: Value) -> (String, Permission) {
    let answer = t.post(BACKEND, SIGN, order).await;
    (answer.json["signature"].as_str().unwrap().to_owned(), permission_of(&answer))
}

/// A new API key: its id and itself.
async fn new_key(t: &TestApp, body: Value) -> (String, String) {
    let made = t.post(ADMIN, "/v1/keys", body).await.expect(200);
    let text = |name: &str| made.json[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// The other application of the account.
const OTHER: i64 = 1_500_000_077;

/// Makes [`OTHER`].
async fn make_other_app(t: &TestApp) {
    let app = json!({"id": OTHER.to_string(), "name": "other"});
    t.post(ADMIN, "/v1/apps", app).await.expect(200);
}
