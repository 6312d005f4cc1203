//! Endpoints that fail, or are slow: left alone, given up, and never in the way of another.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::Method;
use reelgate_model::{DeliveryState, FileId};
use reelgate_server::events::{Fact, delivery};
use reelgate_store::StoreError;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::receiver::{Receiver, answer};
use super::served::Served;

async fn make(served: &Served, url: &str) -> String {
    let wanted = json!({"url": url, "order": "none"});
    let (status, made) = served.call(Method::POST, "/v1/event-endpoints", Some(wanted)).await;
    assert_eq!(status, 201, "{made}");
    made["endpoint"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_failing_endpoint_is_tried_with_one_event_at_a_time_and_then_less_often() {
    let served = Served::new().await;
    let receiver = Receiver::start(|before, _| answer(if before < 60 { 503 } else { 200 })).await;
    let id = make(&served, &receiver.url).await;
    for n in 0..100 {
        served.bench.happen(FileId(n + 1), &format!("{n}")).await;
    }
    assert_eq!(served.bench.step().await, 32, "all that may be on its way to one endpoint");
    let (_, shown) = served.call(Method::GET, &format!("/v1/event-endpoints/{id}"), None).await;
    assert_eq!(shown["state"], "failing");
    assert!(shown["last_error"].as_str().unwrap().contains("503"), "{shown}");
    assert_eq!(served.bench.step().await, 0, "it is left alone");
    served.bench.pass(Duration::from_secs(100));
    assert_eq!(served.bench.step().await, 1, "then one is tried");
    served.bench.pass(Duration::from_secs(5));
    assert_eq!(served.bench.step().await, 0, "a tenth of the time that it has been failing");
    let mut sent = 33;
    while sent < 61 {
        served.bench.pass(Duration::from_secs(60));
        assert_eq!(served.bench.step().await, 1);
        sent += 1;
    }
    assert_eq!(served.bench.step().await, 32, "after a success it gets everything again");
    while served.bench.step().await > 0 {}
    let (_, shown) = served.call(Method::GET, &format!("/v1/event-endpoints/{id}"), None).await;
    assert_eq!((&shown["state"], &shown["failing_since"]), (&json!("ok"), &json!(null)));
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_fails_its_own_endpoint_only() {
    let served = Served::new().await;
    let receiver = Receiver::start(|_, _| answer(200)).await;
    let (good, broken) = (make(&served, &receiver.url).await, make(&served, &receiver.url).await);
    let (scope, id) = (served.bench.scope.clone(), broken.clone());
    // As after a restore with another master key.
    let spoil = served.bench.app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move { tx.add_endpoint_secret(&scope, &id, b"sealed by nobody", tx.now()).await })
    });
    spoil.await.unwrap();
    served.bench.happen(FileId(1), "first").await;
    served.bench.step().await;
    assert_eq!(receiver.received().len(), 1);
    let state = async |id: &str| served.call(Method::GET, &format!("/v1/event-endpoints/{id}"), None).await.1;
    assert_eq!(state(&good).await["state"], "ok");
    let shown = state(&broken).await;
    assert_eq!((&shown["state"], &shown["pending"]), (&json!("failing"), &json!(1)), "it is tried again");
    assert!(shown["last_error"].as_str().unwrap().contains("secret cannot be opened"), "{shown}");
    assert!(!shown.to_string().contains("sealed by nobody"), "{shown}");
}

#[tokio::test]
async fn after_five_days_it_is_disabled_with_an_event() {
    let served = Served::new().await;
    let receiver = Receiver::start(|_, _| answer(500)).await;
    let id = make(&served, &receiver.url).await;
    served.bench.happen(FileId(1), "first").await;
    served.bench.step().await;
    for day in 0..5 {
        served.bench.pass(Duration::from_secs(86_400));
        served.bench.happen(FileId(2 + day), "more").await;
        while served.bench.step().await > 0 {}
    }
    let (_, shown) = served.call(Method::GET, &format!("/v1/event-endpoints/{id}"), None).await;
    assert_eq!((&shown["state"], &shown["pending"]), (&json!("disabled"), &json!(0)));
    assert!(shown["disabled_reason"].as_str().unwrap().contains("5 days"), "{shown}");
    let own = served.bench.own().await;
    let disabled = own
        .iter()
        .filter(|fact| matches!(fact, Fact::EndpointDisabled { endpoint_id, .. } if *endpoint_id == id));
    assert_eq!(disabled.count(), 1);
    served.bench.happen(FileId(9), "after").await;
    assert_eq!(served.bench.step().await, 0);
    assert!(served.bench.history(FileId(9)).await.is_empty(), "nothing accumulates");
}

#[tokio::test]
async fn one_slow_endpoint_never_delays_another() {
    let served = Served::new().await;
    // Accept, and say nothing: every attempt takes the whole timeout of 5 s.
    let mut silent = Vec::new();
    for _ in 0..12 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        make(&served, &format!("http://{}/", listener.local_addr().unwrap())).await;
        silent.push(listener);
    }
    let (seen, mut came) = tokio::sync::mpsc::unbounded_channel();
    let quick = Receiver::start(move |_, one| {
        seen.send(one.task().to_owned()).unwrap();
        Response::new(Body::empty())
    })
    .await;
    make(&served, &quick.url).await;
    for n in 0..100 {
        served.bench.happen(FileId(n + 1), &format!("{n}")).await;
    }
    let stop = CancellationToken::new();
    let role = tokio::spawn(delivery::run(served.bench.app.clone(), stop.clone()));
    let all = async {
        for _ in 0..100 {
            came.recv().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(4), all).await.expect("before the first slow one has ended");
    stop.cancel();
    role.abort();
    let history = served.bench.history(FileId(1)).await;
    let delivered = history.iter().filter(|(one, _)| one.state == DeliveryState::Delivered).count();
    assert_eq!((delivered, history.len()), (1, 13));
}
