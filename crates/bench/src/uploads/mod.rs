//! What uploaded bytes cost: CPU time and speed of the doors beside other servers that take files, in the same minutes.
//! Each round starts every server anew on an empty directory, sends it the same bytes, and begins with another server.

mod asides;
mod connection;
mod content;
mod doors;
mod goals;
mod peers;
mod report;
mod sink;
mod workload;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::choice::Choice;
use crate::cpu;
use crate::server::Server;
use connection::Connection;
use content::{Content, md5_seconds};
use doors::{Door, Lane, Ticket};
use report::{Figure, Report};
use workload::{PART, Workload};

pub(crate) use sink::serve as serve_sink;

/// Connections that ask for places before the clock starts.
const ASKERS: usize = 8;

/// What the command line says about this measurement.
pub(crate) struct Options {
    /// Reelgate's program.
    pub(crate) server: PathBuf,
    /// The head of every file.
    pub(crate) sample: PathBuf,
    /// Where data directories are made.
    pub(crate) scratch: PathBuf,
    /// Where nginx, `SeaweedFS` and rustus are.
    pub(crate) tools: PathBuf,
    /// Where the Node server is.
    pub(crate) tus_peer: PathBuf,
    /// What to measure.
    pub(crate) choices: Vec<Choice>,
    /// Times everything is measured.
    pub(crate) rounds: u32,
    /// Share of the bytes.
    pub(crate) scale: f64,
}

/// Measures and prints. What is not installed is left out; what fails is told of, the others go on, and then it is an
/// error.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let content = Arc::new(Content::new(&options.sample)?);
    let mut report = Report::begin(options).await?;
    let mut choices = Vec::new();
    for choice in options.choices.iter().copied() {
        match peers::find(choice, options).await {
            Ok(version) => {
                report.found(choice, &version);
                choices.push(choice);
            }
            Err(reason) => report.left_out(choice, reason),
        }
    }
    for round in 1..=options.rounds {
        for choice in choices.clone() {
            let outcome = match peers::door(choice) {
                Some(door) => taker(choice, door, options, &content, round, &mut report).await,
                None => asides::measure(choice, options, &content, round, &mut report).await,
            };
            if let Err(error) = outcome {
                report.fail(choice, &error);
                choices.retain(|other| *other != choice);
            }
        }
        let snippets = Workload::snippets(options.scale);
        report.md5(md5_seconds(snippets.files, snippets.size) / snippets.files as f64);
        if !choices.is_empty() {
            choices.rotate_left(1);
        }
    }
    report.end();
    let failed: Vec<_> = report.failed().collect();
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(())
}

/// All workloads of one server in one round.
async fn taker(
    choice: Choice,
    door: Door,
    options: &Options,
    content: &Arc<Content>,
    round: u32,
    report: &mut Report,
) -> Result<()> {
    let directory = scratch(options)?;
    let server = peers::start(choice, options, directory.path()).await?;
    let mut workloads = vec![Workload::film(options.scale), Workload::clips(options.scale, 16)];
    // Snippets go whole and through the object leg.
    if !matches!(door, Door::CosMultipart | Door::Tus | Door::ReelgateTus) {
        workloads.push(Workload::snippets(options.scale));
    }
    for workload in workloads {
        let measured = measure(door, &server, content, workload, PART).await;
        let measured = measured.with_context(|| format!("{} of {}", workload.name, choice.word()))?;
        report.add(round, choice, workload, measured.figure);
    }
    clear(server, directory).await
}

/// What one workload has shown.
struct Measured {
    figure: Figure,
    /// Seconds of each Complete.
    completes: Vec<f64>,
}

/// Sends one workload to a server.
async fn measure(
    door: Door,
    server: &Server,
    content: &Arc<Content>,
    workload: Workload,
    part: u64,
) -> Result<Measured> {
    let address = server.address()?;
    let tickets = prepare(door, address, workload).await?;
    known_digests(door, content, workload, part);
    let queue = Arc::new(Mutex::new(tickets));
    let (before, began) = (cpu::family(server.pid())?, Instant::now());
    let mut lanes = JoinSet::new();
    for _ in 0..workload.at_once {
        let connections = (0..workload.parts_at_once).map(|_| Connection::new(address)).collect();
        let mut lane = Lane { connections, content: Arc::clone(content), part };
        let queue = Arc::clone(&queue);
        lanes.spawn(async move {
            let mut completes = Vec::new();
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some(ticket) = next() {
                completes.extend(lane.upload(door, ticket, workload.size).await?);
            }
            anyhow::Ok(completes)
        });
    }
    let mut completes = Vec::new();
    while let Some(ended) = lanes.join_next().await {
        completes.extend(ended??);
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu::family(server.pid())?.since(before));
    Ok(Measured {
        figure: Figure { bytes: workload.bytes(), files: workload.files, seconds, cpu },
        completes,
    })
}

/// Places for all files.
async fn prepare(door: Door, address: std::net::SocketAddr, workload: Workload) -> Result<VecDeque<Ticket>> {
    let mut askers = JoinSet::new();
    for asker in 0..ASKERS {
        askers.spawn(async move {
            let (mut connection, mut tickets) = (Connection::new(address), Vec::new());
            for number in (asker..workload.files).step_by(ASKERS) {
                // Workloads follow each other on one server: no two files have one name.
                let number = number + workload.files * 10_000;
                tickets.push(door.prepare(&mut connection, number, workload.size).await?);
            }
            anyhow::Ok(tickets)
        });
    }
    let mut tickets = VecDeque::new();
    while let Some(ended) = askers.join_next().await {
        tickets.extend(ended??);
    }
    Ok(tickets)
}

/// Computes what is compared later, so that it takes nothing from the server while the clock runs.
fn known_digests(door: Door, content: &Content, workload: Workload, part: u64) {
    match door {
        Door::Tus | Door::ReelgateTus => {}
        Door::CosMultipart | Door::S3 if workload.size > part => {
            for offset in (0..workload.size).step_by(usize::try_from(part).unwrap_or(usize::MAX)) {
                content.md5(offset, part.min(workload.size - offset));
            }
        }
        _ => {
            content.md5(0, workload.size);
        }
    }
}

fn scratch(options: &Options) -> Result<TempDir> {
    tempfile::tempdir_in(&options.scratch).context("a data directory cannot be made")
}

/// Ends a server and what it stored. What it left unwritten must not fall into the next one's time.
async fn clear(server: Server, directory: TempDir) -> Result<()> {
    server.stop().await;
    let path = directory.path().to_owned();
    directory.close().with_context(|| format!("{} cannot be deleted", path.display()))?;
    rustix::fs::sync();
    Ok(())
}

/// The length of a program's file, bytes.
fn length(path: &Path) -> Result<u64> {
    let found = std::fs::metadata(path);
    Ok(found.with_context(|| format!("{} is not there; `make build` builds it", path.display()))?.len())
}

/// Signatures carry the time.
#[expect(clippy::disallowed_methods, reason = "this program is a client, without the server's clock")]
fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
