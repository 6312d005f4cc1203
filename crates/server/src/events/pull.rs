//! The vendor's reliable callback: events are pulled, held for their consumer for a while, and confirmed (wire reference 5.2).
//!
//! As all other readers, consumers see every event of the vendor's types, whatever mode and switches the application has chosen: those
//! govern the NotificationUrl only (design section 2, promise 3).

use std::time::Duration;

use reelgate_model::{Scope, Time};
use reelgate_store::{Event, MOST_PULLED, PullHandle, StoreError, Topic};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::render;
use crate::app::App;

/// How long a pull is held while there is nothing [the vendor's number].
const HOLD: Duration = Duration::from_secs(5);
/// How long a pulled event is not given to anybody else [the vendor's number].
const VISIBILITY: Duration = Duration::from_secs(30);
/// The queue of an application that begins to pull has what is not older [the vendor's number].
pub(super) const KEPT: Duration = Duration::from_secs(4 * 86_400);
/// Looks without a hint come so often: events become visible again without one.
const FLOOR: Duration = Duration::from_millis(500);
/// The next look when a slower writer holds events back.
const HELD_BACK: Duration = Duration::from_millis(20);

/// Why nothing was confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Not a handle.
    #[error("EventHandle {0:?} was never given out")]
    Unknown(String),
    /// Too late, or another pull has it.
    #[error(
        "an EventHandle is older than 30 seconds, or its event was pulled again since; nothing was confirmed, the events come again"
    )]
    Stale,
    /// Anything else.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// Up to 16 events, as soon as there is one, at the latest after 5 s.
pub async fn pull(app: &App, scope: &Scope) -> Result<Vec<(PullHandle, Event)>, StoreError> {
    ensure_config(app, scope).await?;
    let until = Instant::now() + HOLD;
    loop {
        let hint = app.store.hints(Topic::Events).listen();
        let own = scope.clone();
        let pull = app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { tx.pull_events(&own, MOST_PULLED, VISIBILITY).await })
        });
        let pulled = pull.await?;
        let left = until.saturating_duration_since(Instant::now());
        if !pulled.is_empty() || left.is_zero() {
            return Ok(pulled);
        }
        let held_back = app.store.read().await?.has_held_back().await?;
        hint.or_after(left.min(if held_back { HELD_BACK } else { FLOOR })).await;
    }
}

/// Confirms all of `handles`, or none.
pub async fn confirm(app: &App, scope: &Scope, handles: &[String]) -> Result<(), ConfirmError> {
    let parsed = handles
        .iter()
        .map(|text| read_handle(text).ok_or_else(|| ConfirmError::Unknown(text.chars().take(80).collect())))
        .collect::<Result<Vec<_>, _>>()?;
    let scope = scope.clone();
    let confirm = app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move { tx.confirm_events(&scope, &parsed).await })
    });
    match confirm.await {
        Err(StoreError::Stale) => Err(ConfirmError::Stale),
        Err(other) => Err(ConfirmError::Internal(other.into())),
        Ok(()) => Ok(()),
    }
}

/// An event as PullEvents answers it: EventContent with its handle.
pub fn content(handle: &PullHandle, event: &Event) -> Value {
    let mut members = Map::new();
    members.insert("EventHandle".to_owned(), Value::from(write_handle(handle)));
    let rendered = render::vendor3_of(event).ok().flatten();
    match rendered.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        Some(Value::Object(content)) => members.extend(content),
        // Only a record of a newer version. Its consumer learns that something happened, and the queue goes on.
        _ => drop(members.insert("EventType".to_owned(), Value::from(event.kind.clone()))),
    }
    Value::Object(members)
}

async fn ensure_config(app: &App, scope: &Scope) -> Result<(), StoreError> {
    if app.store.read().await?.event_config(scope).await?.is_some() {
        return Ok(());
    }
    let scope = scope.clone();
    let write = app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            let since = tx.now() - KEPT;
            tx.ensure_event_config(&scope, since).await
        })
    });
    write.await
}

/// `{seq}-{at}-{pulls}`: opaque to consumers.
fn write_handle(handle: &PullHandle) -> String {
    format!("{}-{}-{}", handle.seq, handle.at.0, handle.pulls)
}

fn read_handle(text: &str) -> Option<PullHandle> {
    let mut parts = text.split('-');
    let mut number = || {
        let part = parts.next()?;
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    };
    let handle = PullHandle { seq: number()?, at: Time(number()?), pulls: number()? };
    parts.next().is_none().then_some(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_as_they_are_written() {
        let handle = PullHandle { seq: 5, at: Time(1_780_000_000_000), pulls: 2 };
        assert_eq!(read_handle(&write_handle(&handle)), Some(handle));
        for bad in ["", "1-2", "1-2-3-4", "-1-2-3", "a-2-3", "1-2-99999999999999999999", "1--3"] {
            assert_eq!(read_handle(bad), None, "{bad}");
        }
    }
}
