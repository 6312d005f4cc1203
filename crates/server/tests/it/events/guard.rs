//! Endpoints that point where they should not.

use axum::body::Body;
use axum::response::Response;
use reelgate_server::events::endpoint::{self, EndpointError};
use reelgate_server::events::target::TargetError;
use reelgate_store::{EndpointSettings, StoreError};

use super::receiver::{Receiver, answer};
use super::{Bench, FILE};

#[tokio::test]
async fn private_addresses_are_refused_when_an_endpoint_is_set() {
    let bench = Bench::with(&[]).await;
    for url in
        ["http://127.0.0.1:9/", "http://localhost:9/", "http://169.254.169.254/latest", "http://[::1]/"]
    {
        let refused = endpoint::set_main(&bench.app, &bench.scope, url, String::new()).await;
        assert!(
            matches!(&refused, Err(EndpointError::Target(TargetError::Private { .. }))),
            "{url}: {refused:?}"
        );
    }
    let none = endpoint::get_main(&bench.app, &bench.scope).await;
    assert!(matches!(none, Err(EndpointError::NotFound)), "{none:?}");
}

#[tokio::test]
async fn and_again_at_every_attempt() {
    let bench = Bench::with(&[]).await;
    let receiver = Receiver::start(|_, _| answer(200)).await;
    let port = receiver.url.rsplit(':').next().unwrap().to_owned();
    // The names and addresses were fine once; now they lead to this machine.
    for host in ["127.0.0.1", "localhost"] {
        let settings = EndpointSettings {
            url: format!("http://{host}:{port}"),
            shape: "vendor3".to_owned(),
            ordering: "file".to_owned(),
            types: "*".to_owned(),
        };
        let scope = bench.scope.clone();
        let write = bench.app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { tx.create_endpoint(&scope, "", &settings).await })
        });
        write.await.unwrap();
    }
    bench.happen(FILE, "one").await;
    assert_eq!(bench.step().await, 2);
    assert!(receiver.received().is_empty());
    let history = bench.history(FILE).await;
    assert_eq!(history.len(), 2);
    for (_, attempts) in history {
        let attempt = attempts[0].clone();
        assert_eq!(attempt.status, None);
        assert!(attempt.error.contains("events.allow_targets"), "{}", attempt.error);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let bench = Bench::new().await;
    let inside = Receiver::start(|_, _| answer(200)).await;
    let target = inside.url.clone();
    let receiver = Receiver::start(move |_, _| {
        Response::builder().status(307).header("location", &target).body(Body::empty()).unwrap()
    })
    .await;
    bench.endpoint(&receiver.url).await;
    bench.happen(FILE, "one").await;
    assert_eq!(bench.step().await, 1);
    assert!(inside.received().is_empty());
    let attempt = bench.history(FILE).await[0].1[0].clone();
    assert_eq!(attempt.status, Some(307));
    assert!(attempt.error.contains("redirects are not followed"), "{}", attempt.error);
}
