//! The real cloud's API, as a client (wire reference 4.1 and 4.2).

use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::header;
use reelgate_model::Clock;
use reelgate_wire::cloudapi::{self, tc3};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::config::Tencent;

/// A pull is held up to 5 s; clients should wait 10 s (wire reference 5.2).
const TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer that is read: 16 events with every result they can have are far below.
const MAX_ANSWER: usize = 16 << 20;
const CONTENT_TYPE: &str = "application/json";

/// Asks the real cloud.
#[derive(Debug)]
pub(super) struct Upstream {
    client: Client,
    url: Url,
    clock: Clock,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Response")]
    response: Box<RawValue>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "Error")]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
    message: String,
}

impl Upstream {
    pub(super) fn new(account: &Tencent, clock: Clock) -> Result<Self> {
        let text = &account.endpoint;
        let full = if text.contains("://") { text.clone() } else { format!("https://{text}") };
        let url = Url::parse(&full).with_context(|| format!("tencent.endpoint {text:?} is no host"))?;
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("reelgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("the HTTP client for the cloud API cannot be made")?;
        Ok(Self { client, url, clock })
    }

    /// One action. Returns what is inside `Response`, as it was written.
    pub(super) async fn ask(
        &self,
        account: &Tencent,
        action: &str,
        mut fields: Value,
    ) -> Result<Box<RawValue>> {
        if let (Some(id), Some(fields)) = (account.sub_app_id, fields.as_object_mut()) {
            fields.insert("SubAppId".to_owned(), json!(id.0));
        }
        let body = fields.to_string().into_bytes();
        let mut host = self.url.host_str().unwrap_or_default().to_owned();
        if let Some(port) = self.url.port() {
            host = format!("{host}:{port}");
        }
        let timestamp = self.clock.now().seconds();
        let headers =
            [("content-type".to_owned(), CONTENT_TYPE.to_owned()), ("host".to_owned(), host.clone())];
        let request = tc3::Request { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let key = account.secret_key.expose_secret();
        let authorization = tc3::authorization(&account.secret_id, key, "vod", &request, timestamp);
        let response = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, authorization)
            .header("X-TC-Action", action)
            .header("X-TC-Version", cloudapi::VERSION)
            .header("X-TC-Timestamp", timestamp)
            .body(body)
            .send()
            .await
            .with_context(|| format!("{action} could not be asked of the cloud API"))?;
        let status = response.status();
        let answer =
            read_capped(response).await.with_context(|| format!("the answer to {action} broke off"))?;
        if !status.is_success() {
            bail!("the cloud API answered {action} with HTTP {status}");
        }
        let envelope: Envelope = serde_json::from_slice(&answer)
            .with_context(|| format!("the answer to {action} is no envelope"))?;
        let failure: Failure = serde_json::from_str(envelope.response.get())
            .with_context(|| format!("the answer to {action} is no object"))?;
        match failure.error {
            Some(Refusal { code, message }) => bail!("the cloud API refused {action}: {code}: {message}"),
            None => Ok(envelope.response),
        }
    }
}

async fn read_capped(mut response: reqwest::Response) -> Result<Vec<u8>> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if answer.len() + chunk.len() > MAX_ANSWER {
            bail!("it is larger than {MAX_ANSWER} bytes");
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}
