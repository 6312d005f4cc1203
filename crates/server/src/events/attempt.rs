//! One attempt at a delivery: the HTTP request and what came of it.

use std::time::Duration;

use anyhow::Context;
use http::{HeaderValue, StatusCode, header};
use jiff::fmt::rfc2822;
use reelgate_model::{Clock, Time};
use reelgate_store::{Attempt, Delivery};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::push::Push;
use super::target::Targets;

/// How much of an answer is kept.
const KEPT: usize = 1024;
/// Longest pause that an endpoint can ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Makes the requests of all deliveries.
#[derive(Clone, Debug)]
pub struct Sender {
    client: Client,
    targets: Targets,
    clock: Clock,
    timeout: Duration,
}

/// What came of an attempt.
#[derive(Debug)]
pub struct Outcome {
    /// For the record.
    pub attempt: Attempt,
    /// Whether the endpoint took the event: any 2xx in time.
    pub taken: bool,
    /// How long the endpoint asks to be left alone, at most an hour.
    pub retry_after: Option<Duration>,
}

impl Sender {
    /// A sender that follows no redirect, uses no proxy and connects only where `targets` permits.
    pub fn new(targets: Targets, clock: Clock, timeout: Duration) -> anyhow::Result<Self> {
        let builder = || {
            Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .dns_resolver(targets.clone())
                .user_agent(concat!("reelgate/", env!("CARGO_PKG_VERSION")))
                .pool_idle_timeout(Duration::from_secs(60))
        };
        let client = builder().build().or_else(|error| {
            tracing::warn!(
                %error,
                "events cannot be sent over https: this machine has no certificates to check servers with \
                 (on Debian: install ca-certificates)"
            );
            builder().tls_certs_only([]).build()
        });
        let client = client.context("the HTTP client for events cannot be made")?;
        Ok(Self { client, targets, clock, timeout })
    }

    /// Posts `push` to `url`. Never fails: what went wrong is part of the record.
    pub async fn send(&self, url: &str, delivery: &Delivery, push: Push) -> Outcome {
        let at = self.clock.now();
        let started = tokio::time::Instant::now();
        let answered = self.exchange(url, push).await;
        let mut attempt = Attempt {
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..attempt(delivery, at)
        };
        match answered {
            Ok(answer) => {
                attempt.status = Some(answer.status.as_u16());
                attempt.answer = answer.body;
                if !answer.status.is_success() {
                    attempt.error = refusal(answer.status);
                }
                Outcome { attempt, taken: answer.status.is_success(), retry_after: answer.retry_after }
            }
            Err(error) => Outcome { attempt: Attempt { error, ..attempt }, taken: false, retry_after: None },
        }
    }

    /// The outcome of an attempt that ended before there was a request.
    pub(super) fn not_sent(&self, delivery: &Delivery, error: String) -> Outcome {
        let attempt = Attempt { error, ..attempt(delivery, self.clock.now()) };
        Outcome { attempt, taken: false, retry_after: None }
    }

    async fn exchange(&self, url: &str, push: Push) -> Result<Answer, String> {
        let url = self.targets.parse(url).map_err(|error| error.to_string())?;
        let deadline = tokio::time::Instant::now() + self.timeout;
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .headers(push.headers)
            .body(push.body);
        let mut response = tokio::time::timeout_at(deadline, request.send())
            .await
            .map_err(|_| format!("no answer within {} s", self.timeout.as_secs_f64()))?
            .map_err(|error| chain(&error.without_url()))?;
        // The status decides; an answer that trickles in or never ends changes nothing.
        let mut kept = Vec::new();
        let _ = tokio::time::timeout_at(deadline, read_start(&mut response, &mut kept)).await;
        Ok(Answer {
            status: response.status(),
            retry_after: retry_after(&response, self.clock.now()),
            body: String::from_utf8_lossy(&kept).into_owned(),
        })
    }
}

fn attempt(delivery: &Delivery, at: Time) -> Attempt {
    Attempt {
        number: delivery.claims,
        at,
        duration_ms: 0,
        status: None,
        error: String::new(),
        answer: String::new(),
    }
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: String,
}

async fn read_start(response: &mut Response, kept: &mut Vec<u8>) {
    while kept.len() < KEPT {
        let Ok(Some(chunk)) = response.chunk().await else { return };
        let room = KEPT - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
}

/// `Retry-After` as seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(response: &Response, now: Time) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Time(rfc2822::parse(text).ok()?.timestamp().as_millisecond()).since(now),
    };
    Some(asked.min(MAX_RETRY_AFTER))
}

fn refusal(status: StatusCode) -> String {
    if status.is_redirection() {
        return format!("the endpoint answered {status}; redirects are not followed, set the final URL");
    }
    format!("the endpoint answered {status}")
}

/// The error with all its causes: the last one is what a person needs. At most 500 characters.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.chars().take(500).collect()
}
