//! Callers as other systems name them, with real keys and real servers on this machine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod forward;
mod forward_failures;
mod hs256;
mod issuer;
mod jwks;
mod jwks_failures;
mod public_keys;
mod settings;
mod token_times;

use std::time::Duration;

use reelgate_model::Time;

/// The server's clock in these tests: years before the machine's, which must not be read.
const NOW: Time = Time(1_000_000_000_000);

/// Moves tokio's clock. It stands still only for the jump: standing while sockets are waited for, it would run ahead.
async fn pass(length: Duration) {
    tokio::time::pause();
    tokio::time::advance(length).await;
    tokio::time::resume();
}

/// Lets other tasks run until `done`.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    at_last(waiting).await;
}

/// Gives up on what will never come, so that a broken test fails and does not hang. Nothing depends on the length.
async fn at_last<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), waiting).await.expect("it never came")
}
