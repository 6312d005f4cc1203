//! What is printed: the machine, each measurement, and whether the goals are met.

use std::path::Path;

use anyhow::{Context, Result};

use super::SIZES;
use crate::spread::{Spread, goal};
use crate::{MIB, machine};

/// The most the server may hold while the largest file arrives, bytes.
const GOAL: u64 = 128 * MIB;
/// How far the two sizes may be apart: memory does not grow with file size.
const SPREAD: f64 = 0.10;

/// One upload.
pub(crate) struct Measured {
    /// Bytes uploaded.
    pub(crate) size: u64,
    /// Resident just before, bytes.
    pub(crate) before: u64,
    /// Most that was resident from the first request to the answer of Commit, bytes.
    pub(crate) peak: u64,
    /// Resident after it, without what is mapped from files, bytes.
    pub(crate) anonymous: u64,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// All measurements of a run.
pub(crate) struct Report {
    all: Vec<Measured>,
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
impl Report {
    /// Says what is measured on what.
    pub(crate) fn begin(server: &Path) -> Result<Self> {
        let size = std::fs::metadata(server)
            .with_context(|| format!("{} is not there; `make build` builds it", server.display()))?
            .len();
        println!("machine: {}", machine::describe());
        println!("server: {} {}, {:.1} MiB", server.display(), env!("CARGO_PKG_VERSION"), mib(size));
        println!(
            "resident memory of the server process (VmRSS before, VmHWM during, RssAnon after), all roles, models loaded:\n"
        );
        println!(
            "{:>5} {:>10} {:>12} {:>12} {:>12} {:>10}",
            "round", "upload", "before", "peak", "anonymous", "speed"
        );
        Ok(Self { all: Vec::new() })
    }

    /// Keeps a measurement and prints it.
    pub(crate) fn add(&mut self, round: u32, measured: Measured) {
        println!(
            "{round:>5} {:>6.0} MiB {:>8.1} MiB {:>8.1} MiB {:>8.1} MiB {:>4.0} MiB/s",
            mib(measured.size),
            mib(measured.before),
            mib(measured.peak),
            mib(measured.anonymous),
            mib(measured.size) / measured.seconds
        );
        self.all.push(measured);
    }

    /// Prints what came out.
    pub(crate) fn end(&self) {
        println!("\n{:>10} {:>12} {:>12} {:>12}", "peak", "min", "median", "max");
        for size in SIZES {
            let peaks = self.peaks(size);
            println!(
                "{:>6.0} MiB {:>8.1} MiB {:>8.1} MiB {:>8.1} MiB",
                mib(size),
                peaks.least,
                peaks.median,
                peaks.most
            );
        }
        let [small, large] = SIZES.map(|size| self.peaks(size).median);
        let what = format!("large upload under {:.0} MiB", mib(GOAL));
        println!("\n{}", goal(&what, large < mib(GOAL), format!("{large:.1} MiB")));
        let ratio = large / small;
        let what = format!("both sizes within {:.0} %", SPREAD * 100.0);
        println!("{}", goal(&what, (ratio - 1.0).abs() <= SPREAD, format!("large / small = {ratio:.3}")));
    }

    /// The peaks at one size, MiB.
    fn peaks(&self, size: u64) -> Spread {
        Spread::of(self.all.iter().filter(|one| one.size == size).map(|one| mib(one.peak)))
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
