//! Where the door is, beside others on one port.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Call, is_refusal};
use crate::server_process::{Launch, Server};
use crate::test_app::{Answer, TestApp};

#[tokio::test]
async fn one_port_serves_the_api_by_path_and_by_host_and_the_console() {
    let t = TestApp::start().await;
    let to_console = Answer::of(t.http.get(t.url("/"))).await.expect(303);
    assert_eq!(to_console.header("location"), "/console/");
    is_refusal(&Answer::of(t.http.get(t.url("/?Action=PullEvents"))).await, "MissingParameter", "not signed");
    let header = t.http.get(t.url("/")).header("x-tc-action", "PullEvents");
    is_refusal(&Answer::of(header).await, "MissingParameter", "not signed");
    for path in ["/", "/v1/upload-signatures", "/console/", "/anything"] {
        for method in [http::Method::GET, http::Method::POST, http::Method::PUT] {
            let request =
                t.http.request(method.clone(), t.url(path)).header("host", "vod.tencentcloudapi.com");
            let code = if method == "PUT" { "UnsupportedProtocol" } else { "MissingParameter" };
            is_refusal(&Answer::of(request).await, code, "");
        }
    }
}

#[tokio::test]
async fn in_front_of_the_real_cloud_the_door_is_closed() {
    let settings = [
        ("REELGATE_MODE", "tencent"),
        ("REELGATE_TENCENT__SECRET_ID", "AKIDofTheAccountInTheCloud0000000001"),
        ("REELGATE_TENCENT__SECRET_KEY", "keyOfTheAccountInTheCloud0000001"),
    ];
    let t = TestApp::with(&settings, reelgate_model::Clock::manual(crate::test_app::START)).await;
    assert!(t.app.config.mode.is_tencent());
    let answer = Call::of("DescribeMediaInfos", &json!({"FileIds": ["1"]})).send(&t).await;
    assert_eq!(answer.status, 405, "{}", answer.text);
}

#[tokio::test]
async fn the_access_log_names_actions_and_codes_and_never_a_query() {
    let dir = tempfile::tempdir().unwrap();
    let launch = Launch { directory: dir.path(), name: "a", config: "", environment: &[] };
    let mut server = Server::start(launch).await;
    let query = "Action=DescribeMediaInfos&SecretId=AKIDx&Signature=hidden&Nonce=1&Timestamp=1700000000";
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("http://{}/?{query}", server.address)).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("AuthFailure.SecretIdNotFound"));
    let line = async {
        loop {
            let log = std::fs::read_to_string(&server.access_log).unwrap();
            if let Some(line) = log.lines().find(|line| line.contains("\"action\"")) {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let line = tokio::time::timeout(Duration::from_secs(10), line).await.unwrap();
    let logged: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&logged["path"], &logged["code"]), (&json!("/"), &json!("AuthFailure.SecretIdNotFound")));
    assert!(!line.contains("hidden") && !line.contains("AKIDx"), "{line}");
    server.kill().await;
}
