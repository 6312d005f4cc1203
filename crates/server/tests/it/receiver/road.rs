//! The road between the cloud and its receiver, in both directions, and everything that happens on it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use reelgate_wire::vod::callback_sign;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{SIGN_KEY, TOKEN};

/// Of so many files one is swallowed: its events never get through, by neither way.
const SWALLOWED: u64 = 20;
/// With each of so many callbacks comes one of a type that nobody knows.
const UNKNOWN_EVERY: usize = 40;

pub(super) struct Road {
    pub(super) origin: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    cloud: String,
    receiver: Mutex<String>,
    http: reqwest::Client,
    met: Mutex<BTreeMap<&'static str, usize>>,
    unknown: Mutex<Vec<Vec<u8>>>,
    callbacks: AtomicUsize,
}

impl Road {
    pub(super) async fn new(cloud: &str) -> Self {
        let shared = Arc::new(Shared {
            cloud: cloud.to_owned(),
            receiver: Mutex::default(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            met: Mutex::default(),
            unknown: Mutex::default(),
            callbacks: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, shared, server }
    }

    pub(super) fn leads_to(&self, receiver: &str) {
        receiver.clone_into(&mut self.shared.receiver.lock().unwrap());
    }

    /// Whether nothing about this file ever gets through.
    pub(super) fn swallows(file: &str) -> bool {
        file.parse::<u64>().unwrap() % SWALLOWED == 0
    }

    /// Bodies of a type that nobody knows, as they were sent, without their signature.
    pub(super) fn unknown(&self) -> Vec<Vec<u8>> {
        self.shared.unknown.lock().unwrap().clone()
    }

    /// Straight to standard error: what happened is the worth of the test.
    pub(super) fn say(&self) {
        let _ = writeln!(std::io::stderr(), "receiver: on the road: {:?}", self.shared.met.lock().unwrap());
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn status(code: u16) -> Response {
    Response::builder().status(StatusCode::from_u16(code).unwrap()).body(Body::empty()).unwrap()
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    if parts.uri.path().starts_with("/callbacks/") {
        shared.callback(body).await
    } else {
        shared.api(&parts.headers, body).await
    }
}

impl Shared {
    fn meet(&self, what: &'static str) {
        *self.met.lock().unwrap().entry(what).or_default() += 1;
    }

    /// A callback of the cloud: most get through somehow, sometime.
    async fn callback(self: &Arc<Self>, body: Bytes) -> Response {
        if self.callbacks.fetch_add(1, Ordering::Relaxed).is_multiple_of(UNKNOWN_EVERY) {
            self.make_up().await;
        }
        let event: Value = serde_json::from_slice(&body).unwrap();
        if event["FileUploadEvent"]["FileId"].as_str().is_some_and(Road::swallows) {
            self.meet("swallowed");
            return status(200);
        }
        match rand::random_range(0..100) {
            0..25 => {
                self.meet("lost");
                status(200)
            }
            25..35 => {
                self.meet("refused");
                status(503)
            }
            35..45 => {
                self.meet("taken, and the answer lost");
                self.deliver(body).await;
                status(502)
            }
            45..60 => {
                self.meet("doubled");
                self.deliver(body.clone()).await;
                status(self.deliver(body).await)
            }
            60..75 => {
                self.meet("late");
                let road = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(100..2_000))).await;
                    road.deliver(body).await;
                });
                status(200)
            }
            75..78 => {
                self.meet("altered");
                let mut altered = event;
                altered["Sign"] = "0".repeat(32).into();
                let answered = self.deliver(altered.to_string().into_bytes().into()).await;
                assert_eq!(answered, 403, "nobody else's events are taken");
                status(500)
            }
            _ => {
                self.meet("straight");
                status(self.deliver(body).await)
            }
        }
    }

    async fn deliver(&self, body: Bytes) -> u16 {
        let url = format!("{}/callbacks/vod/{TOKEN}", self.receiver.lock().unwrap());
        self.http.post(url).body(body).send().await.unwrap().status().as_u16()
    }

    async fn make_up(&self) {
        let n = rand::random::<u64>();
        let bare = format!(
            r#"{{ "EventType":"BrandNew",  "BrandNewEvent" : {{"N":{n}, "Odd":1.50e3, "List":[ ] }}}}"#
        );
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let body = callback_sign::signed(bare.as_bytes(), SIGN_KEY, i64::try_from(now).unwrap() + 600);
        for _ in 0..2 {
            assert_eq!(self.deliver(body.clone().into()).await, 200);
        }
        let kept =
            format!(r#"{{"EventType":"BrandNew","BrandNewEvent":{{"N":{n}, "Odd":1.50e3, "List":[ ] }}}}"#);
        self.unknown.lock().unwrap().push(kept.into_bytes());
        self.meet("unknown");
    }

    /// A call of the cloud's API.
    async fn api(&self, headers: &HeaderMap, body: Bytes) -> Response {
        let refusal = json!({"Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound", "Message": "expired"},
                                          "RequestId": "0"}});
        match rand::random_range(0..100) {
            0..10 => {
                self.meet("API: 502");
                return status(502);
            }
            10..15 => {
                self.meet("API: expired key");
                return json_of(&refusal);
            }
            15..22 => {
                self.meet("API: answer lost");
                self.forward(headers, body).await;
                return status(504);
            }
            _ => {}
        }
        let mut answer = self.forward(headers, body).await;
        if let Some(events) = answer["Response"]["EventSet"].as_array_mut() {
            let before = events.len();
            events.retain(|event| !event["FileUploadEvent"]["FileId"].as_str().is_some_and(Road::swallows));
            if before > events.len() {
                self.meet("API: swallowed");
            }
        }
        json_of(&answer)
    }

    async fn forward(&self, headers: &HeaderMap, body: Bytes) -> Value {
        let mut request = self.http.request(Method::POST, format!("{}/", self.cloud)).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| *name != http::header::CONTENT_LENGTH) {
            request = request.header(name, value);
        }
        request.send().await.unwrap().json().await.unwrap()
    }
}

fn json_of(value: &Value) -> Response {
    Response::builder()
        .header("content-type", "application/json")
        .body(Body::from(value.to_string()))
        .unwrap()
}

/// Who gets the receiver's events in the end.
pub(super) struct Sink {
    pub(super) url: String,
    files: Arc<Mutex<BTreeSet<String>>>,
    server: JoinHandle<()>,
}

impl Sink {
    pub(super) async fn start() -> Self {
        let files: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::clone(&files);
        let router = Router::new().fallback(move |body: Bytes| {
            let event: Value = serde_json::from_slice(&body).unwrap();
            if let Some(file) = event["FileUploadEvent"]["FileId"].as_str() {
                seen.lock().unwrap().insert(file.to_owned());
            }
            async { "" }
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, files, server }
    }

    /// Waits until it has had each of `wanted`, and nothing else.
    pub(super) async fn has_all(&self, wanted: &[String]) {
        let all = async {
            while self.files.lock().unwrap().len() < wanted.len() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("every upload reaches the app");
        assert_eq!(self.files.lock().unwrap().iter().cloned().collect::<Vec<_>>(), wanted);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}
