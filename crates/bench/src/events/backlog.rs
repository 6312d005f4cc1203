//! A backlog of a million events for one endpoint: how much memory it takes, and whether it drains as fast as the endpoint takes it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reelgate_store::Store;
use tokio::time::{Instant, sleep_until, timeout};

use super::delivery::{Api, reelgate};
use super::log::Log;
use super::receiver::Receiver;
use super::report::{Drained, Report};
use super::{Options, scratch};
use crate::memory;
use crate::server::Server;

/// Events of the whole backlog.
const EVENTS: f64 = 1_000_000.0;
/// What the receiver takes at first, events per second, and for how long.
pub(super) const PACE: u32 = 500;
const PACED: Duration = Duration::from_secs(20);
/// The rest must go on.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Once: draining takes minutes.
pub(super) async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most ten million")]
    let events = (EVENTS * options.scale) as usize;
    let directory = scratch(options)?;
    let mut receiver = Receiver::start().await?;
    prepare(options, directory.path(), &receiver.url, events).await?;

    receiver.set_pace(Some(Duration::from_secs(1) / PACE));
    let server = Server::start(reelgate(&options.server, directory.path(), "")).await?;
    let mut seen = Seen::new(events);
    // The first second is the server's start.
    seen.note(&mut receiver, Instant::now() + Duration::from_secs(1)).await?;
    let before = seen.distinct;
    seen.note(&mut receiver, Instant::now() + PACED).await?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let paced = (seen.distinct - before) as f64 / PACED.as_secs_f64();

    receiver.set_pace(None);
    let (before, began) = (seen.distinct, Instant::now());
    seen.all(&mut receiver).await?;
    #[expect(clippy::cast_precision_loss, reason = "a million")]
    let free = (seen.distinct - before) as f64 / began.elapsed().as_secs_f64();
    report.drained(Drained { events, paced, free, repeats: seen.repeats, peak: memory::peak(server.pid())? });
    server.stop().await;
    Ok(())
}

/// A server's database with an endpoint that has not been handed anything.
async fn prepare(options: &Options, directory: &Path, url: &str, events: usize) -> Result<()> {
    let server = Server::start(reelgate(&options.server, directory, "dispatch,gateway,api")).await?;
    let api = Api::new(server.origin());
    api.trigger().await?;
    api.create_endpoint(url).await?;
    server.stop().await;
    let url = format!("sqlite://{}", directory.join("data/reelgate.db").display());
    let store = Store::open(&url, reelgate_model::Clock::machine()).await?;
    let mut read = store.read().await?;
    let app = read.apps(None, 1).await?.pop().context("the server has no application")?;
    let scope = reelgate_model::Scope::system(app.id);
    let start = read.log_start().await?;
    let reelgate_store::LogRead::Page(page) = read.events_after(&scope, &start, 1).await? else {
        bail!("the log cannot be read from its start")
    };
    let fact = page.events.first().context("the log is empty")?.fact.clone();
    drop(read);
    let log = Log { store, scopes: vec![scope] };
    log.fill(events, 1_000, &fact).await?;
    log.store.close().await;
    rustix::fs::sync();
    Ok(())
}

/// Which events have come.
struct Seen {
    numbers: std::collections::HashSet<u64>,
    wanted: usize,
    distinct: usize,
    repeats: usize,
}

impl Seen {
    fn new(wanted: usize) -> Self {
        Self { numbers: std::collections::HashSet::with_capacity(wanted), wanted, distinct: 0, repeats: 0 }
    }

    fn add(&mut self, seq: u64) {
        if self.numbers.insert(seq) {
            self.distinct += 1;
        } else {
            self.repeats += 1;
        }
    }

    async fn note(&mut self, receiver: &mut Receiver, until: Instant) -> Result<()> {
        loop {
            tokio::select! {
                arrival = receiver.arrivals.recv() => self.add(arrival.context("the receiver is gone")?.seq),
                () = sleep_until(until) => return Ok(()),
            }
        }
    }

    async fn all(&mut self, receiver: &mut Receiver) -> Result<()> {
        while self.distinct < self.wanted {
            let arrival = timeout(STANDSTILL, receiver.arrivals.recv()).await;
            let arrival =
                arrival.with_context(|| format!("{} of {} came, then none", self.distinct, self.wanted))?;
            self.add(arrival.context("the receiver is gone")?.seq);
        }
        ensure!(self.distinct == self.wanted, "more events came than there were");
        Ok(())
    }
}
