//! Durable events per second, by writers that wait for each.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use reelgate_testkit::Postgres;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::log::Log;
use super::nats::NatsWriter;
use super::plain::PlainWriter;
use super::redis::RedisWriter;
use super::report::{Report, Series};
use super::{Options, nats, plain, redis, scratch, sqlite_url};

/// What a fact of an upload takes.
const PAYLOAD: usize = 1_000;
/// Not counted.
const WARM_UP: Duration = Duration::from_millis(500);
/// Applications where there are many.
const APPS: i64 = 16;

/// Something that is appended to.
pub(super) trait Writer: Send + 'static {
    /// Returns when the event is on disk.
    fn append(&mut self, payload: &str) -> impl Future<Output = Result<()>> + Send;
}

/// All peers in each round, in turns.
pub(super) async fn measure(
    options: &Options,
    postgres: Option<&Postgres>,
    report: &mut Report,
) -> Result<()> {
    for _ in 0..options.rounds {
        for writers in [1, 16] {
            sqlite(options, writers, report).await?;
            if report.has_redis() {
                redis_streams(options, writers, report).await?;
            }
            if report.has_nats() {
                jetstream(options, writers, report).await?;
            }
        }
        let Some(postgres) = postgres else { continue };
        for writers in [1, 16, 64] {
            for apps in [1, APPS] {
                let log = Log::open(&postgres.new_database(), apps).await?;
                let rate = rate(log.writers(writers), options.measure).await?;
                log.store.close().await;
                let series = if apps == 1 { Series::Postgres } else { Series::PostgresApps };
                report.appended(series, writers, rate);
            }
            let pool = plain::open(&postgres.new_database(), 64).await?;
            let writing = (0..writers).map(|_| PlainWriter(pool.clone())).collect();
            report.appended(Series::Plain, writers, rate(writing, options.measure).await?);
            pool.close().await;
        }
    }
    Ok(())
}

async fn sqlite(options: &Options, writers: usize, report: &mut Report) -> Result<()> {
    let directory = scratch(options)?;
    let log = Log::open(&sqlite_url(directory.path()), 1).await?;
    report.appended(Series::Sqlite, writers, rate(log.writers(writers), options.measure).await?);
    log.store.close().await;
    Ok(())
}

async fn redis_streams(options: &Options, writers: usize, report: &mut Report) -> Result<()> {
    let directory = scratch(options)?;
    let server = redis::start(options, directory.path()).await?;
    let mut writing = Vec::new();
    for _ in 0..writers {
        writing.push(RedisWriter::connect(&server).await?);
    }
    report.appended(Series::Redis, writers, rate(writing, options.measure).await?);
    server.stop().await;
    Ok(())
}

async fn jetstream(options: &Options, writers: usize, report: &mut Report) -> Result<()> {
    let directory = scratch(options)?;
    let server = nats::start(options, directory.path()).await?;
    let mut writing = Vec::new();
    for n in 0..writers {
        writing.push(NatsWriter::connect(&server, n + 1).await?);
    }
    report.appended(Series::Nats, writers, rate(writing, options.measure).await?);
    server.stop().await;
    Ok(())
}

/// Events per second of all writers together.
async fn rate<W: Writer>(writers: Vec<W>, time: Duration) -> Result<f64> {
    let payload: Arc<str> = format!("{{\"text\":\"{}\"}}", "x".repeat(PAYLOAD - 11)).into();
    let begin = Instant::now() + WARM_UP;
    let end = begin + time;
    let count = Arc::new(AtomicU64::new(0));
    let mut writing = JoinSet::new();
    for mut writer in writers {
        let (payload, count) = (Arc::clone(&payload), Arc::clone(&count));
        writing.spawn(async move {
            while Instant::now() < end {
                writer.append(&payload).await?;
                if (begin..end).contains(&Instant::now()) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writing.join_next().await {
        ended??;
    }
    rustix::fs::sync();
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    let events = count.load(Ordering::Relaxed) as f64;
    Ok(events / time.as_secs_f64())
}
