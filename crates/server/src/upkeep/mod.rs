//! Upkeep: nothing stays stuck. Expires what is due and sweeps what a row has given up. Any number of processes may
//! do this at once: every change is guarded by its row.

pub mod reconcile;
mod retention;
mod sweep;
pub mod verify;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::{dispatch, flows, uploads};

/// Pause between two rounds.
const PAUSE: Duration = Duration::from_secs(10);

/// Does rounds until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = round(&app).await {
            tracing::error!(
                cause = format!("{error:#}"),
                "a round of upkeep failed; the next one tries again"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One round: everything that is due now.
pub async fn round(app: &App) -> anyhow::Result<()> {
    app.store.measure_clock().await?;
    if app.objects.is_some() {
        uploads::complete::recover(app).await?;
        uploads::tus::finish::recover(app).await?;
    }
    dispatch::revoke::finish(app).await?;
    while uploads::expire::expire_due(app).await? > 0 {}
    while flows::deadline::enforce(app).await? > 0 {}
    if app.objects.is_some() {
        while sweep::sweep(app).await? > 0 {}
    }
    sweep::forget(app).await?;
    // Last: on PostgreSQL it may have to wait for a reader, and nothing else should.
    retention::keep(app).await
}
