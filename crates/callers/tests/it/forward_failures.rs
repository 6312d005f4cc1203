//! An app that gives no usable answer: everything refuses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use reelgate_callers::{Forward, ForwardRefusal};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::{App, Reply, TIMEOUT, headers, settings};
use crate::pass;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

async fn failed(forward: &Forward) -> String {
    let credentials = headers(&[("authorization", "Bearer hunter2"), ("cookie", "session=hunter2")]);
    let refused = forward.ask(&credentials, CLIENT, &json!({ "name": "a" })).await.unwrap_err();
    assert_eq!(refused.code(), "forward_auth_failed");
    assert!(!format!("{refused} {refused:?} {forward:?}").contains("hunter2"));
    let ForwardRefusal::Failed { name, seen } = &refused else { panic!("{refused:?}") };
    assert_eq!(name, "shop");
    assert_eq!(
        refused.to_string(),
        format!(
            "the app could not say whether this upload is allowed: shop {seen}; try again, and if it lasts, tell its \
             operator"
        )
    );
    seen.clone()
}

#[tokio::test]
async fn other_statuses_refuse() {
    for (status, seen) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "answered 500 Internal Server Error"),
        (StatusCode::NOT_FOUND, "answered 404 Not Found"),
        (StatusCode::BAD_REQUEST, "answered 400 Bad Request"),
        (StatusCode::TOO_MANY_REQUESTS, "answered 429 Too Many Requests"),
        (StatusCode::NOT_MODIFIED, "answered 304 Not Modified, and redirects are not followed"),
    ] {
        let app = App::start(Reply::Body(status, b"{}".to_vec())).await;
        assert_eq!(failed(&app.forward(Duration::ZERO)).await, seen);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = App::allowing("{}").await;
    let app = App::start(Reply::Redirect(elsewhere.url.clone())).await;
    assert_eq!(
        failed(&app.forward(Duration::ZERO)).await,
        "answered 302 Found, and redirects are not followed"
    );
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn answers_that_cannot_be_understood_refuse() {
    for body in [
        "OK",
        " ",
        "null",
        "true",
        "[]",
        r#"["alice"]"#,
        r#"{"user":"alice""#,
        r#"{"user":"alice"} {}"#,
        r#"{"user":null}"#,
        r#"{"user":7}"#,
        r#"{"usr":"alice"}"#,
        r#"{"user":"a","user":"b"}"#,
        r#"{"user":"a\u0000"}"#,
        r#"{"tags":[]}"#,
        r#"{"tags":{"a":1}}"#,
        r#"{"tags":{"a":[1]}}"#,
        r#"{"tags":{"a":["b\n"]}}"#,
        r#"{"limits":null}"#,
        r#"{"limits":[]}"#,
        r#"{"limits":[[],[],1]}"#,
        r#"{"limits":{"max_sise":1}}"#,
        r#"{"limits":{"max_size":1,"max_size":2}}"#,
        r#"{"limits":{"max_size":-1}}"#,
        r#"{"limits":{"max_size":1.5}}"#,
        r#"{"limits":{"max_size":"1"}}"#,
        r#"{"limits":{"max_duration":4294967296}}"#,
        r#"{"limits":{"types":"video/mp4"}}"#,
        r#"{"limits":{"one_time":1}}"#,
        "\u{feff}{}",
    ] {
        let app = App::allowing(body).await;
        let seen = failed(&app.forward(Duration::ZERO)).await;
        assert_eq!(seen, "allowed it with an answer that cannot be understood", "{body}");
    }
}

#[tokio::test]
async fn answers_of_more_than_64_kib_refuse() {
    let answer = |length: usize| {
        let empty = json!({ "user": "" }).to_string().len();
        json!({ "user": "x".repeat(length - empty) }).to_string()
    };
    let app = App::allowing(&answer(64 * 1024)).await;
    assert!(app.forward(Duration::ZERO).ask(&headers(&[]), CLIENT, &json!({})).await.is_ok());
    let app = App::allowing(&answer(64 * 1024 + 1)).await;
    assert_eq!(failed(&app.forward(Duration::ZERO)).await, "gave an answer longer than 64 KiB");
}

#[tokio::test]
async fn an_app_that_takes_too_long_refuses() {
    for reply in [Reply::Never, Reply::Stuck(StatusCode::OK)] {
        let app = App::start(reply).await;
        let forward = Arc::new(app.forward(Duration::ZERO));
        let waiting = tokio::spawn(async move { failed(&forward).await });
        app.was_asked(1).await;
        pass(TIMEOUT).await;
        assert_eq!(waiting.await.unwrap(), "did not answer within 600 s");
    }
}

#[tokio::test]
async fn a_no_whose_words_get_stuck_is_a_no() {
    let app = App::start(Reply::Stuck(StatusCode::FORBIDDEN)).await;
    let forward = Arc::new(app.forward(Duration::ZERO));
    let waiting =
        tokio::spawn(async move { forward.ask(&headers(&[("cookie", "a")]), CLIENT, &json!({})).await });
    app.was_asked(1).await;
    pass(TIMEOUT).await;
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), "forward_auth_refused");
}

#[tokio::test]
async fn an_app_that_is_not_there_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let forward = Forward::new(settings(&url, Duration::ZERO)).unwrap();
    assert_eq!(failed(&forward).await, "cannot be connected to");
}

#[tokio::test]
async fn an_app_that_breaks_off_refuses() {
    for start in ["HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}", "HTTP/1.1 200 OK\r\n", "junk\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4096]).await;
            connection.write_all(start.as_bytes()).await.unwrap();
        });
        let forward = Forward::new(settings(&url, Duration::ZERO)).unwrap();
        assert_eq!(failed(&forward).await, "broke off before it had answered", "{start}");
    }
}
