//! The callback door by itself.

use reelgate_wire::vod::callback_sign;
use serde_json::json;

use super::{SIGN_KEY, TOKEN, receiver};
use crate::test_app::{ADMIN, Answer, BACKEND, TestApp};

async fn post(front: &TestApp, token: &str, body: Vec<u8>) -> Answer {
    Answer::of(front.http.post(front.url(&format!("/callbacks/vod/{token}"))).body(body)).await
}

fn signed(front: &TestApp, body: &str) -> Vec<u8> {
    callback_sign::signed(body.as_bytes(), SIGN_KEY, front.clock.now().seconds() + 600)
}

#[tokio::test]
async fn callbacks_are_checked_recorded_once_and_read_in_both_formats() {
    let front = receiver("http://127.0.0.1:9").await;
    let body = r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["42"]}}"#;
    post(&front, "another-token-000000", signed(&front, body)).await.expect(404);
    post(&front, TOKEN, body.as_bytes().to_vec()).await.is_problem(
        403,
        "callback_not_signed",
        "no Sign and T",
    );
    let old = callback_sign::signed(body.as_bytes(), SIGN_KEY, front.clock.now().seconds() - 1);
    post(&front, TOKEN, old).await.is_problem(403, "callback_not_signed", "past");
    let foreign = callback_sign::signed(body.as_bytes(), "Nobody", front.clock.now().seconds() + 600);
    post(&front, TOKEN, foreign).await.is_problem(403, "callback_not_signed", "does not match");
    let ours = r#"{"EventType":"reelgate.DeliveryDead","X":{}}"#;
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"EventType":""}"#,
        ours,
        r#"{"EventType":"a\u0000b"}"#,
        r#"{"EventType":"a\nb"}"#,
    ] {
        let status = post(&front, TOKEN, signed(&front, bad)).await.status;
        assert!([400, 403].contains(&status), "{bad}: {status}");
    }
    let large = post(&front, TOKEN, vec![b' '; (1 << 20) + 1]).await;
    large.is_problem(413, "too_large", "more than 1 MiB");
    post(&front, "another-token-000000", vec![b' '; (1 << 20) + 1]).await.expect(404);
    assert!(front.events().await.is_empty());

    for _ in 0..3 {
        assert_eq!(post(&front, TOKEN, signed(&front, body)).await.expect(200).json, json!({"code": 0}));
    }
    let old_format = r#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":"42","fileName":"a","metaData":{"size":5}}}"#;
    post(&front, TOKEN, signed(&front, old_format)).await.expect(200);
    let events = front.events().await;
    assert_eq!(
        events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(),
        ["FileDeleted", "NewFileUpload"]
    );
    assert_eq!(events[0].raw.as_deref(), Some(body.as_bytes()));
    assert_eq!(events[1].raw.as_deref(), Some(old_format.as_bytes()));
    let page = front.get(BACKEND, "/v1/events").await.expect(200).json;
    assert_eq!(
        page["events"][1]["data"]["FileUploadEvent"]["FileId"], "42",
        "one shape for readers by cursor"
    );
    let timeline = front.get(BACKEND, "/v1/media/42/timeline").await.expect(200).json;
    assert_eq!(timeline["entries"].as_array().unwrap().len(), 2);

    let shown = front.get(ADMIN, "/v1/receiver").await.expect(200).json;
    assert!(shown["callback_url"].as_str().unwrap().ends_with(&format!("/callbacks/vod/{TOKEN}")), "{shown}");
    assert_eq!((&shown["callbacks_checked"], &shown["pulls"]), (&json!(true), &json!(true)));
    front.get(BACKEND, "/v1/receiver").await.expect(403);
}

/// White space of the sender is kept, and in a stream a line break is syntax.
#[tokio::test]
async fn an_event_of_many_lines_is_one_message_of_the_stream() {
    let front = receiver("http://127.0.0.1:9").await;
    let body = "{\r\n \"EventType\":\r\"BrandNew\",\n\n \"BrandNewEvent\": {\"Text\": \"a\\r\\nb\"}\r}";
    post(&front, TOKEN, signed(&front, body)).await.expect(200);
    let start = front.get(BACKEND, "/v1/events?limit=1").await.expect(200).json;
    assert_eq!(start["events"][0]["type"], "BrandNew");
    let raw = front.events().await[0].raw.clone().unwrap();
    let epoch = start["next"].as_str().unwrap().split('.').next().unwrap().to_owned();
    let url = front.url(&format!("/v1/events/stream?after={epoch}.0.0"));
    let request = front.http.get(url).bearer_auth(BACKEND);
    let mut response = request.send().await.unwrap();
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = response.chunk().await.unwrap().expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let [data] = data.as_slice() else { panic!("{text}") };
    let (_, told) = data.split_once("\"data\":").unwrap();
    let kept = String::from_utf8(raw).unwrap().replace(['\r', '\n'], " ");
    assert_eq!(told.strip_suffix('}'), Some(kept.as_str()));
}

#[tokio::test]
async fn a_file_that_is_more_than_its_permission_allows_is_said_so() {
    use reelgate_wire::permission::suffix::Suffix;
    let front = receiver("http://127.0.0.1:9").await;
    let suffix = Suffix { id: [7; 12], user: "user-1".to_owned(), max_size: Some(10), ..Suffix::default() };
    let context = suffix.append_to("trace=1").unwrap();
    let body = json!({"EventType": "NewFileUpload", "FileUploadEvent": {
        "FileId": "42", "MediaBasicInfo": {"SourceInfo": {"SourceContext": context}}, "MetaData": {"Size": 11}}});
    post(&front, TOKEN, signed(&front, &body.to_string())).await.expect(200);
    assert_eq!(front.event_types().await, ["NewFileUpload", "reelgate.PermissionExceeded"]);
    let page = front.get(BACKEND, "/v1/events").await.expect(200).json;
    let upload = &page["events"][0]["data"]["FileUploadEvent"];
    assert_eq!(upload["MediaBasicInfo"]["SourceInfo"]["SourceContext"], "trace=1");
    assert_eq!(page["events"][1]["data"]["limit"], "max_size");
}

#[tokio::test]
async fn without_the_mode_there_is_no_such_door() {
    let local = TestApp::start().await;
    post(&local, TOKEN, b"{}".to_vec()).await.expect(404);
    local.get(ADMIN, "/v1/receiver").await.expect(404);
}
