//! What receivers of each shape get, and that they can tell whom it is from.

use std::time::Duration;

use http::Method;
use reelgate_server::events::{Fact, append};
use reelgate_store::StoreError;
use reelgate_wire::standard_webhooks::{self, Secret};
use reelgate_wire::vod::callback_sign;
use serde_json::{Value, json};

use super::receiver::{Received, Receiver, answer};
use super::served::Served;
use super::{Bench, FILE};

async fn make(served: &Served, wanted: Value) -> (String, Option<String>) {
    let (status, made) = served.call(Method::POST, "/v1/event-endpoints", Some(wanted)).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().map(str::to_owned);
    (made["endpoint"]["id"].as_str().unwrap().to_owned(), secret)
}

async fn own_event(bench: &Bench) {
    let fact = Fact::UploadExpired { session_id: "s".into(), user: "u".into(), reason: "expired".into() };
    let scope = bench.scope.clone();
    let write = bench.app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move { append(tx, &scope, Some(FILE), &fact).await })
    });
    write.await.unwrap();
}

fn is_by(received: &Received, secret: &str, now: i64) -> bool {
    standard_webhooks::verify(
        &Secret::parse(secret).unwrap(),
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
        received.header("webhook-signature"),
        &received.bytes,
        now,
    )
}

#[tokio::test]
async fn vendor_shapes_are_signed_with_sign_and_t() {
    let served = Served::new().await;
    let plain = Receiver::start(|_, _| answer(200)).await;
    let new = Receiver::start(|_, _| answer(200)).await;
    let old = Receiver::start(|_, _| answer(200)).await;
    make(&served, json!({"url": plain.url})).await;
    let (id, _) = make(&served, json!({"url": new.url, "secret": "AbC123xyz"})).await;
    make(&served, json!({"url": old.url, "shape": "vendor2", "secret": "AbC123xyz"})).await;
    served.bench.happen(FILE, "one").await;
    own_event(&served.bench).await;
    while served.bench.step().await > 0 {}
    let now = served.bench.clock.now().seconds();
    assert_eq!(plain.received()[0].body.get("Sign"), None);
    for (receiver, kind) in [(&new, "EventType"), (&old, "eventType")] {
        let received = receiver.received();
        assert_eq!(received.len(), 1, "our own types never reach a vendor-shaped reader unasked");
        let one = &received[0];
        assert_eq!(one.body[kind], "ProcedureStateChanged");
        assert_eq!(callback_sign::verify(&one.bytes, &["AbC123xyz"], now), Ok(()));
        assert!(callback_sign::verify(&one.bytes, &["another"], now).is_err());
        assert!(callback_sign::verify(&one.bytes, &["AbC123xyz"], now + 601).is_err(), "it is old by then");
    }
    assert_eq!(old.received()[0].body["version"], "4.0");

    // While two keys are good, the older one signs; then the newer.
    let path = format!("/v1/event-endpoints/{id}/rotate-secret");
    let wanted = json!({"secret": "NewKey", "overlap_seconds": 60});
    assert_eq!(served.call(Method::POST, &path, Some(wanted)).await.0, 200);
    served.bench.happen(FILE, "two").await;
    while served.bench.step().await > 0 {}
    served.bench.pass(Duration::from_secs(61));
    served.bench.happen(FILE, "three").await;
    while served.bench.step().await > 0 {}
    let received = new.received();
    let now = served.bench.clock.now().seconds() - 61;
    assert_eq!(callback_sign::verify(&received[1].bytes, &["AbC123xyz"], now), Ok(()));
    assert_eq!(callback_sign::verify(&received[2].bytes, &["NewKey"], now), Ok(()));
}

#[tokio::test]
async fn standard_webhooks_are_signed_with_every_good_secret() {
    let served = Served::new().await;
    let receiver = Receiver::start(|_, _| answer(200)).await;
    let wanted = json!({"url": receiver.url, "shape": "standard", "types": ["*", "reelgate.*"]});
    let (id, first) = make(&served, wanted).await;
    let first = first.unwrap();
    served.bench.happen(FILE, "one").await;
    own_event(&served.bench).await;
    while served.bench.step().await > 0 {}
    let received = receiver.received();
    let now = served.bench.clock.now().seconds();
    assert!(received.iter().all(|one| is_by(one, &first, now)));
    let one = &received[0];
    assert_eq!(one.header("webhook-id"), one.header("reelgate-event-id"));
    assert_eq!(
        (&one.body["type"], &one.body["data"]["EventType"]),
        (&json!("ProcedureStateChanged"), &json!("ProcedureStateChanged"))
    );
    let own = &received[1].body;
    assert_eq!(own["type"], "reelgate.UploadExpired");
    assert_eq!(own["data"], json!({"session_id": "s", "user": "u", "reason": "expired"}));
    let mut altered = one.clone();
    altered.bytes = String::from_utf8(one.bytes.to_vec()).unwrap().replace("one", "two").into_bytes().into();
    assert!(!is_by(&altered, &first, now) && !is_by(one, &first, now + 301));

    let path = format!("/v1/event-endpoints/{id}/rotate-secret");
    let (_, rotated) = served.call(Method::POST, &path, Some(json!({"overlap_seconds": 60}))).await;
    let second = rotated["secret"].as_str().unwrap().to_owned();
    served.bench.happen(FILE, "two").await;
    while served.bench.step().await > 0 {}
    served.bench.pass(Duration::from_secs(61));
    served.bench.happen(FILE, "three").await;
    while served.bench.step().await > 0 {}
    let received = receiver.received();
    let (two, three) = (&received[2], &received[3]);
    assert!(is_by(two, &first, now) && is_by(two, &second, now));
    let now = served.bench.clock.now().seconds();
    assert!(!is_by(three, &first, now) && is_by(three, &second, now));
}

#[tokio::test]
async fn whoever_asks_for_our_own_types_gets_them_in_the_vendors_frame() {
    let served = Served::new().await;
    let receiver = Receiver::start(|_, _| answer(200)).await;
    make(&served, json!({"url": receiver.url, "types": ["reelgate.UploadExpired"]})).await;
    served.bench.happen(FILE, "one").await;
    own_event(&served.bench).await;
    while served.bench.step().await > 0 {}
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body["EventType"], "reelgate.UploadExpired");
    assert_eq!(received[0].body["ReelgateEvent"]["user"], "u");
}
