//! `reelgate events listen`: events for a server that no push can reach, such as one on a laptop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use reqwest::{Client, Url};
use serde::Serialize;
use serde_json::value::RawValue;

use super::feed::{Event, Feed, Wanted};
use super::tail::row;
use crate::cli::exit::Failure;
use crate::cli::remote::{Server, block_on};
use crate::cli::tell::{aside, line};

/// Pauses before a failed event is posted again; the last one is repeated: the next event waits.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];
/// How long the receiver may take.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Where to post, such as http://localhost:3000/hook.
    #[arg(long, value_name = "URL")]
    forward_to: Url,
    /// How events are written.
    #[arg(long, value_enum, default_value_t = Shape::Vendor3)]
    shape: Shape,
    /// Keep the place in this file, and go on there next time.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// As the vendor's 3.0 callbacks; our own events are left out.
    Vendor3,
    /// As Standard Webhooks write them (type, timestamp, data); not signed.
    Standard,
}

pub(super) fn run(server: &Server, arguments: &Arguments) -> Result<(), Failure> {
    let resume = arguments.state.as_deref().map(open_place).transpose()?.flatten();
    block_on(async {
        let http = Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .context("the HTTP client cannot be made")?;
        let mut feed = Feed::new(server, &arguments.wanted, resume);
        aside(&format!("waiting for events of {}; Ctrl-C ends it", server.base()));
        loop {
            let event = feed.next().await?.event;
            if let Some(body) = body(&event, arguments.shape) {
                forward(&http, &arguments.forward_to, &event, &body).await?;
            }
            if let (Some(path), Some(cursor)) = (&arguments.state, feed.cursor()) {
                keep_place(path, cursor)?;
            }
        }
    })
}

/// A Standard Webhooks message.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    data: &'a RawValue,
}

fn body(event: &Event, shape: Shape) -> Option<Vec<u8>> {
    match shape {
        Shape::Vendor3 if event.r#type.starts_with("reelgate.") => None,
        Shape::Vendor3 => Some(event.data.get().as_bytes().to_vec()),
        Shape::Standard => {
            let message = Message { r#type: &event.r#type, timestamp: &event.recorded_at, data: &event.data };
            Some(serde_json::to_vec(&message).expect("texts and JSON"))
        }
    }
}

/// Posts until the receiver takes it: an event that was skipped would be missed in silence.
async fn forward(http: &Client, to: &Url, event: &Event, body: &[u8]) -> Result<(), Failure> {
    let mut failed = 0;
    loop {
        let said = post(http, to, event, body).await;
        line(&format!(
            "{}  -> {}",
            row(event),
            said.as_ref().map_or_else(ToString::to_string, ToString::to_string)
        ))?;
        match said {
            Ok(status) if (200..300).contains(&status) => return Ok(()),
            _ => {
                tokio::time::sleep(PAUSES[failed.min(PAUSES.len() - 1)]).await;
                failed += 1;
            }
        }
    }
}

async fn post(http: &Client, to: &Url, event: &Event, body: &[u8]) -> Result<u16, String> {
    let mut request = http
        .post(to.clone())
        .header("Content-Type", "application/json")
        .header("Reelgate-Event-Id", &event.id)
        .header("Reelgate-Event-Seq", &event.seq)
        .header("Reelgate-Event-Type", &event.r#type);
    if event.test {
        request = request.header("Reelgate-Event-Test", "true");
    }
    match request.body(body.to_vec()).send().await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(if error.is_connect() {
            "nobody listens there; trying again".to_owned()
        } else {
            format!("{}; trying again", error.without_url())
        }),
    }
}

/// The place that was kept, if any. Fails at once if none can be kept there: found out after an event was posted, each new start would
/// post it again.
fn open_place(path: &Path) -> Result<Option<String>, Failure> {
    let aside = aside_of(path);
    std::fs::write(&aside, "").and_then(|()| std::fs::remove_file(&aside)).map_err(|error| {
        Failure::usage(anyhow!("the place cannot be kept in {}: {error}; correct --state", path.display()))
    })?;
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::usage(anyhow!("{} cannot be read: {error}", path.display()))),
    }
}

/// Written aside and renamed: a place that is half written would be no place.
fn keep_place(path: &Path, cursor: &str) -> Result<(), Failure> {
    let aside = aside_of(path);
    std::fs::write(&aside, format!("{cursor}\n"))
        .and_then(|()| std::fs::rename(&aside, path))
        .with_context(|| format!("the place cannot be kept in {}", path.display()))?;
    Ok(())
}

/// With the whole name in it: state files that differ in their extension only must not share one.
fn aside_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_beside_others_and_tried_before_anything_is_posted() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (directory.path().join("place.a"), directory.path().join("place.b"));
        assert_ne!(aside_of(&one), aside_of(&other));
        assert_eq!(open_place(&one).unwrap(), None);
        keep_place(&one, "e.0.1").unwrap();
        keep_place(&other, "e.0.2").unwrap();
        assert_eq!(open_place(&one).unwrap().as_deref(), Some("e.0.1"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside them");
        let nowhere = open_place(&directory.path().join("missing/place")).unwrap_err().to_string();
        assert!(nowhere.contains("correct --state"), "{nowhere}");
    }
}
