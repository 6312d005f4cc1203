//! Several orders in one request.

use serde_json::{Value, json};

use super::callers_app::{CallersApp, Reply};
use super::issuer::{accounts, token};
use super::{start, verified};
use crate::test_app::{Answer, BACKEND, TestApp};

const BATCH: &str = "/v1/upload-signatures/batch";

async fn batch(t: &TestApp, orders: Value) -> Answer {
    t.post(BACKEND, BATCH, json!({"orders": orders})).await
}

#[tokio::test]
async fn each_order_is_answered_by_itself_and_in_order() {
    let t = TestApp::start().await;
    let orders = json!([
        {"user": "user-1", "max_size": 5},
        {"procedure": "nothing"},
        {"user": "user-2", "valid_seconds": 60},
        {"class_id": -1},
    ]);
    let answer = batch(&t, orders).await.expect(200);
    let items = answer.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    for item in items {
        assert_eq!(item.as_object().unwrap().len(), 1, "exactly one member: {item}");
    }
    assert_eq!(items[0]["granted"]["limits"]["max_size"], 5);
    let parameters = verified(&items[2]["granted"]["signature"]);
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 60);
    assert_ne!(items[0]["granted"]["permission_id"], items[2]["granted"]["permission_id"]);
    for (place, code, words) in
        [(1, "procedure_unknown", "\"nothing\" is not known"), (3, "class_id_out_of_range", "-1 is negative")]
    {
        let refused = &items[place]["refused"];
        assert_eq!((&refused["status"], &refused["code"]), (&json!(422), &json!(code)));
        assert!(refused["detail"].as_str().unwrap().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn one_to_a_hundred_orders_are_taken() {
    let t = TestApp::start().await;
    for (count, status) in [(1, 200), (100, 200), (0, 422), (101, 422)] {
        let answer = batch(&t, json!(vec![json!({}); count])).await.expect(status);
        if status == 200 {
            assert_eq!(answer.json["items"].as_array().unwrap().len(), count);
        } else {
            let sentence = format!("orders has {count} entries; send 1 to 100");
            answer.is_problem(422, "orders_out_of_range", &sentence);
        }
    }
}

#[tokio::test]
async fn the_rate_counts_every_order() {
    let policies = json!([{"name": "slow", "rate": {"per_minute": 6, "burst": 2}}]);
    let t = start(&[("POLICIES", policies)]).await;
    let orders = json!([
        {"user": "user-1"}, {"user": "user-1", "class_id": -1}, {"user": "user-1"}, {"user": "user-1"},
        {"user": "user-2"},
    ]);
    let answer = batch(&t, orders).await.expect(200);
    let of = |place: usize| &answer.json["items"][place];
    for granted in [0, 2, 4] {
        assert!(of(granted)["granted"].is_object(), "{granted}: {}", answer.text);
    }
    assert_eq!(of(1)["refused"]["code"], "class_id_out_of_range");
    assert!(of(1).get("retry_after").is_none());
    assert_eq!(
        (&of(3)["refused"]["code"], &of(3)["refused"]["status"]),
        (&json!("rate_limited"), &json!(429))
    );
    let wait = of(3)["retry_after"].as_u64().unwrap();
    assert!((10..=11).contains(&wait), "{wait}");
    assert_eq!(answer.header("retry-after"), "", "the others do not have to wait");
}

#[tokio::test]
async fn a_caller_that_is_not_known_is_refused_as_a_whole() {
    let entries = json!([{"kind": "api_key"}, accounts()]);
    let t = start(&[("CALLERS", entries)]).await;
    let orders = || json!({"orders": [{}, {}]});
    let none = Answer::of(t.http.post(t.url(BATCH)).json(&orders())).await;
    none.is_problem(401, "unauthenticated", "no credentials");
    t.post("rgk_nothing", BATCH, orders()).await.is_problem(
        401,
        "unauthenticated",
        "not known or was revoked",
    );
    let old = token(json!({"exp": 1}));
    t.post(&old, BATCH, orders()).await.is_problem(401, "jwt_expired", "accounts");
    let of_another =
        t.post(&token(json!({})), BATCH, json!({"orders": [{"user": "x"}, {}]})).await.expect(200);
    assert_eq!(of_another.json["items"][0]["refused"]["code"], "user_not_yours");
    assert!(of_another.json["items"][1]["granted"].is_object());
}

#[tokio::test]
async fn the_app_is_asked_about_each_order() {
    let shop = CallersApp::start(Reply::Says(200, json!({"user": "shop-7"}))).await;
    let t = start(&[("CALLERS", json!([shop.entry(&["cookie"])]))]).await;
    let send = async |orders: Value| {
        Answer::of(t.http.post(t.url(BATCH)).header("cookie", "shop=1").json(&json!({"orders": orders})))
            .await
    };
    send(json!([{"max_size": 5}, {"max_size": 6}])).await.expect(200);
    let wanted: Vec<_> = shop.asked().iter().map(|asked| asked.body["upload"]["max_size"].clone()).collect();
    assert_eq!(wanted, [5, 6]);
    shop.replies(Reply::Text(500, ""));
    let answer = send(json!([{}])).await.expect(200);
    let item = &answer.json["items"][0];
    assert_eq!((&item["refused"]["code"], &item["retry_after"]), (&json!("forward_auth_failed"), &json!(5)));
}

#[tokio::test]
async fn bodies_that_are_no_batch_are_refused() {
    let t = TestApp::start().await;
    for (body, words) in [
        (json!({}), "missing field `orders`"),
        (json!({"orders": {}}), "expected a sequence"),
        (json!({"orders": [{"max_sise": 1}]}), "unknown field `max_sise`"),
        (json!({"orders": [{}], "user": "x"}), "unknown field `user`"),
    ] {
        t.post(BACKEND, BATCH, body).await.is_problem(400, "invalid_request", words);
    }
    let none = Answer::of(t.http.post(t.url(BATCH)).bearer_auth(BACKEND)).await;
    none.is_problem(415, "unsupported_media_type", "application/json");
}
