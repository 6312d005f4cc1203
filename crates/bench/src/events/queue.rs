//! Pull and confirm in the store, beside a queue of rows at the same batch size. Both are filled before, and drained.

use std::time::Duration;

use anyhow::{Result, ensure};
use reelgate_model::{Scope, Time};
use reelgate_store::{PullHandle, Store, StoreError};
use reelgate_testkit::Postgres;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::log::Log;
use super::report::{Report, Series};
use super::{Options, plain, scratch, sqlite_url};

/// Events of each round.
const EVENTS: usize = 20_000;
/// The vendor's number.
const BATCH: usize = 16;
/// Consumers at once.
const CONSUMERS: [usize; 2] = [1, 8];
const VISIBLE: Duration = Duration::from_secs(30);
const PAYLOAD: usize = 1_000;

/// Ours on both engines and the peer, in turns.
pub(super) async fn measure(
    options: &Options,
    postgres: Option<&Postgres>,
    report: &mut Report,
) -> Result<()> {
    let payload = "x".repeat(PAYLOAD);
    for _ in 0..options.rounds {
        for consumers in CONSUMERS {
            let directory = scratch(options)?;
            let rate = ours(&sqlite_url(directory.path()), consumers, &payload).await?;
            report.pulled(Series::Sqlite, consumers, rate);
            let Some(postgres) = postgres else { continue };
            let rate = ours(&postgres.new_database(), consumers, &payload).await?;
            report.pulled(Series::Postgres, consumers, rate);
            let rate = peer(&postgres.new_database(), consumers, &payload).await?;
            report.pulled(Series::SkipLocked, consumers, rate);
        }
    }
    Ok(())
}

async fn ours(url: &str, consumers: usize, payload: &str) -> Result<f64> {
    let log = Log::open(url, 1).await?;
    let scope = log.scopes[0].clone();
    let configured = scope.clone();
    log.store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { tx.ensure_event_config(&configured, Time(0)).await })
        })
        .await?;
    log.fill(EVENTS, 500, payload).await?;
    rustix::fs::sync();
    let began = Instant::now();
    let mut draining = JoinSet::new();
    for _ in 0..consumers {
        draining.spawn(drain(log.store.clone(), scope.clone()));
    }
    let seconds = finish(draining, began).await?;
    log.store.close().await;
    Ok(seconds)
}

async fn peer(url: &str, consumers: usize, payload: &str) -> Result<f64> {
    let pool = plain::open(url, 16).await?;
    plain::fill(&pool, EVENTS, payload).await?;
    rustix::fs::sync();
    let began = Instant::now();
    let mut draining = JoinSet::new();
    for _ in 0..consumers {
        draining.spawn(plain::drain(pool.clone(), i64::try_from(BATCH)?));
    }
    let seconds = finish(draining, began).await?;
    pool.close().await;
    Ok(seconds)
}

/// Waits for all consumers. Returns events per second; each event must have been got once.
async fn finish(mut draining: JoinSet<Result<usize>>, began: Instant) -> Result<f64> {
    let mut count = 0;
    while let Some(ended) = draining.join_next().await {
        count += ended??;
    }
    ensure!(count == EVENTS, "{EVENTS} events were queued and {count} came");
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// A consumer: pulls, confirms, until nothing comes any more.
async fn drain(store: Store, scope: Scope) -> Result<usize> {
    let mut count = 0;
    loop {
        let pulling = scope.clone();
        let pulled = store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { tx.pull_events(&pulling, BATCH, VISIBLE).await })
            })
            .await?;
        if pulled.is_empty() {
            return Ok(count);
        }
        count += pulled.len();
        let handles: Vec<PullHandle> = pulled.into_iter().map(|(handle, _)| handle).collect();
        let confirming = scope.clone();
        store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { tx.confirm_events(&confirming, &handles).await })
            })
            .await?;
    }
}
