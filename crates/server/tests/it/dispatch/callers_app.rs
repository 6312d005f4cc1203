//! An app of an operator that is asked whether somebody may upload, and an issuer's server of keys.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it does with a question.
#[derive(Clone)]
pub(super) enum Reply {
    Says(u16, Value),
    Text(u16, &'static str),
    Never,
}

/// A question as it arrived.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// The app, running.
pub(super) struct CallersApp {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    reply: Mutex<Reply>,
    asked: Mutex<Vec<Asked>>,
}

impl CallersApp {
    pub(super) async fn start(reply: Reply) -> Self {
        let shared = Arc::new(Shared { reply: Mutex::new(reply), asked: Mutex::new(Vec::new()) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/may-upload", listener.local_addr().unwrap());
        let router = Router::new().route("/may-upload", any(decide)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(super) fn replies(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap() = reply;
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The entry `shop` that asks it every time, by these headers.
    pub(super) fn entry(&self, headers: &[&str]) -> Value {
        json!({"kind": "forward", "name": "shop", "url": self.url, "headers": headers, "cache": 0})
    }
}

async fn decide(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let body = serde_json::from_str(&body).unwrap_or(Value::Null);
    shared.asked.lock().unwrap().push(Asked { headers, body });
    let reply = shared.reply.lock().unwrap().clone();
    match reply {
        Reply::Says(status, body) => {
            (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
        }
        Reply::Text(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Never => std::future::pending().await,
    }
}
