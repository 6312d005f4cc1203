//! What an app is asked, how its answers narrow, and how long they hold.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use reelgate_callers::{Answer, ForwardRefusal, Narrowing};
use serde_json::json;

use crate::app::{App, Reply, headers};
use crate::pass;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
const HOLD: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_app_sees_the_credentials_and_the_question() {
    let app = App::allowing("").await;
    let forward = app.forward(Duration::ZERO);
    let sent = headers(&[
        ("authorization", "Bearer abc"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-other", "private"),
        ("accept", "text/html"),
        ("user-agent", "browser"),
        ("x-forwarded-for", "10.9.9.9"),
        ("host", "evil.example"),
    ]);
    let wanted = json!({ "name": "holiday.mp4", "size": 7 });
    let answer = forward.ask(&sent, CLIENT, &wanted).await.unwrap();
    assert_eq!(*answer, Answer::default());

    let asked = app.asked().remove(0);
    assert_eq!(asked.body, json!({ "client": "203.0.113.9", "upload": wanted }));
    let values = |name: &str| -> Vec<String> {
        asked.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("authorization"), ["Bearer abc"]);
    assert_eq!(values("cookie"), ["a=1", "b=2"]);
    assert_eq!(values("accept"), ["application/json"]);
    assert_eq!(values("content-type"), ["application/json"]);
    assert_eq!(values("user-agent"), [concat!("reelgate/", env!("CARGO_PKG_VERSION"))]);
    assert_eq!(values("x-forwarded-for"), ["203.0.113.9"]);
    assert_eq!(values("host"), [app.url.trim_start_matches("http://").trim_end_matches("/may-upload")]);
    assert!(values("x-other").is_empty());
}

#[tokio::test]
async fn somebody_with_one_of_the_headers_is_recognised() {
    let forward = App::allowing("").await.forward(Duration::ZERO);
    assert!(forward.recognises(&headers(&[("cookie", "a=1")])));
    assert!(forward.recognises(&headers(&[("authorization", "x"), ("accept", "y")])));
    assert!(!forward.recognises(&headers(&[("accept", "y")])));
    assert!(!forward.recognises(&headers(&[])));
    assert_eq!(forward.name(), "shop");
}

#[tokio::test]
async fn answers_name_the_caller_and_narrow() {
    let everything = json!({
        "user": "alice",
        "tags": { "team": "red", "roles": ["editor", "viewer"], "none": [] },
        "limits": {
            "procedures": ["Short"], "types": [], "max_size": u64::MAX, "max_duration": 60, "max_validity": 900,
            "one_time": true, "daily_uploads": 5, "daily_bytes": 1_000_000, "open_sessions": 2,
            "bytes_in_flight": 500, "addresses": 1,
        },
    });
    let narrowing = Narrowing {
        procedures: Some(vec!["Short".to_owned()]),
        types: Some(Vec::new()),
        max_size: Some(u64::MAX),
        max_duration: Some(60),
        max_validity: Some(900),
        one_time: Some(true),
        daily_uploads: Some(5),
        daily_bytes: Some(1_000_000),
        open_sessions: Some(2),
        bytes_in_flight: Some(500),
        addresses: Some(1),
    };
    let tags = [("team", vec!["red"]), ("roles", vec!["editor", "viewer"]), ("none", vec![])];
    let tags = tags.map(|(tag, values)| (tag.to_owned(), values.into_iter().map(str::to_owned).collect()));
    let full = Answer { user: "alice".to_owned(), tags: tags.into(), limits: narrowing };
    let size =
        Answer { limits: Narrowing { max_size: Some(1), ..Narrowing::default() }, ..Answer::default() };
    for (status, body, expected) in [
        (StatusCode::OK, everything.to_string(), full),
        (StatusCode::CREATED, r#" {"limits":{"max_size":1,"one_time":null}} "#.to_owned(), size),
        (StatusCode::OK, "{}".to_owned(), Answer::default()),
        (StatusCode::OK, String::new(), Answer::default()),
        (StatusCode::NO_CONTENT, String::new(), Answer::default()),
    ] {
        let app = App::start(Reply::Body(status, body.clone().into())).await;
        let answer = app.forward(Duration::ZERO).ask(&headers(&[("cookie", "a")]), CLIENT, &json!({})).await;
        assert_eq!(*answer.unwrap(), expected, "{body}");
    }
}

#[tokio::test]
async fn the_apps_no_is_passed_on_in_its_own_words() {
    let silent = "the app refused this upload without saying why; ask its operator";
    for (status, body, expected) in [
        (StatusCode::UNAUTHORIZED, r#"{"message":"please sign in"}"#, "please sign in"),
        (StatusCode::FORBIDDEN, r#"{"detail":"no credit left\r\nbuy some"}"#, "no credit left  buy some"),
        (StatusCode::FORBIDDEN, r#"{"error":"\u001b[31mno\u0007"}"#, "[31mno"),
        (StatusCode::FORBIDDEN, "uploads are closed", "uploads are closed"),
        (StatusCode::UNAUTHORIZED, "", silent),
        (StatusCode::FORBIDDEN, &"é".repeat(50_000), &"é".repeat(300)),
    ] {
        let app = App::start(Reply::Body(status, body.into())).await;
        let answer = app.forward(HOLD).ask(&headers(&[("cookie", "a")]), CLIENT, &json!({})).await;
        let refused = answer.unwrap_err();
        assert_eq!(refused, ForwardRefusal::Refused { status, message: expected.to_owned() });
        assert_eq!(refused.code(), "forward_auth_refused");
        assert_eq!(refused.to_string(), expected);
    }
}

#[tokio::test]
async fn an_answer_holds_for_its_credentials_its_client_and_its_question() {
    let app = App::allowing(r#"{"user":"alice"}"#).await;
    let forward = app.forward(HOLD);
    let (mine, wanted) =
        (headers(&[("authorization", "Bearer a"), ("cookie", "s=1")]), json!({ "a": 1, "b": 2 }));
    let first = forward.ask(&mine, CLIENT, &wanted).await.unwrap();
    let reordered = json!({ "b": 2, "a": 1 });
    let again = forward.ask(&mine, CLIENT, &reordered).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(app.asked().len(), 1);

    let mut asked = 1;
    for (headers, client, wanted) in [
        (headers(&[("authorization", "Bearer b"), ("cookie", "s=1")]), CLIENT, wanted.clone()),
        (headers(&[("authorization", "Bearer a"), ("cookie", "s=2")]), CLIENT, wanted.clone()),
        (headers(&[("authorization", "Bearer a")]), CLIENT, wanted.clone()),
        (mine.clone(), "203.0.113.10".parse().unwrap(), wanted.clone()),
        (mine.clone(), CLIENT, json!({ "a": 1, "b": 3 })),
        (mine.clone(), CLIENT, json!({ "a": 1, "b": "2" })),
    ] {
        forward.ask(&headers, client, &wanted).await.unwrap();
        asked += 1;
        assert_eq!(app.asked().len(), asked, "{headers:?} {client} {wanted}");
    }
    forward.ask(&mine, CLIENT, &wanted).await.unwrap();
    assert_eq!(app.asked().len(), asked, "the first answer still holds");
}

#[tokio::test]
async fn an_answer_holds_exactly_as_long_as_it_may() {
    let app = App::allowing("").await;
    let forward = app.forward(HOLD);
    let ask = async || forward.ask(&headers(&[("cookie", "a")]), CLIENT, &json!({})).await.is_ok();
    assert!(ask().await);
    pass(HOLD - Duration::from_secs(5)).await;
    assert!(ask().await);
    assert_eq!(app.asked().len(), 1);
    app.replies(Reply::Body(StatusCode::FORBIDDEN, Vec::new()));
    pass(Duration::from_secs(5)).await;
    assert!(!ask().await, "the app has changed its mind");
    assert_eq!(app.asked().len(), 2);
}

#[tokio::test]
async fn without_a_cache_every_upload_is_asked_for() {
    let app = App::allowing("").await;
    let forward = app.forward(Duration::ZERO);
    for count in 1..4 {
        forward.ask(&headers(&[("cookie", "a")]), CLIENT, &json!({})).await.unwrap();
        assert_eq!(app.asked().len(), count);
    }
}

#[tokio::test]
async fn refusals_are_never_remembered() {
    let app = App::start(Reply::Body(StatusCode::FORBIDDEN, b"not yet".to_vec())).await;
    let forward = app.forward(HOLD);
    let ask = async || forward.ask(&headers(&[("cookie", "a")]), CLIENT, &json!({})).await.is_ok();
    assert!(!ask().await);
    app.replies(Reply::Body(StatusCode::BAD_GATEWAY, Vec::new()));
    assert!(!ask().await);
    app.replies(Reply::Body(StatusCode::OK, b"garbage".to_vec()));
    assert!(!ask().await);
    app.replies(Reply::Body(StatusCode::OK, Vec::new()));
    assert!(ask().await);
    app.replies(Reply::Body(StatusCode::FORBIDDEN, Vec::new()));
    assert!(ask().await, "the allowing answer holds");
    assert_eq!(app.asked().len(), 4);
}

#[tokio::test]
async fn one_connection_serves_one_question_after_the_other() {
    let app = App::allowing(r#"{"user":"alice"}"#).await;
    let forward = app.forward(Duration::ZERO);
    for number in 0..20 {
        if number == 10 {
            app.replies(Reply::Body(StatusCode::FORBIDDEN, b"no".to_vec()));
        }
        let answer = forward.ask(&headers(&[("cookie", "a")]), CLIENT, &json!({ "number": number })).await;
        assert_eq!(answer.is_ok(), number < 10);
    }
    assert_eq!(app.asked().len(), 20);
    assert_eq!(app.connections(), 1);
}
