//! The event receiver: it outlives all servers, so it sees whatever any of them sends.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One event, however often it was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrived {
    kind: String,
    file: String,
    id: String,
}

type All = Arc<Mutex<BTreeSet<Arrived>>>;

/// Ends when it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    all: All,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let all = All::default();
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&all));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, all, serving }
    }

    /// Ids under which events of this type about this file came.
    pub(super) fn ids(&self, kind: &str, file: &str) -> Vec<String> {
        let all = self.all.lock().unwrap();
        all.iter().filter(|one| one.kind == kind && one.file == file).map(|one| one.id.clone()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(all): State<All>, headers: HeaderMap, Json(body): Json<Value>) {
    let kind = body["EventType"].as_str().unwrap().to_owned();
    let member = match kind.as_str() {
        "NewFileUpload" => "FileUploadEvent",
        "ProcedureStateChanged" => "ProcedureStateChangeEvent",
        other => panic!("an event of the type {other} was not expected"),
    };
    let file = body[member]["FileId"].as_str().unwrap().to_owned();
    let id = headers["Reelgate-Event-Id"].to_str().unwrap().to_owned();
    all.lock().unwrap().insert(Arrived { kind, file, id });
}
