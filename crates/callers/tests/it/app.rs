//! An app that is asked whether somebody may upload.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use http::{HeaderMap, HeaderName, StatusCode};
use reelgate_callers::{Forward, ForwardSettings};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(600);

/// What the app does with a question.
#[derive(Clone)]
pub(crate) enum Reply {
    Body(StatusCode, Vec<u8>),
    Redirect(String),
    Never,
    /// The status and the start of a body, and then nothing.
    Stuck(StatusCode),
}

/// A question as it arrived.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

pub(crate) struct App {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    reply: Mutex<Reply>,
    asked: watch::Sender<Vec<Asked>>,
    connections: AtomicUsize,
}

impl App {
    pub(crate) async fn start(reply: Reply) -> Self {
        let shared = Arc::new(Shared {
            reply: Mutex::new(reply),
            asked: watch::Sender::new(Vec::new()),
            connections: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/may-upload", listener.local_addr().unwrap());
        let counted = Arc::clone(&shared);
        let listener = listener.tap_io(move |_| {
            counted.connections.fetch_add(1, Ordering::SeqCst);
        });
        let router = Router::new().route("/may-upload", post(decide)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// An app that allows with this body.
    pub(crate) async fn allowing(body: &str) -> Self {
        Self::start(Reply::Body(StatusCode::OK, body.into())).await
    }

    pub(crate) fn replies(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap() = reply;
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.borrow().clone()
    }

    /// Returns once this many questions have arrived.
    pub(crate) async fn was_asked(&self, count: usize) {
        let mut asked = self.shared.asked.subscribe();
        crate::at_last(asked.wait_for(|asked| asked.len() >= count)).await.unwrap();
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn forward(&self, cache_for: Duration) -> Forward {
        Forward::new(settings(&self.url, cache_for)).unwrap()
    }
}

pub(crate) fn settings(url: &str, cache_for: Duration) -> ForwardSettings {
    ForwardSettings {
        name: "shop".to_owned(),
        url: url.to_owned(),
        timeout: TIMEOUT,
        cache_for,
        headers: ["authorization", "cookie"].map(HeaderName::from_static).into(),
    }
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

async fn decide(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let body = serde_json::from_str(&body).unwrap();
    shared.asked.send_modify(|asked| asked.push(Asked { headers, body }));
    let reply = shared.reply.lock().unwrap().clone();
    match reply {
        Reply::Body(status, body) => (status, body).into_response(),
        Reply::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
        Reply::Never => std::future::pending().await,
        Reply::Stuck(status) => {
            let start = r#"{"user":"#;
            (status, [("content-length", "1000")], axum::body::Body::new(Start(Some(start.into()))))
                .into_response()
        }
    }
}

/// A body that begins and does not end.
struct Start(Option<axum::body::Bytes>);

impl axum::body::HttpBody for Start {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        match self.0.take() {
            Some(start) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(start)))),
            None => std::task::Poll::Pending,
        }
    }
}
