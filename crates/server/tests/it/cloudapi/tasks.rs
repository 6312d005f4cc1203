//! DescribeTaskDetail.

use reelgate_server::events::{Fact, render};
use serde_json::{Value, json};

use crate::flows::{self, Upload};
use crate::test_app::TestApp;

const DESCRIBE: &str = "DescribeTaskDetail";

/// The content of the last event, as a vendor-shaped reader gets it.
async fn last_event(t: &TestApp) -> Value {
    let fact: Fact = serde_json::from_str(&t.events().await.last().unwrap().fact).unwrap();
    serde_json::from_slice(&render::vendor3(&fact).unwrap().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_described_as_its_event_tells_it() {
    let Some(t) = flows::machine_clock().await else { return };
    let file = Upload::sample("LongVideoPreset").commit(&t).await;
    let id =
        t.app.store.read().await.unwrap().file_tasks(&t.scope, file, None, 1).await.unwrap().remove(0).id;
    let waiting = t.cloud(DESCRIBE, json!({"TaskId": id})).await;
    assert_eq!((&waiting["TaskType"], &waiting["Status"]), (&json!("Procedure"), &json!("WAITING")));
    assert_eq!((&waiting["BeginProcessTime"], &waiting["FinishTime"]), (&json!(""), &json!("")));
    assert_eq!(waiting["ProcedureTask"]["Status"], "PROCESSING");

    flows::work_off(&t).await;
    let ended = t.cloud(DESCRIBE, json!({"TaskId": id})).await;
    assert_eq!(ended["Status"], "FINISH");
    assert!(ended["FinishTime"].as_str().unwrap() >= ended["CreateTime"].as_str().unwrap());
    assert_eq!(ended["ProcedureTask"], last_event(&t).await["ProcedureStateChangeEvent"]);

    t.cloud("DeleteMedia", json!({"FileId": file.to_string()})).await;
    assert_eq!(t.cloud(DESCRIBE, json!({"TaskId": id})).await["Status"], "FINISH");
}

#[tokio::test]
async fn unknown_tasks_and_those_of_others_are_refused_alike() {
    let t = TestApp::start().await;
    for id in ["1300000001-procedurev2-0t0", "'", "任务"] {
        t.cloud_refuses(DESCRIBE, json!({"TaskId": id}), "InvalidParameterValue.TaskId").await;
    }
    t.cloud_refuses(DESCRIBE, json!({"TaskId": "\u{0}"}), "InvalidParameter").await;
    t.cloud_refuses(DESCRIBE, json!({"TaskId": ""}), "MissingParameter").await;
}
