//! What only Reelgate is asked: many connections, a long Complete, and the memory of a gateway.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use super::content::Content;
use super::doors::Door;
use super::report::Report;
use super::workload::{PART, Workload};
use super::{Measured, Options, clear, peers, scratch};
use crate::choice::Choice;
use crate::server::Server;
use crate::spread::Spread;
use crate::{MIB, memory};

/// Connections that are compared.
pub(super) const CONNECTIONS: [usize; 2] = [8, 64];
/// Parts of the long Complete, each as small as a part may be.
const PARTS: u64 = 2_000;
/// Syncs that are timed beside it.
const SYNCS: usize = 9;

/// One of them, once.
pub(super) async fn measure(
    choice: Choice,
    options: &Options,
    content: &Arc<Content>,
    round: u32,
    report: &mut Report,
) -> Result<()> {
    match choice {
        Choice::Connections => {
            let size = (share(32 * MIB, options.scale) / PART).max(1) * PART;
            for at_once in CONNECTIONS {
                let workload = Workload { size, files: 64, ..Workload::clips(1.0, at_once) };
                let (measured, peak) = alone(options, content, workload, PART).await?;
                report.connections(round, at_once, measured.figure, peak);
            }
        }
        Choice::Complete => {
            let workload =
                Workload { name: "2000 parts", files: 1, size: PARTS * MIB, at_once: 1, parts_at_once: 16 };
            let (measured, _) = alone(options, content, workload, MIB).await?;
            let complete = measured.completes.first().copied().context("there was no Complete")?;
            report.complete(round, complete, sync_seconds(&options.scratch)?);
        }
        Choice::GatewayMemory => {
            for (large, size) in [(false, 128 * MIB), (true, share(4096 * MIB, options.scale).max(256 * MIB))]
            {
                let size = size / PART * PART;
                let workload = Workload { size, ..Workload::film(1.0) };
                let (measured, peak) = alone(options, content, workload, PART).await?;
                report.memory(round, large, measured.figure, peak);
            }
        }
        _ => {}
    }
    Ok(())
}

/// One workload in parts on a server of its own, with the most that was resident meanwhile.
async fn alone(
    options: &Options,
    content: &Arc<Content>,
    workload: Workload,
    part: u64,
) -> Result<(Measured, u64)> {
    let directory = scratch(options)?;
    let server = Server::start(peers::reelgate(options, directory.path())).await?;
    memory::forget_peak(server.pid())?;
    let measured = super::measure(Door::CosMultipart, &server, content, workload, part).await?;
    let peak = memory::peak(server.pid())?;
    clear(server, directory).await?;
    Ok((measured, peak))
}

/// Seconds that one small write takes to be durable on this disk; the middle of several.
fn sync_seconds(directory: &Path) -> Result<f64> {
    let path = directory.join("sync");
    let mut file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut seconds = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(&[0; 4096])?;
        let began = Instant::now();
        file.sync_all()?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    Ok(Spread::of(seconds).median)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a scale is positive, and bytes of a measurement are far below 2^52"
)]
fn share(bytes: u64, scale: f64) -> u64 {
    (bytes as f64 * scale) as u64
}
