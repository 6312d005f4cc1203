//! Whose turn it is to open an upload.
//!
//! A flood of Applies (one leaked signature is enough) would queue for database connections, where whoever has waited for
//! 30 s is told that the server failed, though nothing did. Here they queue without an end, first come, first served:
//! who gives up and closes the connection leaves the queue, and what waits costs memory only.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls that are worked on at once, per process: several for each database connection, so that none is idle, and few
/// enough that no one of them waits long for one.
const AT_ONCE: usize = 64;

/// The queue in front of Prepare and Apply.
#[derive(Debug)]
pub struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Turns {
    /// Waits for a turn, which lasts until the permit is dropped.
    pub async fn take(&self) -> SemaphorePermit<'_> {
        self.0.acquire().await.expect("it is never closed")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn turns_are_given_in_order_and_come_back() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(turns.take().now_or_never().expect("a free turn"));
        }
        let (mut first, mut gone) = (Box::pin(turns.take()), Box::pin(turns.take()));
        assert!(first.as_mut().now_or_never().is_none() && gone.as_mut().now_or_never().is_none());
        drop(gone);
        let mut last = Box::pin(turns.take());
        assert!(last.as_mut().now_or_never().is_none());
        held.pop();
        let first = first.now_or_never().expect("who came first is next");
        assert!(last.as_mut().now_or_never().is_none(), "and nobody else");
        drop(first);
        assert!(last.now_or_never().is_some(), "who left the queue holds nobody up");
    }
}
