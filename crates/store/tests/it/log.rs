//! What the tests of the log's readers share: events, endpoints, and a log that stands still.

use std::time::Duration;

use reelgate_model::{FileId, Scope};
use reelgate_store::{Delivery, Endpoint, EndpointSettings, NewEvent, Readers, Recorded};

use crate::fixture::{APP, Fixture, write};

pub(crate) const LEASE: Duration = Duration::from_secs(60);

pub(crate) fn event(kind: &str, file: Option<i64>) -> NewEvent {
    NewEvent {
        file: file.map(FileId),
        kind: kind.to_owned(),
        fact: "{}".to_owned(),
        raw: None,
        readers: Readers::All,
    }
}

pub(crate) async fn record(f: &Fixture, kind: &str, file: Option<i64>) -> Recorded {
    let event = event(kind, file);
    write!(f.store, tx => tx.append_event(&Scope::system(APP), &event).await).unwrap()
}

pub(crate) fn settings(url: &str) -> EndpointSettings {
    EndpointSettings {
        url: url.to_owned(),
        shape: "vendor3".to_owned(),
        ordering: "file".to_owned(),
        types: "*".to_owned(),
    }
}

pub(crate) async fn endpoint(f: &Fixture, settings: EndpointSettings) -> Endpoint {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.create_endpoint(&scope, "", &settings).await).unwrap()
}

/// Waits until the whole log lies below the horizon; on PostgreSQL other tests' transactions hold it back for a moment.
pub(crate) async fn settle(f: &Fixture) {
    while f.store.read().await.unwrap().has_held_back().await.unwrap() {
        tokio::task::yield_now().await;
    }
}

/// As a courier does: with the endpoint as it is now.
pub(crate) async fn take(f: &Fixture, endpoint: &Endpoint, limit: usize) -> Vec<Delivery> {
    settle(f).await;
    let id = endpoint.id.clone();
    write!(f.store, tx => {
        let now = tx.endpoint_by_id(&id).await?.unwrap();
        Ok(tx.take_deliveries(&now, LEASE, limit).await?.deliveries)
    })
    .unwrap()
}

pub(crate) fn kinds(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.event_kind.as_str()).collect()
}

pub(crate) async fn complete(f: &Fixture, delivery: &Delivery) {
    let delivery = delivery.clone();
    write!(f.store, tx => tx.complete_delivery(&delivery).await).unwrap();
}

/// Ids of the endpoints that have something to do.
pub(crate) async fn to_serve(f: &Fixture) -> Vec<String> {
    settle(f).await;
    let mut read = f.store.read().await.unwrap();
    let found = read.endpoints_to_serve(f.clock.now(), "", 100).await.unwrap();
    found.into_iter().map(|endpoint| endpoint.id).collect()
}
