//! The server as commands speak to it: `/v1` over HTTP with a token.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use http::StatusCode;
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::exit::Failure;

/// Where the server is and who asks.
#[derive(Args, Clone, Debug)]
pub(super) struct Remote {
    /// Server to speak to.
    #[arg(
        long,
        env = "REELGATE_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8300",
        global = true
    )]
    url: String,
    /// API key or admin token. Prefer the environment: other users can see command lines.
    #[arg(long, env = "REELGATE_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true, value_parser = secret)]
    token: Option<SecretString>,
}

fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// A server that can be asked.
#[derive(Clone)]
pub(super) struct Server {
    http: Client,
    /// For answers that have no end.
    streaming: Client,
    base: String,
    token: SecretString,
}

/// The error shape of `/v1`.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Remote {
    /// Whether somebody could be asked.
    pub(super) fn has_token(&self) -> bool {
        self.token.as_ref().is_some_and(|token| !token.expose_secret().trim().is_empty())
    }

    /// Checks the arguments; nothing is sent yet.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        let base = self.url.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            let sentence = anyhow!("{base:?} is not an http or https address; correct --url or REELGATE_URL");
            return Err(Failure::usage(sentence));
        }
        let token = self.token.clone().filter(|token| !token.expose_secret().trim().is_empty());
        let token = token.ok_or_else(|| {
            Failure::usage(anyhow!(
                "no token: set REELGATE_TOKEN to an API key (the server printed one at its first start)"
            ))
        })?;
        super::serve::install_crypto();
        // A redirect would carry the token to somewhere else.
        let builder = || {
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(Duration::from_secs(10))
        };
        let http = builder().timeout(Duration::from_secs(60)).build();
        let http = http.context("the HTTP client cannot be made")?;
        let streaming = builder().build().context("the HTTP client cannot be made")?;
        Ok(Server { http, streaming, base, token })
    }
}

impl Server {
    /// Address of the server, without a trailing slash.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// `GET path`.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, |request| request).await
    }

    /// `GET path` as server-sent events, after the event `after`. The stream has no end of its own.
    pub(super) async fn stream(&self, path: &str, after: Option<&str>) -> Result<reqwest::Response, Failure> {
        let url = format!("{}{path}", self.base);
        let mut request = self.streaming.get(&url).bearer_auth(self.token.expose_secret().trim());
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let answer = request.header(http::header::ACCEPT, "text/event-stream").send().await;
        let answer = answer.map_err(|error| unanswered(error, "GET", &url))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        Err(refused(&format!("GET {url}"), status, &answer.bytes().await.unwrap_or_default()))
    }

    /// `POST path` with a JSON body.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, path, |request| request.json(body)).await
    }

    /// All items of a list that is paged with `after` and `next`.
    pub(super) async fn items(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = match &after {
                Some(after) => self.get(&format!("{path}{join}limit=200&after={}", encode(after))).await?,
                None => self.get(&format!("{path}{join}limit=200")).await?,
            };
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            after = page["next"].as_str().map(str::to_owned);
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.base);
        let (what, method_name) = (format!("{method} {url}"), method.clone());
        let request = self.http.request(method, &url).bearer_auth(self.token.expose_secret().trim());
        let answer =
            fill(request).send().await.map_err(|error| unanswered(error, method_name.as_str(), &url))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| {
            Failure::unavailable(
                anyhow::Error::new(error.without_url()).context(format!("the answer to {what} broke off")),
            )
        })?;
        if !status.is_success() {
            return Err(refused(&what, status, &body));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        let unreadable =
            || format!("the answer to {what} is not JSON; is this the address of a Reelgate server?");
        serde_json::from_slice(&body).with_context(unreadable).map_err(Failure::unavailable)
    }
}

fn unanswered(error: reqwest::Error, method: &str, url: &str) -> Failure {
    let error = anyhow::Error::new(error.without_url());
    Failure::unavailable(
        error.context(format!("no answer to {method} {url}; is `reelgate serve` running there?")),
    )
}

fn refused(what: &str, status: StatusCode, body: &[u8]) -> Failure {
    let said = serde_json::from_slice::<Problem>(body).map(|problem| super::tell::plain(&problem.detail));
    let sentence = match said {
        Ok(detail) => anyhow!("{what} was refused: {detail}"),
        Err(_) => anyhow!(
            "{what} was answered with {status} and no reason; is this the address of a Reelgate server?"
        ),
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::forbidden(sentence),
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            Failure::usage(sentence)
        }
        _ => Failure::unavailable(sentence),
    }
}

/// A value inside a path or query.
pub(super) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Runs a command's future to its end.
pub(super) fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(future)
}
