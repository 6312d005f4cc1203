//! Endpoints and deliveries through `/v1`.

use std::time::Duration;

use http::Method;
use reelgate_server::upkeep;
use serde_json::{Value, json};

use super::FILE;
use super::receiver::{Receiver, answer};
use super::served::Served;

const ENDPOINTS: &str = "/v1/event-endpoints";

async fn make(served: &Served, wanted: Value) -> (String, Value) {
    let (status, made) = served.call(Method::POST, ENDPOINTS, Some(wanted)).await;
    assert_eq!(status, 201, "{made}");
    (made["endpoint"]["id"].as_str().unwrap().to_owned(), made)
}

#[tokio::test]
async fn endpoints_are_made_changed_listed_and_removed() {
    let served = Served::new().await;
    for (wanted, code) in [
        (json!({"url": "http://10.0.0.1/"}), "endpoint_not_public"),
        (json!({"url": "http://127.0.0.1:9/", "shape": "xml"}), "endpoint_shape_unknown"),
        (json!({"url": "http://127.0.0.1:9/", "order": "random"}), "endpoint_order_unknown"),
        (json!({"url": "http://127.0.0.1:9/", "types": []}), "event_types_malformed"),
        (json!({"url": "http://127.0.0.1:9/", "types": ["a,b"]}), "event_types_malformed"),
        (json!({"url": "http://127.0.0.1:9/", "secret": "with space"}), "endpoint_secret_malformed"),
        (
            json!({"url": "http://127.0.0.1:9/", "shape": "standard", "secret": "x"}),
            "endpoint_secret_malformed",
        ),
    ] {
        let (status, problem) = served.call(Method::POST, ENDPOINTS, Some(wanted.clone())).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some(code)), "{wanted}");
    }
    let (one, made) = make(&served, json!({"url": "http://127.0.0.1:9/one?token=hush"})).await;
    assert_eq!(made["secret"], Value::Null, "the vendor's shapes are signed when a key is given");
    assert_eq!((&made["endpoint"]["shape"], &made["endpoint"]["types"]), (&json!("vendor3"), &json!(["*"])));
    let wanted = json!({"url": "http://127.0.0.1:9/two", "shape": "standard", "order": "none", "types": ["*", "reelgate.*"]});
    let (two, made) = make(&served, wanted).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "Standard Webhooks always sign");
    let path = format!("{ENDPOINTS}/{two}");
    let (status, changed) = served.call(Method::PATCH, &path, Some(json!({"order": "file"}))).await;
    assert_eq!(
        (status, &changed["order"], &changed["url"]),
        (200, &json!("file"), &json!("http://127.0.0.1:9/two"))
    );

    let (status, problem) = served.call(Method::PATCH, &path, Some(json!({"shape": "vendor2"}))).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("conflict")), "its secret would not fit");
    let other = format!("{ENDPOINTS}/{one}");
    let (status, changed) = served.call(Method::PATCH, &other, Some(json!({"shape": "vendor2"}))).await;
    assert_eq!((status, &changed["shape"]), (200, &json!("vendor2")));

    let rotate = format!("{path}/rotate-secret");
    let (status, rotated) = served.call(Method::POST, &rotate, Some(json!({"overlap_seconds": 60}))).await;
    assert_eq!(status, 200);
    assert_eq!(rotated["endpoint"]["secrets"].as_array().unwrap().len(), 2);
    assert_eq!(served.call(Method::POST, &rotate, Some(json!({"overlap_seconds": 9_999_999}))).await.0, 422);
    let (_, listed) = served.call(Method::GET, ENDPOINTS, None).await;
    let text = listed.to_string();
    assert_eq!(listed["endpoints"].as_array().unwrap().len(), 2);
    for told in [&secret, rotated["secret"].as_str().unwrap()] {
        assert!(!text.contains(told), "a secret is told once");
    }
    let (status, disabled) = served.call(Method::POST, &format!("{path}/disable"), None).await;
    assert_eq!((status, &disabled["state"]), (200, &json!("disabled")));
    assert_eq!(served.call(Method::POST, &format!("{path}/test"), None).await.0, 409);
    let (_, enabled) = served.call(Method::POST, &format!("{path}/enable"), None).await;
    assert_eq!((&enabled["state"], &enabled["disabled_reason"]), (&json!("ok"), &json!("")));
    assert_eq!(served.call(Method::DELETE, &format!("{ENDPOINTS}/{one}"), None).await.0, 204);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(served.call(method, &format!("{ENDPOINTS}/{one}"), None).await.0, 404);
    }
    let stranger = served.http.get(format!("{}{ENDPOINTS}", served.url)).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn a_test_goes_to_one_endpoint_and_a_trigger_to_all() {
    let served = Served::new().await;
    let (one, two) = (Receiver::start(|_, _| answer(200)).await, Receiver::start(|_, _| answer(200)).await);
    let (id, _) = make(&served, json!({"url": one.url})).await;
    make(&served, json!({"url": two.url})).await;
    let (status, test) = served.call(Method::POST, &format!("{ENDPOINTS}/{id}/test"), None).await;
    assert_eq!(status, 202);
    while served.bench.step().await > 0 {}
    assert_eq!((one.received().len(), two.received().len()), (1, 0));
    let came = one.received().remove(0);
    assert_eq!(came.header("reelgate-event-id"), test["event_id"].as_str().unwrap());
    assert_eq!(came.header("reelgate-event-test"), "true");
    assert_eq!(came.body["EventType"], "NewFileUpload");
    assert_eq!(came.body["FileUploadEvent"]["MediaBasicInfo"]["Name"], "reelgate-test");

    let trigger = json!({"type": "NewFileUpload"});
    let (status, told) = served.call(Method::POST, "/v1/events/trigger", Some(trigger)).await;
    assert_eq!(status, 202);
    while served.bench.step().await > 0 {}
    assert_eq!((one.received().len(), two.received().len()), (2, 1));
    assert_eq!(two.received()[0].body["FileUploadEvent"]["FileId"], told["file_id"]);
    let unknown = served.call(Method::POST, "/v1/events/trigger", Some(json!({"type": "Rain"}))).await;
    assert_eq!((unknown.0, unknown.1["code"].as_str()), (422, Some("event_type_unknown")));
}

#[tokio::test]
async fn dead_letters_are_listed_explained_and_sent_again() {
    let served = Served::new().await;
    let receiver = Receiver::start(|before, _| answer(if before < 3 { 500 } else { 200 })).await;
    let (id, _) = make(&served, json!({"url": receiver.url})).await;
    served.bench.happen(FILE, "one").await;
    for _ in 0..3 {
        assert_eq!(served.bench.step().await, 1);
        served.bench.pass(Duration::from_secs(12));
    }
    served.bench.happen(FILE, "two").await;
    assert_eq!(served.bench.step().await, 1, "a dead letter has released its file");
    let (_, page) = served.call(Method::GET, "/v1/deliveries?state=dead", None).await;
    let dead = page["deliveries"][0].clone();
    assert_eq!((&dead["type"], &dead["attempts"]), (&json!("ProcedureStateChanged"), &json!(3)));
    assert!(dead["reason"].as_str().unwrap().contains("500"), "{dead}");
    let (_, shown) = served.call(Method::GET, &format!("{ENDPOINTS}/{id}"), None).await;
    assert_eq!((&shown["dead"], &shown["pending"]), (&json!(1), &json!(0)));

    let path = format!("/v1/deliveries/{}", dead["id"].as_str().unwrap());
    let (_, whole) = served.call(Method::GET, &path, None).await;
    let tries = whole["tries"].as_array().unwrap();
    assert_eq!(tries.len(), 3);
    assert_eq!((&tries[0]["status"], &tries[0]["answer"]), (&json!(500), &json!("seen")));
    let (status, again) = served.call(Method::POST, &format!("{path}/replay"), None).await;
    assert_eq!((status, &again["state"], &again["attempts"]), (202, &json!("pending"), &json!(0)));
    assert_eq!(served.call(Method::POST, &format!("{path}/replay"), None).await.0, 409, "it is on its way");
    assert_eq!(served.bench.step().await, 1);
    assert_eq!(receiver.tasks(), ["one", "one", "one", "two", "one"]);
    let (_, whole) = served.call(Method::GET, &path, None).await;
    assert_eq!((&whole["state"], whole["tries"].as_array().unwrap().len()), (&json!("delivered"), 4));

    let replay = json!({"file_id": FILE.to_string()});
    let (status, replays) = served.call(Method::POST, "/v1/events/replay", Some(replay)).await;
    assert_eq!((status, &replays["replays"][0]["endpoint_id"]), (202, &json!(id)));
    while served.bench.step().await > 0 {}
    assert_eq!(receiver.tasks()[5..], ["one", "two"]);
    for (query, status) in
        [("state=lost", 422), ("file_id=x", 422), ("limit=0", 422), ("after=x", 400), ("nope=1", 400)]
    {
        let (found, problem) = served.call(Method::GET, &format!("/v1/deliveries?{query}"), None).await;
        assert_eq!(found, status, "{query}: {problem}");
    }
    for id in ["x", "x.1", &format!("{id}.999999")] {
        let (status, _) = served.call(Method::GET, &format!("/v1/deliveries/{id}"), None).await;
        assert!([400, 404].contains(&status), "{id}: {status}");
    }
}

#[tokio::test]
async fn what_grows_too_old_for_an_endpoint_is_said_in_the_log() {
    let served = Served::new().await;
    let (id, _) = make(&served, json!({"url": "http://127.0.0.1:9/"})).await;
    for task in ["one", "two"] {
        served.bench.happen(FILE, task).await;
    }
    served.bench.clock.advance(Duration::from_secs(31 * 86_400));
    for _ in 0..2 {
        upkeep::round(&served.bench.app).await.unwrap();
    }
    let (_, start) = served.call(Method::GET, "/v1/events", None).await;
    let told: Vec<_> =
        start["events"].as_array().unwrap().iter().map(|one| (&one["type"], &one["data"])).collect();
    let data = json!({"endpoint_id": id, "events": 2});
    assert_eq!(told, [(&json!("reelgate.EventsDropped"), &data)]);
}
