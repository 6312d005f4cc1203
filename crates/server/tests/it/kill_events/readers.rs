//! Who gets the events: two endpoints and a consumer of the queue, which outlive all servers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// An endpoint takes its time, so that there is something to cut.
const TAKES: Duration = Duration::from_millis(60);

struct Shared {
    ids: Mutex<BTreeSet<String>>,
    begun: watch::Sender<u64>,
    ended: watch::Sender<u64>,
}

/// Ends when it is dropped.
pub(super) struct Endpoint {
    pub(super) url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Endpoint {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            ids: Mutex::default(),
            begun: watch::Sender::new(0),
            ended: watch::Sender::new(0),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, server }
    }

    /// Ids of the events that it has taken.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.shared.ids.lock().unwrap().clone()
    }

    /// Waits until a request begins that had not when this was called; at most three seconds.
    pub(super) async fn begins(&self) {
        next(self.shared.begun.subscribe()).await;
    }

    /// Waits until a request is answered that was not when this was called; at most three seconds.
    pub(super) async fn answers(&self) {
        next(self.shared.ended.subscribe()).await;
    }
}

async fn next(mut count: watch::Receiver<u64>) {
    let before = *count.borrow_and_update();
    // Nothing may be on its way just now: then the kill meets whatever there is.
    let _ = tokio::time::timeout(Duration::from_secs(3), count.wait_for(|now| *now > before)).await;
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let id = request.headers()["reelgate-event-id"].to_str().unwrap().to_owned();
    shared.begun.send_modify(|count| *count += 1);
    tokio::time::sleep(TAKES).await;
    shared.ids.lock().unwrap().insert(id);
    shared.ended.send_modify(|count| *count += 1);
    Response::new(Body::empty())
}
