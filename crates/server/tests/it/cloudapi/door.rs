//! Where the door is, beside others on one port.

use serde_json::json;

use super::{Call, is_refusal};
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
