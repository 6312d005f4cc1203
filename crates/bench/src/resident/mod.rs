//! The resident memory of a server with all its roles and with the review models loaded, while a
//! file is uploaded, for a small and for a large file. Sizes are taken in turns so that whatever else the machine
//! does meets both.

mod chain;
mod padded;
mod report;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::server::{self, API_KEY, Server};
use crate::{MIB, memory};
use chain::Chain;
use report::{Measured, Report};

/// Uploads that are compared, bytes.
const SIZES: [u64; 2] = [128 * MIB, 1024 * MIB];

/// What the command line says about this measurement.
pub(crate) struct Options {
    /// Reelgate's program.
    pub(crate) server: PathBuf,
    /// Short video: processed once before each measurement, and the head of the files that are uploaded.
    pub(crate) sample: PathBuf,
    /// Where data directories are made.
    pub(crate) scratch: PathBuf,
    /// Times each size is measured.
    pub(crate) rounds: u32,
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut report = Report::begin(&options.server)?;
    for round in 1..=options.rounds {
        for size in SIZES {
            report.add(round, measure(options, size).await?);
        }
    }
    report.end();
    Ok(())
}

/// One upload of `size` bytes to a fresh server that has processed a video before.
async fn measure(options: &Options, size: u64) -> Result<Measured> {
    let data = tempfile::tempdir_in(&options.scratch).context("a data directory cannot be made")?;
    let file = data.path().join("padded.mp4");
    padded::write(&options.sample, &file, size)?;
    let server = Server::start(server::reelgate(&options.server, data.path(), "")).await?;
    let chain = Chain::new(server.origin(), API_KEY)?;
    let warm_up = chain.upload(Path::new(&options.sample), "ReelgateShortVideo").await?;
    chain.processed(&warm_up).await?;

    let before = memory::resident(server.pid())?;
    memory::forget_peak(server.pid())?;
    let began = Instant::now();
    chain.upload(&file, "").await?;
    let seconds = began.elapsed().as_secs_f64();
    let (peak, anonymous) = (memory::peak(server.pid())?, memory::anonymous(server.pid())?);
    server.stop().await;
    Ok(Measured { size, before, peak, anonymous, seconds })
}
