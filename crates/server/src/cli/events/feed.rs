//! The log as a command follows it: server-sent events, connected again wherever they broke off.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::exit::Failure;
use crate::cli::remote::{Server, encode};

/// Pauses before connecting again: doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Longer than the server's heartbeat: a connection on which nothing comes for so long is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// Largest event that is read.
const MAX_EVENT: usize = 8 << 20;

/// Which events a command follows.
#[derive(Args, Clone, Debug)]
pub(super) struct Wanted {
    /// Begin after this cursor (printed by --json and by /v1/events) [default: with what happens from now on].
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Only these types, separated by commas.
    #[arg(long = "type", value_name = "TYPE,…")]
    types: Option<String>,
    /// Only events about this file.
    #[arg(long, value_name = "FILE_ID")]
    file: Option<String>,
}

/// One message of the stream.
#[derive(Clone, Debug, PartialEq)]
struct Message {
    id: String,
    name: String,
    data: String,
}

/// One event of the log, as the server tells it.
#[derive(Debug)]
pub(super) struct Told {
    /// All of it.
    pub(super) text: String,
    pub(super) event: Event,
}

/// What a command needs to know of an event.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) r#type: String,
    pub(super) seq: String,
    pub(super) file_id: Option<String>,
    pub(super) file_seq: Option<i64>,
    pub(super) recorded_at: String,
    #[serde(default)]
    pub(super) test: bool,
    /// Byte for byte: what came from the cloud may hold numbers that no type of ours does.
    pub(super) data: Box<RawValue>,
}

/// The log from one place on, without a gap.
pub(super) struct Feed<'a> {
    server: &'a Server,
    query: String,
    /// After the last event that was handed out.
    cursor: Option<String>,
    stream: Option<Response>,
    buffer: Vec<u8>,
    waiting: VecDeque<Message>,
    pause: Duration,
}

impl<'a> Feed<'a> {
    /// `resume` goes before what is wanted: where an earlier run has stopped.
    pub(super) fn new(server: &'a Server, wanted: &Wanted, resume: Option<String>) -> Self {
        let mut query = String::from("/v1/events/stream?");
        for (name, value) in [("type", &wanted.types), ("file_id", &wanted.file)] {
            if let Some(value) = value {
                query.push_str(&format!("{name}={}&", encode(value)));
            }
        }
        Self {
            server,
            query,
            cursor: resume.or_else(|| wanted.after.clone()),
            stream: None,
            buffer: Vec::new(),
            waiting: VecDeque::new(),
            pause: FIRST_PAUSE,
        }
    }

    /// Where it goes on.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next event. Connections that break are made again; only what no repetition mends is an error.
    pub(super) async fn next(&mut self) -> Result<Told, Failure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                if message.name == "reelgate.reset" {
                    return Err(lost(&message.data));
                }
                // Not passed over: the next event would hide that one is missing.
                let event = serde_json::from_str(&message.data).map_err(|error| {
                    Failure::unavailable(anyhow!("the server's event {} cannot be read: {error}", message.id))
                })?;
                self.cursor = Some(message.id);
                return Ok(Told { text: message.data, event });
            }
            self.read().await?;
        }
    }

    /// Connects if need be, and waits for more bytes.
    async fn read(&mut self) -> Result<(), Failure> {
        let Some(stream) = &mut self.stream else { return self.connect().await };
        match tokio::time::timeout(SILENCE, stream.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.pause = FIRST_PAUSE;
                self.buffer.extend_from_slice(&bytes);
                self.waiting.extend(messages(&mut self.buffer));
                if self.buffer.len() > MAX_EVENT {
                    return Err(Failure::unavailable(anyhow!("the server sends an event that never ends")));
                }
            }
            Ok(Ok(None) | Err(_)) | Err(_) => self.stream = None,
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        self.buffer.clear();
        if self.cursor.is_none() {
            // From now on, also when the first connection breaks before the first event.
            self.cursor = match self.server.get("/v1/events?after=end").await {
                Ok(page) => page["next"].as_str().map(str::to_owned),
                Err(error) => return self.rest(error).await,
            };
        }
        match self.server.stream(&self.query, self.cursor.as_deref()).await {
            Ok(stream) => {
                self.stream = Some(stream);
                Ok(())
            }
            Err(error) => self.rest(error).await,
        }
    }

    /// Waits after a failure that may pass.
    async fn rest(&mut self, error: Failure) -> Result<(), Failure> {
        if !error.may_pass() {
            return Err(error);
        }
        crate::cli::tell::aside(&format!("{error}; trying again"));
        tokio::time::sleep(self.pause.mul_f64(rand::random_range(0.8..1.2))).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

fn lost(data: &str) -> Failure {
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let start = data["start"].as_str().unwrap_or_default();
    let why = match data["code"].as_str() {
        Some("cursor_reset") => "the database was restored since this cursor was given",
        _ => "events after this cursor are not kept any more",
    };
    Failure::unavailable(anyhow!("{why}; begin again with --after {start}"))
}

/// Takes the whole messages out of what has come.
fn messages(buffer: &mut Vec<u8>) -> Vec<Message> {
    let mut found = Vec::new();
    while let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
        let block: Vec<u8> = buffer.drain(..end + 2).collect();
        let text = String::from_utf8_lossy(&block);
        let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
        for line in text.lines() {
            let Some((field, value)) = line.split_once(':') else { continue };
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut id),
                "event" => value.clone_into(&mut name),
                "data" => data.push_str(value),
                _ => {}
            }
        }
        // A block of comments only is a heartbeat.
        if !data.is_empty() {
            found.push(Message { id, name, data });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_and_comments_left_out() {
        let mut buffer =
            b": heartbeat\n\nid: e.0.1\nevent: A\ndata: {\"x\":1}\n\nid: e.0.2\nevent: B\nda".to_vec();
        let first = messages(&mut buffer);
        assert_eq!(first.len(), 1);
        assert_eq!(
            (first[0].id.as_str(), first[0].name.as_str(), first[0].data.as_str()),
            ("e.0.1", "A", "{\"x\":1}")
        );
        buffer.extend_from_slice(b"ta: {}\n\n");
        assert_eq!(messages(&mut buffer)[0].id, "e.0.2");
        assert!(buffer.is_empty());
    }
}
