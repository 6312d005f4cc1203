//! `reelgate-bench`: figures about a built server, measured from outside. `make bench` runs it; `docs/benchmarks.md`
//! keeps what was seen. It is never part of the tests: figures depend on the machine.
//!
//! Four measurements: `resident`, the memory that uploads take; `uploads`, what uploaded bytes cost beside other servers;
//! `signatures`, the CPU time that signatures take; and `events`, what the log and its readers do beside other logs and queues.

mod choice;
mod cpu;
mod events;
mod machine;
mod memory;
mod resident;
mod server;
mod signatures;
mod spread;
mod uploads;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use choice::Choice;

/// Mebibyte, bytes.
const MIB: u64 = 1 << 20;
/// Rounds of each measurement unless the command line says otherwise. Uploads take minutes each.
const MEMORY_ROUNDS: u32 = 3;
const UPLOAD_ROUNDS: u32 = 5;
const SIGNATURE_ROUNDS: u32 = 5;
const EVENT_ROUNDS: u32 = 5;

/// Measure a Reelgate server: resident memory during uploads, the cost of uploaded bytes, of signatures, and of events.
#[derive(Parser)]
#[command(name = "reelgate-bench", version, about)]
struct Arguments {
    /// What to measure, separated by commas; left out: everything.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<Choice>,
    /// The server's program, built with optimisation.
    #[arg(long, value_name = "FILE", default_value = "target/release/reelgate")]
    server: PathBuf,
    /// Short video: processed once before each memory measurement, and the head of the files that are uploaded.
    #[arg(long, value_name = "FILE", default_value = "samples/bigbuckbunny-5s-720p.mp4")]
    sample: PathBuf,
    /// Times everything is measured [default: 3 for memory, 5 for the others].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// How long each target of the signature measurement, and each append, is measured in each round.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Share of the bytes that the upload measurement sends, and of the backlog of events; 1 is what the goals are about.
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    scale: f64,
    /// Where uploaded bytes and databases are stored meanwhile; memory and uploads need 10 GiB.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// The Express peer, with its packages installed.
    #[arg(long, value_name = "DIR", default_value = "crates/bench/peers/express")]
    express: PathBuf,
    /// The tus project's server, with its packages installed.
    #[arg(long, value_name = "DIR", default_value = "crates/bench/peers/tus")]
    tus_peer: PathBuf,
    /// Where nginx, `SeaweedFS`, rustus, Redis and NATS are installed.
    #[arg(long, value_name = "DIR", default_value = "target/tools")]
    tools: PathBuf,
    /// Measure signatures without rate limit and policy.
    #[arg(long)]
    no_policy: bool,
    #[command(subcommand)]
    peer: Option<Peer>,
}

fn scale(text: &str) -> Result<f64, String> {
    let scale: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.001..=10.0).contains(&scale) { Ok(scale) } else { Err("must be from 0.001 to 10".to_owned()) }
}

/// What measurements start beside themselves.
#[derive(Subcommand)]
enum Peer {
    /// Serve signatures from a bare axum handler.
    #[command(hide = true)]
    AxumPeer {
        /// Characters of `sourceContext`.
        context: usize,
    },
    /// Write what is sent to files.
    #[command(hide = true)]
    SinkPeer {
        /// Where to.
        directory: PathBuf,
        /// Compute MD5 and CRC-64.
        #[arg(long)]
        digests: bool,
    },
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    match arguments.peer.take() {
        Some(Peer::AxumPeer { context }) => return signatures::serve_axum_peer(context),
        Some(Peer::SinkPeer { directory, digests }) => return uploads::serve_sink(directory, digests),
        None => {}
    }
    // Refused only when one is installed already, which is then the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let scratch = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let scratch = tempfile::Builder::new().prefix("reelgate-bench-").tempdir_in(&scratch);
    let scratch = scratch.context("a scratch directory cannot be made; name another with --scratch")?;
    if Choice::memory(&arguments.only) {
        measure_memory(&arguments, scratch.path())?;
    }
    if !Choice::uploads(&arguments.only).is_empty() {
        measure_uploads(&arguments, scratch.path())?;
    }
    if !Choice::targets(&arguments.only).is_empty() {
        measure_signatures(&arguments, scratch.path())?;
    }
    if !Choice::events(&arguments.only).is_empty() {
        measure_events(&arguments, scratch.path())?;
    }
    Ok(())
}

fn measure_memory(arguments: &Arguments, scratch: &Path) -> Result<()> {
    let options = resident::Options {
        server: arguments.server.clone(),
        sample: arguments.sample.clone(),
        scratch: scratch.to_owned(),
        rounds: arguments.rounds.unwrap_or(MEMORY_ROUNDS),
    };
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(resident::run(&options))
}

fn measure_uploads(arguments: &Arguments, scratch: &Path) -> Result<()> {
    let options = uploads::Options {
        server: arguments.server.clone(),
        sample: arguments.sample.clone(),
        scratch: scratch.to_owned(),
        tools: arguments.tools.clone(),
        tus_peer: arguments.tus_peer.clone(),
        choices: Choice::uploads(&arguments.only),
        rounds: arguments.rounds.unwrap_or(UPLOAD_ROUNDS),
        scale: arguments.scale,
    };
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(uploads::run(&options))
}

fn measure_events(arguments: &Arguments, scratch: &Path) -> Result<()> {
    let options = events::Options {
        server: arguments.server.clone(),
        scratch: scratch.to_owned(),
        tools: arguments.tools.clone(),
        choices: Choice::events(&arguments.only),
        rounds: arguments.rounds.unwrap_or(EVENT_ROUNDS),
        measure: Duration::from_secs(arguments.seconds),
        scale: arguments.scale,
    };
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(events::run(&options))
}

/// On one thread: the load must not take more of the machine from the servers than it has to.
fn measure_signatures(arguments: &Arguments, scratch: &Path) -> Result<()> {
    let options = signatures::Options {
        server: arguments.server.clone(),
        express: arguments.express.clone(),
        scratch: scratch.to_owned(),
        targets: Choice::targets(&arguments.only),
        rounds: arguments.rounds.unwrap_or(SIGNATURE_ROUNDS),
        measure: Duration::from_secs(arguments.seconds),
        policy: !arguments.no_policy,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the runtime cannot be started")?.block_on(signatures::run(&options))
}
