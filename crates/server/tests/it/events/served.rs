//! The JSON API over a real socket, with a clock that is moved by hand.

use http::Method;
use reelgate_server::bootstrap;
use reelgate_server::http::api;
use reelgate_server::listen::Listener;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Bench;

pub(super) const KEY: &str = "rgk_test_backend_0001";

/// An application whose JSON API is served, and who delivers its events.
pub(super) struct Served {
    pub(super) bench: Bench,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
    _stop: DropGuard,
}

impl Served {
    pub(super) async fn new() -> Self {
        let bench = Bench::with(&[
            ("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#),
            ("REELGATE_ROOT__APP_ID", "1250000001"),
            ("REELGATE_ROOT__API_KEY", KEY),
        ])
        .await;
        bootstrap::first_run(&bench.app).await.unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let url = format!("http://{}", listener.addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve(api::routes().with_state(bench.app.clone()), stop.clone()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { bench, url, http, _stop: stop.drop_guard() }
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }
}
