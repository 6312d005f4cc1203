//! A real HTTP server that takes events as the test tells it to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::Value;
use tokio::task::JoinHandle;

/// What came in one request.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    /// As it came.
    pub(super) bytes: Bytes,
}

impl Received {
    pub(super) fn task(&self) -> &str {
        self.body["ProcedureStateChangeEvent"]["TaskId"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

type Rule = Box<dyn Fn(usize, &Received) -> Response + Send + Sync>;

struct Shared {
    received: Mutex<Vec<Received>>,
    rule: Rule,
}

/// Ends when it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// `rule` gets how many requests came before, and the request.
    pub(super) async fn start(rule: impl Fn(usize, &Received) -> Response + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { received: Mutex::default(), rule: Box::new(rule) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, server }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    pub(super) fn tasks(&self) -> Vec<String> {
        self.received().iter().map(|one| one.task().to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let one = Received { headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null), bytes: body };
    let before = {
        let mut received = shared.received.lock().unwrap();
        received.push(one.clone());
        received.len() - 1
    };
    (shared.rule)(before, &one)
}

pub(super) fn answer(status: u16) -> Response {
    Response::builder().status(status).body(Body::from("seen")).unwrap()
}
