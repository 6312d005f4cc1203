//! Pulling from the real cloud's queue: what is pulled is confirmed only when the log has it (the vendor's own demo confirms events that
//! its handler failed on).

use std::time::Duration;

use anyhow::{Context, Result};
use reelgate_model::Scope;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::upstream::Upstream;
use super::{Prepared, prepare, record};
use crate::app::App;
use crate::config::{Mode, Tencent};

/// Pauses after a failure: doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After an answer that came at once and empty: the cloud holds a pull up to 5 s while its queue is empty, a proxy may not.
const EMPTY_PAUSE: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
struct Pulled<'a> {
    #[serde(rename = "EventSet", borrow, default)]
    events: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Handle {
    #[serde(rename = "EventHandle", default)]
    handle: Option<String>,
}

/// Pulls until `stop`; nothing in `local` mode, or when the configuration says so.
pub async fn run(app: App, stop: CancellationToken) {
    let Mode::Tencent(account) = &app.config.mode else { return };
    if !account.pull {
        return;
    }
    let upstream = match Upstream::new(account, app.clock.clone()) {
        Ok(upstream) => upstream,
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "events of the cloud are not pulled by this process"
            );
            return;
        }
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let rest = tokio::select! {
            pulled = pull(&app, account, &upstream) => match pulled {
                Ok(0) => { pause = FIRST_PAUSE; EMPTY_PAUSE }
                Ok(_) => { pause = FIRST_PAUSE; Duration::ZERO }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "pulling events of the cloud failed; trying again");
                    let rest = pause.mul_f64(rand::random_range(0.8..1.2));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    rest
                }
            },
            () = stop.cancelled() => return,
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One pull: recorded, then confirmed. Returns how many events came.
async fn pull(app: &App, account: &Tencent, upstream: &Upstream) -> Result<usize> {
    let answer = upstream.ask(account, "PullEvents", json!({})).await?;
    let pulled: Pulled<'_> =
        serde_json::from_str(answer.get()).context("the answer to PullEvents has no list of events")?;
    let (mut handles, mut events): (Vec<String>, Vec<Prepared>) = (Vec::new(), Vec::new());
    for raw in pulled.events.unwrap_or_default() {
        let handle: Handle = serde_json::from_str(raw.get()).unwrap_or(Handle { handle: None });
        match prepare(raw.get().as_bytes()) {
            Ok(event) => {
                events.push(event);
                handles.extend(handle.handle);
            }
            // Not confirmed: it stays where somebody can look at it, and does not hold the others up.
            Err(error) => {
                tracing::error!(%error, handle = handle.handle, "a pulled event cannot be read and is left in the queue")
            }
        }
    }
    if events.is_empty() {
        return Ok(0);
    }
    let count = events.len();
    record(app, &Scope::system(app.main_app()), events).await.context("pulled events cannot be recorded")?;
    // An unconfirmed event comes again and is then known.
    upstream.ask(account, "ConfirmEvents", json!({ "EventHandles": handles })).await?;
    Ok(count)
}
