//! `reelgate-bench`: figures about a built server, measured from outside. `make bench` runs it; `docs/benchmarks.md`
//! keeps what was seen. It is never part of the tests: figures depend on the machine.
//!
//! What it measures now: the resident memory of a server with all its roles and with the review models loaded, while
//! a file is uploaded, for a small and for a large file. Sizes are taken in turns so that whatever else the machine
//! does meets both.

mod chain;
mod memory;
mod padded;
mod report;
mod server;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use chain::Chain;
use report::{Measured, Report};
use server::Server;

/// Mebibyte, bytes.
const MIB: u64 = 1 << 20;
/// Uploads that are compared, bytes.
const SIZES: [u64; 2] = [128 * MIB, 1024 * MIB];

/// Measure resident memory of a Reelgate server during uploads.
#[derive(Parser)]
#[command(name = "reelgate-bench", version, about)]
struct Arguments {
    /// The server's program, built with optimisation.
    #[arg(long, value_name = "FILE", default_value = "target/release/reelgate")]
    server: PathBuf,
    /// Short video: processed once before each measurement, and the head of the files that are uploaded.
    #[arg(long, value_name = "FILE", default_value = "samples/bigbuckbunny-5s-720p.mp4")]
    sample: PathBuf,
    /// Times each size is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where uploaded bytes are stored meanwhile; needs 3 GiB.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Refused only when one is installed already, which is then the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let scratch = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let scratch = tempfile::Builder::new().prefix("reelgate-bench-").tempdir_in(&scratch);
    let scratch = scratch.context("a scratch directory cannot be made; name another with --scratch")?;
    let mut report = Report::begin(&arguments.server)?;
    for round in 1..=arguments.rounds {
        for size in SIZES {
            report.add(round, measure(&arguments, scratch.path(), size).await?);
        }
    }
    report.end();
    Ok(())
}

/// One upload of `size` bytes to a fresh server that has processed a video before.
async fn measure(arguments: &Arguments, scratch: &Path, size: u64) -> Result<Measured> {
    let data = tempfile::tempdir_in(scratch).context("a data directory cannot be made")?;
    let file = data.path().join("padded.mp4");
    padded::write(&arguments.sample, &file, size)?;
    let server = Server::start(&arguments.server, data.path()).await?;
    let chain = Chain::new(server.origin(), server.api_key())?;
    let warm_up = chain.upload(&arguments.sample, "ReelgateShortVideo").await?;
    chain.processed(&warm_up).await?;

    let before = memory::resident(server.pid())?;
    memory::forget_peak(server.pid())?;
    let began = Instant::now();
    chain.upload(&file, "").await?;
    let seconds = began.elapsed().as_secs_f64();
    let peak = memory::peak(server.pid())?;
    server.stop().await;
    Ok(Measured { size, before, peak, seconds })
}
