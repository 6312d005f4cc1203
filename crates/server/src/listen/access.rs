//! The access log: one JSON line on standard output for each request, written when its answer has been sent.
//!
//! Query strings never appear (they can carry signatures), and paths with a secret in them appear as templates.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde_json::{Map, Value};

use super::Peer;

/// Facts that a handler adds to its line: put into the *response* extensions.
#[derive(Clone, Debug, Default)]
pub struct AccessNote(pub Vec<(&'static str, Value)>);

/// Middleware that counts bytes both ways and writes the line.
pub async fn log_access(request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let received = Arc::new(AtomicU64::new(0));
    let mut fields = describe(&request);
    let counter = Arc::clone(&received);
    let request = request.map(|body| {
        Body::new(Counted {
            body,
            on_data: move |n| {
                counter.fetch_add(n, Ordering::Relaxed);
            },
        })
    });
    let mut response = next.run(request).await;
    fields.insert("status".to_owned(), response.status().as_u16().into());
    for (name, value) in response.extensions_mut().remove::<AccessNote>().unwrap_or_default().0 {
        fields.insert(name.to_owned(), value);
    }
    metrics::counter!("reelgate_http_requests_total", "status" => response.status().as_u16().to_string())
        .increment(1);
    let line = Line { fields: Mutex::new(fields), received, sent: AtomicU64::new(0), started };
    response.map(|body| {
        Body::new(Counted {
            body,
            on_data: move |n| {
                line.sent.fetch_add(n, Ordering::Relaxed);
            },
        })
    })
}

fn describe(request: &Request) -> Map<String, Value> {
    let path =
        request.extensions().get::<MatchedPath>().map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let peer = request.extensions().get::<Peer>().map(|peer| peer.addr.ip().to_string());
    Map::from_iter([
        ("method".to_owned(), request.method().as_str().into()),
        ("path".to_owned(), path.into()),
        ("host".to_owned(), host.into()),
        ("client".to_owned(), peer.into()),
    ])
}

/// Written when the answer's body is dropped, that is, sent or given up.
struct Line {
    fields: Mutex<Map<String, Value>>,
    received: Arc<AtomicU64>,
    sent: AtomicU64,
    started: std::time::Instant,
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut fields = std::mem::take(self.fields.get_mut().unwrap_or_else(PoisonError::into_inner));
        fields.insert("bytes_in".to_owned(), self.received.load(Ordering::Relaxed).into());
        fields.insert("bytes_out".to_owned(), self.sent.load(Ordering::Relaxed).into());
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        fields.insert("duration_ms".to_owned(), elapsed.into());
        let line = Value::Object(fields);
        tracing::info!(target: "access", "{line}");
    }
}

struct Counted<F> {
    body: Body,
    on_data: F,
}

impl<F: Fn(u64) + Unpin> http_body::Body for Counted<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(http_body::Body::poll_frame(Pin::new(&mut self.body), cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            (self.on_data)(data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}
