//! An issuer whose keys cannot be fetched: what is answered, how often it is asked, and what stays valid.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use reelgate_callers::{Jwt, JwtKeys};
use serde_json::json;
use tokio::net::TcpListener;

use crate::issuer::{Answer, FLOOR, KeyServer, MAX_AGE, OTHER_RSA, RSA, TIMEOUT, claims, settings};
use crate::{NOW, pass};

async fn code(jwt: &Jwt, token: &str) -> &'static str {
    jwt.verify(token, NOW).await.map_or_else(|refusal| refusal.code(), |_| "accepted")
}

fn useless_answers() -> Vec<Answer> {
    vec![
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::Status(StatusCode::NOT_FOUND),
        Answer::Status(StatusCode::NO_CONTENT),
        Answer::Redirect("/keys".to_owned()),
        Answer::Body(b"<html>".to_vec()),
        Answer::Body(b"[]".to_vec()),
        Answer::Body(json!([[RSA.jwk("a")]]).to_string().into_bytes()),
        Answer::Body(json!({ "keys": RSA.jwk("a") }).to_string().into_bytes()),
        Answer::Keys(vec![]),
        Answer::Keys(vec![json!({ "kty": "oct", "k": "AAAA" })]),
        // Good keys, but behind more than 1 MiB.
        Answer::Keys(vec![json!({ "pad": "x".repeat(1024 * 1024) }), RSA.jwk("a")]),
    ]
}

#[tokio::test]
async fn without_any_keys_the_refusal_is_temporary_and_the_issuer_is_left_alone_for_a_while() {
    for answer in useless_answers() {
        let server = KeyServer::start(answer).await;
        let jwt = server.jwt();
        let token = RSA.token(Some("a"), &claims());
        let refused = jwt.verify(&token, NOW).await.unwrap_err();
        assert_eq!(refused.code(), "jwt_keys_unavailable");
        assert!(refused.is_temporary());
        assert_eq!(
            refused.to_string(),
            "the keys of sso cannot be fetched at the moment; try again in a minute, the server's log says why"
        );
        for _ in 0..10 {
            assert_eq!(code(&jwt, &token).await, "jwt_keys_unavailable");
        }
        assert_eq!(server.fetches(), 1);
        server.answers(Answer::Keys(vec![RSA.jwk("a")]));
        pass(FLOOR).await;
        assert_eq!(code(&jwt, &token).await, "accepted");
        assert_eq!(server.fetches(), 2);
    }
}

#[tokio::test]
async fn an_answer_of_just_1_mib_is_read() {
    let document =
        |pad: usize| json!({ "keys": [RSA.jwk("a")], "pad": "x".repeat(pad) }).to_string().into_bytes();
    let exact = document(1024 * 1024 - document(0).len());
    assert_eq!(exact.len(), 1024 * 1024);
    let server = KeyServer::start(Answer::Body(exact)).await;
    assert_eq!(code(&server.jwt(), &RSA.token(Some("a"), &claims())).await, "accepted");
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_in_time_is_given_up() {
    let server = KeyServer::start(Answer::Never).await;
    let jwt = Arc::new(server.jwt());
    let waiting = tokio::spawn({
        let jwt = Arc::clone(&jwt);
        async move { code(&jwt, &RSA.token(Some("a"), &claims())).await }
    });
    server.fetched(1).await;
    pass(TIMEOUT).await;
    assert_eq!(waiting.await.unwrap(), "jwt_keys_unavailable");
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    drop(listener);
    let keys = JwtKeys::Jwks { url, refresh_floor: FLOOR, max_age: MAX_AGE, timeout: TIMEOUT };
    let jwt = Jwt::new(settings(keys)).unwrap();
    assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "jwt_keys_unavailable");
}

#[tokio::test]
async fn old_keys_serve_while_the_issuer_is_down() {
    for answer in useless_answers() {
        let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a")])).await;
        let jwt = server.jwt();
        let (remembered, fresh) = (RSA.token(Some("a"), &claims()), RSA.token(None, &claims()));
        assert_eq!(code(&jwt, &remembered).await, "accepted");
        server.answers(answer);
        pass(MAX_AGE + Duration::from_secs(1)).await;
        // Names a key nobody has, and so waits for the fetch and its failure.
        assert_eq!(code(&jwt, &RSA.token(Some("x"), &claims())).await, "jwt_key_unknown");
        assert_eq!(server.fetches(), 2);
        assert_eq!(code(&jwt, &remembered).await, "accepted");
        assert_eq!(code(&jwt, &fresh).await, "accepted");
        assert_eq!(server.fetches(), 2, "not again within the floor");
        pass(10 * MAX_AGE).await;
        assert_eq!(code(&jwt, &RSA.token(Some("x"), &claims())).await, "jwt_key_unknown");
        assert_eq!(server.fetches(), 3);
        assert_eq!(code(&jwt, &remembered).await, "accepted");
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_end_the_fetch() {
    let server = KeyServer::start(Answer::Wait(vec![RSA.jwk("a")])).await;
    let jwt = Arc::new(server.jwt());
    let impatient = tokio::spawn({
        let jwt = Arc::clone(&jwt);
        async move { code(&jwt, &RSA.token(Some("a"), &claims())).await }
    });
    server.fetched(1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    server.release();
    assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "accepted");
    assert_eq!(code(&jwt, &OTHER_RSA.token(Some("a"), &claims())).await, "jwt_signature");
    assert_eq!(server.fetches(), 1);
}
