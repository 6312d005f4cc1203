//! Trying again.

use std::future::Future;
use std::time::Duration;

use crate::UploadError;

/// How often, and after which pauses, a request is repeated that got no answer or a 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Pause after the first failure; it doubles from there.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 6, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(8) }
    }
}

impl RetryPolicy {
    fn pause(&self, failures: u32) -> Duration {
        let factor = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_pause.saturating_mul(factor).min(self.longest_pause)
    }

    /// Runs `attempt` until it succeeds, fails for good, or has been made often enough.
    pub(crate) async fn run<T, F, Fut>(&self, mut attempt: F) -> Result<T, UploadError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, UploadError>>,
    {
        let mut failures = 0;
        loop {
            match attempt().await {
                Err(error) if error.is_transient() && failures + 1 < self.attempts => {
                    failures += 1;
                    tokio::time::sleep(self.pause(failures)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy::default();
        let seconds = [1, 2, 3, 4, 5, 6, 99].map(|failures| policy.pause(failures).as_secs_f64());
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
    }
}
