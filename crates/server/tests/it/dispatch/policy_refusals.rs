//! More than a policy allows is refused, with a code, a status and a sentence that names the policy.

use serde_json::{Value, json};

use super::{SIGN, start};
use crate::test_app::{BACKEND, TestApp};

fn creators() -> Value {
    json!([{
        "name": "creators", "procedures": ["LongVideoPreset", ""], "types": ["mp4", "mov"], "max_size": 1_000,
        "max_duration": 60, "class_ids": [5, 7], "storage_region": "ap-guangzhou", "max_validity": 200,
        "one_time": true,
    }])
}

async fn server() -> TestApp {
    start(&[("POLICIES", creators())]).await
}

#[tokio::test]
async fn more_than_the_policy_allows_is_refused_in_its_name() {
    let t = server().await;
    for (order, code, sentence) in [
        (
            json!({"procedure": "ReelgateShortVideo"}),
            "procedure_not_allowed",
            "procedure \"ReelgateShortVideo\" is not among those that policy \"creators\" allows: \
             \"LongVideoPreset\", \"\"",
        ),
        (
            json!({"types": ["mp4", ".AVI"]}),
            "type_not_allowed",
            "type \"avi\" is not among those that policy \"creators\" allows: mp4, mov",
        ),
        (
            json!({"max_size": 1_001}),
            "max_size_out_of_range",
            "max_size 1001 is outside 1 to 1000, the largest file that policy \"creators\" allows",
        ),
        (
            json!({"max_duration": 61}),
            "max_duration_out_of_range",
            "max_duration 61 is outside 1 to 60 s, the longest video that policy \"creators\" allows",
        ),
        (
            json!({"class_id": 6}),
            "class_id_not_allowed",
            "class_id 6 is not among those that policy \"creators\" allows: 5, 7",
        ),
        (
            json!({"storage_region": "ap-shanghai"}),
            "storage_region_not_allowed",
            "storage_region \"ap-shanghai\" is not \"ap-guangzhou\", the only one that policy \"creators\" allows",
        ),
        (
            json!({"valid_seconds": 201}),
            "validity_out_of_range",
            "valid_seconds 201 is outside the 1 to 200 that policy \"creators\" allows; no signature is good for \
             more than 7776000 (90 days)",
        ),
        (
            json!({"one_time": false}),
            "one_time_only",
            "one_time false is more than policy \"creators\" allows: every signature opens one upload only; leave \
             it out",
        ),
    ] {
        let answer = t.post(BACKEND, SIGN, order.clone()).await;
        answer.is_problem(422, code, "");
        assert_eq!(answer.json["detail"], sentence, "{order}");
        assert_eq!(answer.header("retry-after"), "");
    }
}

#[tokio::test]
async fn less_than_anything_is_refused_too() {
    let t = server().await;
    for (order, code, words) in [
        (json!({"max_size": 0}), "max_size_out_of_range", "max_size 0 is outside 1 to 1000"),
        (json!({"max_duration": 0}), "max_duration_out_of_range", "max_duration 0 is outside 1 to 60 s"),
        (json!({"valid_seconds": 0}), "validity_out_of_range", "valid_seconds 0 is outside the 1 to 200"),
        (json!({"class_id": -1}), "class_id_out_of_range", "class_id -1 is negative; 0 means no category"),
    ] {
        t.post(BACKEND, SIGN, order).await.is_problem(422, code, words);
    }
}

#[tokio::test]
async fn what_is_unknown_is_told_apart_from_what_is_not_allowed() {
    let t = server().await;
    let answer = t.post(BACKEND, SIGN, json!({"procedure": "nothing"})).await;
    let sentence = "procedure \"nothing\" is not known; known are LongVideoPreset, ReelgateShortVideo";
    answer.is_problem(422, "procedure_unknown", sentence);
    let answer = t.post(BACKEND, SIGN, json!({"storage_region": "../x"})).await;
    let sentence = "storage_region \"../x\" is not a region name such as ap-guangzhou";
    answer.is_problem(422, "storage_region_out_of_range", sentence);
}

#[tokio::test]
async fn the_sample_service_is_held_to_the_policy_too() {
    let t = server().await;
    for (query, words) in [
        ("procedure=ReelgateShortVideo", "that policy \"creators\" allows"),
        ("oneTimeValid=0", "one_time false is more than policy \"creators\" allows"),
        ("validSeconds=201", "valid_seconds 201 is outside the 1 to 200"),
        ("maxSize=1001", "max_size 1001"),
        ("maxDuration=61", "max_duration 61"),
        ("classId=6", "class_id 6"),
        ("storageRegion=ap-shanghai", "storage_region \"ap-shanghai\""),
    ] {
        let answer = t.get(BACKEND, &format!("/getUploadSignature?{query}")).await;
        assert_eq!((answer.status, &answer.json["code"]), (422, &json!(422)), "{}", answer.text);
        assert!(answer.json["message"].as_str().unwrap().contains(words), "{}", answer.text);
    }
}
