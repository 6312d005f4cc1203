//! How slowly a body may come: somebody who holds a connection open for nothing is sent away.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::bytes::BytesError;
use crate::app::App;

/// A body that gives nothing for so long is given up.
const STALL: Duration = Duration::from_secs(60);
/// Time over which the rate is looked at.
const WINDOW: Duration = Duration::from_secs(60);

/// Watches one body.
#[derive(Debug)]
pub(super) struct Pace {
    min_rate: u64,
    since: Instant,
    received: u64,
}

impl Pace {
    pub(super) fn new(app: &App) -> Self {
        Self { min_rate: app.config.upload.min_rate, since: Instant::now(), received: 0 }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next<S>(&mut self, body: &mut S) -> Result<Option<Bytes>, BytesError>
    where
        S: Stream<Item = Result<Bytes, BytesError>> + Unpin,
    {
        match tokio::time::timeout(STALL, body.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => Err(error),
            Ok(Some(Ok(bytes))) => {
                self.note(bytes.len() as u64, self.since.elapsed())?;
                Ok(Some(bytes))
            }
            Err(_) => Err(BytesError::Stalled(STALL.as_secs())),
        }
    }

    fn note(&mut self, bytes: u64, elapsed: Duration) -> Result<(), BytesError> {
        self.received = self.received.saturating_add(bytes);
        if elapsed < WINDOW {
            return Ok(());
        }
        let least = self.min_rate.saturating_mul(elapsed.as_secs());
        if self.received < least {
            let (received, seconds) = (self.received, elapsed.as_secs());
            return Err(BytesError::TooSlow { received, seconds, min_rate: self.min_rate });
        }
        (self.since, self.received) = (Instant::now(), 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(min_rate: u64) -> Pace {
        Pace { min_rate, since: Instant::now(), received: 0 }
    }

    #[test]
    fn a_trickle_is_ended_after_a_minute_and_not_before() {
        let mut slow = pace(1024);
        for second in 0..60 {
            assert!(slow.note(1000, Duration::from_secs(second)).is_ok(), "second {second}");
        }
        let ended = slow.note(1000, Duration::from_secs(60)).unwrap_err();
        assert!(
            matches!(ended, BytesError::TooSlow { received: 61_000, seconds: 60, min_rate: 1024 }),
            "{ended}"
        );
        let mut good = pace(1024);
        assert!(good.note(61_440, Duration::from_secs(60)).is_ok());
        assert_eq!(good.received, 0, "another minute begins");
        assert!(pace(0).note(1, Duration::from_secs(600)).is_ok());
    }
}
