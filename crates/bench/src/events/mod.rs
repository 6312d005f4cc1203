//! What events cost: durable appends beside Redis Streams, NATS JetStream and plain inserts, the vendor's queue beside a queue of
//! rows, the way from a commit to the receiver, and a backlog of a million.
//!
//! The peers' clients live in this process, as the store does. All databases lie on one disk, and sync before they answer.

mod appends;
mod backlog;
mod delivery;
mod log;
mod nats;
mod plain;
mod queue;
mod receiver;
mod redis;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reelgate_testkit::Postgres;
use tempfile::TempDir;

use crate::choice::Choice;
use report::Report;

/// What the command line says about this measurement.
pub(crate) struct Options {
    /// Reelgate's program.
    pub(crate) server: PathBuf,
    /// Where databases are made.
    pub(crate) scratch: PathBuf,
    /// Where Redis and NATS are.
    pub(crate) tools: PathBuf,
    /// What to measure.
    pub(crate) choices: Vec<Choice>,
    /// Times everything is measured; a backlog is measured once.
    pub(crate) rounds: u32,
    /// How long each append is measured in each round.
    pub(crate) measure: Duration,
    /// Share of the backlog.
    pub(crate) scale: f64,
}

/// Measures and prints. What is not installed is left out; what fails is told of, the others go on, and then it is an error.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let postgres = Postgres::durable();
    let mut report = Report::begin(options, &postgres).await?;
    let postgres = postgres.ok();
    let mut failed = Vec::new();
    for choice in &options.choices {
        let measured = match choice {
            Choice::EventAppends => appends::measure(options, postgres.as_ref(), &mut report).await,
            Choice::EventQueue => queue::measure(options, postgres.as_ref(), &mut report).await,
            Choice::EventDelivery => delivery::measure(options, &mut report).await,
            Choice::EventBacklog => backlog::measure(options, &mut report).await,
            _ => Ok(()),
        };
        if let Err(error) = measured {
            report.failed(choice.word(), &error);
            failed.push(choice.word());
        }
    }
    report.end();
    if failed.is_empty() { Ok(()) } else { bail!("not measured: {}", failed.join(", ")) }
}

fn scratch(options: &Options) -> Result<TempDir> {
    tempfile::tempdir_in(&options.scratch).context("a data directory cannot be made")
}

/// Where `program` is among the tools, or in PATH.
fn tool(options: &Options, beneath: &str, program: &str) -> Option<PathBuf> {
    let fetched = options.tools.join(beneath).join(program);
    let found = if fetched.is_file() { Some(fetched) } else { reelgate_testkit::find_program(&[program]) };
    // Some servers are started in a directory of their own. Links stay: Redis goes by the name it is called.
    found.and_then(|path| std::path::absolute(path).ok())
}

fn sqlite_url(directory: &Path) -> String {
    format!("sqlite://{}", directory.join("reelgate.db").display())
}
