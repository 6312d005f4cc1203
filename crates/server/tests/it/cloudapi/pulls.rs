//! The vendor's queue through the door, and what the timeline tells of it.

use serde_json::{Value, json};

use super::Call;
use crate::test_app::{BACKEND, TestApp};

async fn ask(t: &TestApp, action: &str, body: Value) -> Value {
    Call::of(action, &body).send(t).await.expect(200).json["Response"].clone()
}

#[tokio::test]
async fn what_is_pulled_and_confirmed_is_in_the_timeline() {
    let t = TestApp::start().await;
    assert_eq!(ask(&t, "DescribeEventConfig", json!({})).await["Mode"], "PUSH");
    let made = t.post(BACKEND, "/v1/events/trigger", json!({"type": "NewFileUpload"})).await.expect(202).json;
    let file = made["file_id"].as_str().unwrap();
    let pulled = ask(&t, "PullEvents", json!({})).await;
    assert_eq!(pulled["EventSet"][0]["FileUploadEvent"]["FileId"], file, "{pulled}");
    let seen = async || {
        let timeline = t.get(BACKEND, &format!("/v1/media/{file}/timeline")).await.expect(200).json;
        let entries = timeline["entries"].as_array().unwrap().clone();
        let pulls = entries.into_iter().filter(|entry| entry["kind"] == "pull");
        pulls.map(|entry| (entry["title"].clone(), entry["detail"].clone())).collect::<Vec<_>>()
    };
    let detail = json!({"event_id": made["event_id"], "pulls": 1});
    let first = (json!("NewFileUpload pulled"), detail.clone());
    assert_eq!(seen().await, std::slice::from_ref(&first));
    let handle = &pulled["EventSet"][0]["EventHandle"];
    let confirmed = ask(&t, "ConfirmEvents", json!({"EventHandles": [handle]})).await;
    assert!(confirmed["Error"].is_null(), "{confirmed}");
    assert_eq!(seen().await, [first, (json!("NewFileUpload confirmed"), detail)]);
}
