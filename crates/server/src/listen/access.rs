//! The access log: one JSON line on standard output for each request, written when its answer has been sent.
//!
//! Query strings never appear (they can carry signatures), and paths with a secret in them appear as templates.

use std::io::Write;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body::{Frame, SizeHint};
use metrics::Counter;
use serde_json::Value;

use super::{Peer, access_log};

/// Facts that a handler adds to its line: put into the *response* extensions.
#[derive(Clone, Debug, Default)]
pub struct AccessNote(pub Vec<(&'static str, Value)>);

/// Middleware that counts bytes both ways and writes the line.
pub async fn log_access(request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let (line, request) = begin(request, template);
    end(line, next.run(request).await)
}

/// The same for a request that is answered without the router: `template` is what its path appears as.
pub async fn log_access_of<F: Future<Output = Response>>(
    template: &'static str,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let (mut line, request) = begin(request, None);
    line.fixed = Some(template);
    end(line, answer(request).await)
}

fn begin(request: Request, template: Option<MatchedPath>) -> (Line, Request) {
    let line = Line::new(&request, template);
    let Some(received) = line.received.clone() else { return (line, request) };
    let on_data = move |n| {
        received.fetch_add(n, Ordering::Relaxed);
    };
    (line, request.map(|body| Body::new(Counted { body, on_data })))
}

fn end(mut line: Line, mut response: Response) -> Response {
    line.status = response.status();
    line.notes = response.extensions_mut().remove::<AccessNote>().unwrap_or_default().0;
    count(line.status);
    response.map(|body| {
        Body::new(Counted {
            body,
            on_data: move |n| {
                line.sent.fetch_add(n, Ordering::Relaxed);
            },
        })
    })
}

/// Statuses of HTTP, whose counters are looked up once each.
const STATUSES: usize = 600;

fn count(status: StatusCode) {
    static COUNTERS: [OnceLock<Counter>; STATUSES] = [const { OnceLock::new() }; STATUSES];
    let Some(counter) = COUNTERS.get(usize::from(status.as_u16())) else { return };
    let label = || metrics::counter!("reelgate_http_requests_total", "status" => status.as_u16().to_string());
    counter.get_or_init(label).increment(1);
}

/// What a line says. Written when the answer's body is dropped, that is, sent or given up.
struct Line {
    method: Method,
    template: Option<MatchedPath>,
    fixed: Option<&'static str>,
    uri: Uri,
    host: Option<HeaderValue>,
    client: Option<IpAddr>,
    status: StatusCode,
    notes: Vec<(&'static str, Value)>,
    /// `None`: the request has no body.
    received: Option<Arc<AtomicU64>>,
    sent: AtomicU64,
    started: Instant,
}

impl Line {
    fn new(request: &Request, template: Option<MatchedPath>) -> Self {
        let has_body = !http_body::Body::is_end_stream(request.body());
        Self {
            method: request.method().clone(),
            template,
            fixed: None,
            uri: request.uri().clone(),
            host: request.headers().get(header::HOST).cloned(),
            client: request.extensions().get::<Peer>().map(|peer| peer.addr.ip()),
            status: StatusCode::OK,
            notes: Vec::new(),
            received: has_body.then(Arc::default),
            sent: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// One JSON object.
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let text = |out: &mut Vec<u8>, text: &str| serde_json::to_writer(out, text);
        let path = self.fixed.or_else(|| self.template.as_ref().map(MatchedPath::as_str));
        let path = path.unwrap_or_else(|| self.uri.path());
        let host = self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or("");
        out.extend_from_slice(b"{\"method\":");
        text(out, self.method.as_str())?;
        out.extend_from_slice(b",\"path\":");
        text(out, path)?;
        out.extend_from_slice(b",\"host\":");
        text(out, host)?;
        match self.client {
            Some(client) => write!(out, ",\"client\":\"{client}\"")?,
            None => out.extend_from_slice(b",\"client\":null"),
        }
        write!(out, ",\"status\":{}", self.status.as_u16())?;
        for (name, value) in &self.notes {
            out.push(b',');
            text(out, name)?;
            out.push(b':');
            serde_json::to_writer(&mut *out, value)?;
        }
        let received = self.received.as_ref().map_or(0, |received| received.load(Ordering::Relaxed));
        let sent = self.sent.load(Ordering::Relaxed);
        let elapsed = self.started.elapsed().as_millis();
        write!(out, ",\"bytes_in\":{received},\"bytes_out\":{sent},\"duration_ms\":{elapsed}}}")
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if access_log::is_installed() {
            // Writing to memory does not fail.
            access_log::add(|out| drop(self.write(out)));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_a_stranger_sends() {
        let request = http::Request::builder()
            .uri("/odd%22path?signature=secret")
            .header("host", "a\"b")
            .body(Body::empty())
            .unwrap();
        let mut line = Line::new(&request, None);
        line.notes.push(("part", Value::from(3)));
        let mut out = Vec::new();
        line.write(&mut out).unwrap();
        let found: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&found["host"], &found["part"], &found["client"]),
            (&"a\"b".into(), &3.into(), &Value::Null)
        );
        assert_eq!((&found["path"], &found["bytes_in"]), (&"/odd%22path".into(), &0.into()));
        assert!(!String::from_utf8(out).unwrap().contains("secret"));
    }
}
