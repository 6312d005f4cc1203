//! The server's public doors as the application's backend and its viewers use them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Method, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// The doors of one server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Doors {
    http: Client,
    origin: String,
    api_key: String,
}

/// What was downloaded.
pub(super) struct Download {
    /// HTTP status.
    pub(super) status: StatusCode,
    /// Header `Content-Type`.
    pub(super) content_type: String,
    /// Header `Content-Range`, empty without one.
    pub(super) content_range: String,
    /// The body.
    pub(super) body: Bytes,
}

/// A client that follows no redirect: every door has to answer itself.
pub(super) fn http() -> Result<Client> {
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(ANSWER);
    builder.build().context("the HTTP client cannot be made")
}

impl Doors {
    /// Those of the server at `origin`, asked with `api_key`.
    pub(super) fn new(origin: String, api_key: String) -> Result<Self> {
        Ok(Self { http: http()?, origin, api_key })
    }

    /// Where the server is, without a trailing slash.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Sets the event endpoint, then asks for it; returns the address the server holds.
    pub(super) async fn put_endpoint(&self, url: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Endpoint {
            url: String,
        }
        let _: Value = self.call(Method::PUT, "/v1/event-endpoint", Some(json!({ "url": url }))).await?;
        let held: Endpoint = self.call(Method::GET, "/v1/event-endpoint", None).await?;
        if held.url != url {
            bail!("the server holds the event endpoint {}, not {url}", held.url);
        }
        Ok(held.url)
    }

    /// A fresh upload signature that starts `procedure`.
    pub(super) async fn sign(&self, procedure: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Signed {
            signature: String,
        }
        let body = json!({ "procedure": procedure, "user": "demo" });
        let signed: Signed = self.call(Method::POST, "/v1/upload-signatures", Some(body)).await?;
        Ok(signed.signature)
    }

    /// What the server knows about a file.
    pub(super) async fn media<T: DeserializeOwned>(&self, file_id: &str) -> Result<T> {
        self.call(Method::GET, &format!("/v1/media/{file_id}"), None).await
    }

    /// Downloads `url` as a viewer would, without any key. `range` is a `Range` header.
    pub(super) async fn download(&self, url: &str, range: Option<&str>) -> Result<Download> {
        let request = self.http.get(url);
        let request = match range {
            Some(range) => request.header(header::RANGE, range),
            None => request,
        };
        let answer = request.send().await.with_context(|| format!("no answer to GET {url}"))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = |name| text_of(&headers, name);
        let body = answer.bytes().await.with_context(|| format!("the answer to GET {url} broke off"))?;
        if !status.is_success() {
            bail!("GET {url} was answered with {status}");
        }
        Ok(Download {
            status,
            content_type: text(header::CONTENT_TYPE),
            content_range: text(header::CONTENT_RANGE),
            body,
        })
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Value>) -> Result<T> {
        let what = format!("{method} {path}");
        let request = self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(&self.api_key);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.with_context(|| format!("no answer to {what}"))?;
        read(&what, answer).await
    }
}

async fn read<T: DeserializeOwned>(what: &str, answer: Response) -> Result<T> {
    let status = answer.status();
    let body = answer.bytes().await.with_context(|| format!("the answer to {what} broke off"))?;
    if !status.is_success() {
        bail!("{what} was answered with {status}: {}", String::from_utf8_lossy(&body).trim());
    }
    serde_json::from_slice(&body).with_context(|| format!("the answer to {what} is not understood"))
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
