//! What is printed: the machine, each measurement, and whether the goals are met.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{MIB, SIZES};

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
        println!("machine: {}", machine());
        println!("server: {} {}, {:.1} MiB", server.display(), env!("CARGO_PKG_VERSION"), mib(size));
        println!(
            "resident memory of the server process (VmRSS before, VmHWM during), all roles, models loaded:\n"
        );
        println!("{:>5} {:>10} {:>12} {:>12} {:>10}", "round", "upload", "before", "peak", "speed");
        Ok(Self { all: Vec::new() })
    }

    /// Keeps a measurement and prints it.
    pub(crate) fn add(&mut self, round: u32, measured: Measured) {
        println!(
            "{round:>5} {:>6.0} MiB {:>8.1} MiB {:>8.1} MiB {:>4.0} MiB/s",
            mib(measured.size),
            mib(measured.before),
            mib(measured.peak),
            mib(measured.size) / measured.seconds
        );
        self.all.push(measured);
    }

    /// Prints what came out.
    pub(crate) fn end(&self) {
        println!("\n{:>10} {:>12} {:>12} {:>12}", "peak", "min", "median", "max");
        for size in SIZES {
            let [least, median, most] = self.spread(size).map(mib);
            println!("{:>6.0} MiB {least:>8.1} MiB {median:>8.1} MiB {most:>8.1} MiB", mib(size));
        }
        let [small, large] = SIZES.map(|size| self.spread(size)[1]);
        println!(
            "\ngoal, large upload under {:.0} MiB: {} ({:.1} MiB)",
            mib(GOAL),
            word(large < GOAL),
            mib(large)
        );
        let ratio = large as f64 / small as f64;
        let within = (ratio - 1.0).abs() <= SPREAD;
        println!(
            "goal, both sizes within {:.0} %: {} (large / small = {ratio:.3})",
            SPREAD * 100.0,
            word(within)
        );
    }

    /// Least, middle and most of the peaks at one size, bytes.
    fn spread(&self, size: u64) -> [u64; 3] {
        let mut peaks: Vec<u64> =
            self.all.iter().filter(|one| one.size == size).map(|one| one.peak).collect();
        peaks.sort_unstable();
        [peaks.first(), peaks.get(peaks.len() / 2), peaks.last()].map(|peak| peak.copied().unwrap_or(0))
    }
}

fn word(met: bool) -> &'static str {
    if met { "met" } else { "NOT met" }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

/// Processor, cores and kernel, as far as this system tells.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{}, {cores} cores, Linux {}", model.unwrap_or("unknown processor"), kernel.trim())
}
