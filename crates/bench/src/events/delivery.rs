//! How long an event takes from the request that causes it to the receivers, while nothing else happens.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use super::receiver::Receiver;
use super::report::Report;
use super::{Options, scratch};
use crate::server::{self, API_KEY, Server};

/// Endpoints that get each event.
pub(super) const ENDPOINTS: [usize; 3] = [1, 10, 100];
/// Events that are not counted, and that are.
const WARM_UP: usize = 10;
const EVENTS: usize = 100;
/// Between two events.
const IDLE: Duration = Duration::from_millis(20);
/// For one event to arrive everywhere.
const PATIENCE: Duration = Duration::from_secs(30);

/// Each number of endpoints on a fresh server.
pub(super) async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    for _ in 0..options.rounds {
        for endpoints in ENDPOINTS {
            let directory = scratch(options)?;
            let server = Server::start(reelgate(&options.server, directory.path(), "")).await?;
            let api = Api::new(server.origin());
            let mut receiver = Receiver::start().await?;
            for _ in 0..endpoints {
                api.create_endpoint(&receiver.url).await?;
            }
            let (mut arrivals, mut answers) = (Vec::new(), Vec::new());
            for n in 0..WARM_UP + EVENTS {
                let sent = Instant::now();
                let id = api.trigger().await?;
                let answered = sent.elapsed();
                for _ in 0..endpoints {
                    let arrival = timeout(PATIENCE, receiver.arrivals.recv()).await;
                    let arrival =
                        arrival.context("an event did not arrive")?.context("the receiver is gone")?;
                    ensure!(arrival.id == id, "another event came than the one that was caused");
                    if n >= WARM_UP {
                        arrivals.push((arrival.at - sent).as_secs_f64() * 1e3);
                    }
                }
                if n >= WARM_UP {
                    answers.push(answered.as_secs_f64() * 1e3);
                }
                sleep(IDLE).await;
            }
            report.delivered(endpoints, arrivals, answers);
            server.stop().await;
        }
    }
    Ok(())
}

/// Reelgate, allowed to send to this machine.
pub(super) fn reelgate(program: &Path, directory: &Path, roles: &str) -> Command {
    let mut command = server::reelgate(program, directory, roles);
    command.env("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#);
    command
}

/// `/v1` of a server.
pub(super) struct Api {
    http: Client,
    origin: String,
}

impl Api {
    pub(super) fn new(origin: &str) -> Self {
        Self { http: Client::new(), origin: origin.to_owned() }
    }

    pub(super) async fn create_endpoint(&self, url: &str) -> Result<()> {
        self.post("/v1/event-endpoints", &json!({ "url": url })).await.map(drop)
    }

    /// Has an event recorded. Returns its id.
    pub(super) async fn trigger(&self) -> Result<String> {
        let answer = self.post("/v1/events/trigger", &json!({"type": "NewFileUpload"})).await?;
        Ok(answer["event_id"].as_str().context("the answer has no event_id")?.to_owned())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(format!("{}{path}", self.origin)).bearer_auth(API_KEY).json(body);
        let answer = request.send().await.with_context(|| format!("{path} cannot be called"))?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}
