//! What is printed about events, and the goals.

use std::collections::BTreeMap;

use anyhow::Result;
use reelgate_testkit::{Postgres, Unavailable};

use super::{Options, backlog, delivery, nats, redis};
use crate::spread::{Ratio, Spread, goal};
use crate::{MIB, machine};

/// Ours on SQLite beside Redis Streams, 16 writers.
const OF_REDIS: f64 = 1.0;
/// Ours on PostgreSQL beside plain inserts.
const OF_PLAIN: f64 = 0.5;
/// Pull and confirm beside the queue of rows.
const OF_QUEUE: f64 = 0.8;
/// From the commit to the receiver, milliseconds.
const ARRIVAL: f64 = 10.0;
/// With a backlog, MiB.
const RESIDENT: f64 = 128.0;
/// Share of the pace at which a backlog is drained.
const OF_PACE: f64 = 0.95;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Series {
    Sqlite,
    Postgres,
    PostgresApps,
    Redis,
    Nats,
    Plain,
    SkipLocked,
}

impl Series {
    fn words(self) -> &'static str {
        match self {
            Self::Sqlite => "Reelgate, SQLite",
            Self::Postgres => "Reelgate, PostgreSQL, one application",
            Self::PostgresApps => "Reelgate, PostgreSQL, 16 applications",
            Self::Redis => "Redis Streams, appendfsync always",
            Self::Nats => "NATS JetStream, sync_interval always",
            Self::Plain => "PostgreSQL, plain inserts",
            Self::SkipLocked => "PostgreSQL, queue with SKIP LOCKED",
        }
    }
}

/// What a backlog has shown.
pub(super) struct Drained {
    pub(super) events: usize,
    /// Events per second while the receiver took [`backlog::PACE`].
    pub(super) paced: f64,
    /// Events per second afterwards.
    pub(super) free: f64,
    pub(super) repeats: usize,
    /// Most bytes that were resident.
    pub(super) peak: u64,
}

type Figures = BTreeMap<(usize, Series), Vec<f64>>;

/// All rounds of a run.
pub(super) struct Report {
    redis: bool,
    nats: bool,
    /// Events per second, by writers.
    appends: Figures,
    /// Events per second, by consumers.
    pulls: Figures,
    /// Median and 99th percentile to the receivers, and median to the answer, by endpoints and round.
    deliveries: BTreeMap<usize, Vec<[f64; 3]>>,
    drained: Option<Drained>,
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
impl Report {
    /// Says what is measured on what.
    pub(super) async fn begin(options: &Options, postgres: &Result<Postgres, Unavailable>) -> Result<Self> {
        println!("events: durable appends, pull and confirm, delivery, and a backlog");
        println!("machine: {}", machine::describe());
        println!("command: {}", machine::command());
        let (redis, nats) = (redis::version(options).await, nats::version(options).await);
        for (name, version) in [("Redis", &redis), ("NATS", &nats)] {
            match version {
                Some(version) => println!("{name}: {version}"),
                None => println!(
                    "{name} is left out: not found; `sh scripts/setup.sh bench` installs it where it can"
                ),
            }
        }
        let postgres = match postgres {
            Ok(postgres) => postgres.version(),
            Err(reason) => format!("left out: {}", reason.0),
        };
        println!("PostgreSQL: {postgres}");
        Ok(Self {
            redis: redis.is_some(),
            nats: nats.is_some(),
            appends: Figures::new(),
            pulls: Figures::new(),
            deliveries: BTreeMap::new(),
            drained: None,
        })
    }

    pub(super) fn failed(&self, what: &str, error: &anyhow::Error) {
        println!("{what} failed: {error:#}");
    }

    pub(super) fn has_redis(&self) -> bool {
        self.redis
    }

    pub(super) fn has_nats(&self) -> bool {
        self.nats
    }

    pub(super) fn appended(&mut self, series: Series, writers: usize, rate: f64) {
        println!("append, {writers} writer(s), {}: {rate:.0} events/s", series.words());
        self.appends.entry((writers, series)).or_default().push(rate);
    }

    pub(super) fn pulled(&mut self, series: Series, consumers: usize, rate: f64) {
        println!("pull and confirm, {consumers} consumer(s), {}: {rate:.0} events/s", series.words());
        self.pulls.entry((consumers, series)).or_default().push(rate);
    }

    /// Milliseconds from the request to each receiver, and to its answer.
    pub(super) fn delivered(&mut self, endpoints: usize, mut arrivals: Vec<f64>, answers: Vec<f64>) {
        arrivals.sort_by(f64::total_cmp);
        let at = |share: usize| arrivals.get(arrivals.len() * share / 100).copied().unwrap_or(f64::NAN);
        let figures = [at(50), at(99), Spread::of(answers).median];
        println!(
            "delivery, {endpoints} endpoint(s): from the request to the receiver p50 {:.1} ms, p99 {:.1} ms; its answer p50 {:.1} ms",
            figures[0], figures[1], figures[2]
        );
        self.deliveries.entry(endpoints).or_default().push(figures);
    }

    pub(super) fn drained(&mut self, drained: Drained) {
        println!(
            "backlog of {} events: {:.0} events/s while the receiver took {}, {:.0} events/s afterwards, {} repeats, at most {:.1} MiB resident",
            drained.events,
            drained.paced,
            backlog::PACE,
            drained.free,
            drained.repeats,
            mib(drained.peak)
        );
        self.drained = Some(drained);
    }

    /// Says what came out.
    pub(super) fn end(&self) {
        println!("\nmedians (least to most of the rounds), events/s:");
        for (what, by, figures) in
            [("append", "writer(s)", &self.appends), ("pull and confirm", "consumer(s)", &self.pulls)]
        {
            for ((count, series), rates) in figures {
                let Spread { least, median, most } = Spread::of(rates.iter().copied());
                println!("  {what}, {count} {by}, {}: {median:.0} ({least:.0} to {most:.0})", series.words());
            }
        }
        for line in self.judge() {
            println!("{line}");
        }
    }

    fn judge(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let beside = |figures: &Figures, count, ours, peer, least: f64, what: String| {
            let ratio = Ratio::of(figures.get(&(count, ours))?, figures.get(&(count, peer))?);
            Some(goal(
                &format!("{what} at least {least} x {}", peer.words()),
                ratio.of_medians >= least,
                ratio,
            ))
        };
        let what = format!("append, 16 writers, {}", Series::Sqlite.words());
        lines.extend(beside(&self.appends, 16, Series::Sqlite, Series::Redis, OF_REDIS, what));
        for writers in [16, 64] {
            for ours in [Series::Postgres, Series::PostgresApps] {
                let what = format!("append, {writers} writers, {}", ours.words());
                lines.extend(beside(&self.appends, writers, ours, Series::Plain, OF_PLAIN, what));
            }
        }
        for consumers in [1, 8] {
            let what = format!("pull and confirm, {consumers} consumer(s), PostgreSQL,");
            let (ours, peer) = (Series::Postgres, Series::SkipLocked);
            lines.extend(beside(&self.pulls, consumers, ours, peer, OF_QUEUE, what));
        }
        for endpoints in delivery::ENDPOINTS {
            let Some(rounds) = self.deliveries.get(&endpoints) else { continue };
            let spread = |n: usize| Spread::of(rounds.iter().map(|round| round[n]));
            let (middle, late) = (spread(0), spread(1));
            let what = format!("p50 to the receivers of {endpoints} endpoint(s) under {ARRIVAL} ms");
            let seen = format!(
                "p50 {:.1} ms, rounds {:.1} to {:.1}; p99 {:.1} ms",
                middle.median, middle.least, middle.most, late.median
            );
            lines.push(goal(&what, middle.median < ARRIVAL, seen));
        }
        if let Some(drained) = &self.drained {
            let peak = mib(drained.peak);
            let what = format!("a backlog of {} events leaves memory under {RESIDENT} MiB", drained.events);
            lines.push(goal(&what, peak < RESIDENT, format!("{peak:.1} MiB")));
            let share = drained.paced / f64::from(backlog::PACE);
            let what = format!("it drains at {OF_PACE} x what the endpoint takes");
            lines.push(goal(&what, share >= OF_PACE, format!("{share:.2} of {} events/s", backlog::PACE)));
        }
        lines
    }
}

fn mib(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let bytes = bytes as f64;
    bytes / MIB as f64
}
