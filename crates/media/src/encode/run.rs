//! Does what a plan says.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sandbox::Limits;
use crate::work::{Progress, Work, WorkError};

use super::commands::SHARED_DIRECTORY;
use super::measure::{Made, measure};
use super::plan::{Sink, TranscodePlan};

/// Percent of the work that encoding is; packaging and measuring are the rest.
const ENCODING: u8 = 95;

/// More threads for each encoder cost memory (a 2160p ladder with 16 takes 3.5 GiB) and bring little.
const MOST_THREADS: usize = 8;

/// Makes every output of `plan`, reporting percent as it goes. All or nothing: after an error the scratch directory
/// holds nothing to be used.
pub async fn transcode(
    work: &Work,
    plan: &TranscodePlan,
    report: &mut (dyn FnMut(u8) + Send),
) -> Result<Vec<Made>, WorkError> {
    if plan.is_empty() {
        return Ok(Vec::new());
    }
    let begun = work.begin();
    make_directories(&work.scratch, plan).await?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_THREADS);

    let mut progress = Progress::new(plan.duration, ENCODING, report);
    let limits = Limits::for_encode(begun.left(), plan.largest_file());
    begun.ffmpeg(plan.encode_command(threads), limits, async |stdout| progress.follow(stdout).await).await?;
    for package in plan.package_commands() {
        let mut silent = |_| ();
        let mut quiet = Progress::new(0.0, 0, &mut silent);
        let limits = Limits::for_encode(begun.left(), plan.largest_file());
        begun.ffmpeg(package, limits, async |stdout| quiet.follow(stdout).await).await?;
    }
    remove_shared(&work.scratch).await?;
    let made = measure(&begun, plan).await?;
    report(100);
    Ok(made)
}

async fn make_directories(scratch: &Path, plan: &TranscodePlan) -> Result<(), WorkError> {
    let sinks = plan.renditions.iter().flat_map(|rendition| &rendition.sinks);
    let ladders = sinks.filter_map(|sink| match sink {
        Sink::Hls { definition, .. } => Some(definition.to_string()),
        Sink::Mp4 { .. } => None,
    });
    let directories: BTreeSet<String> = ladders.chain([SHARED_DIRECTORY.to_owned()]).collect();
    for directory in directories {
        let path = scratch.join(directory);
        tokio::fs::create_dir_all(&path)
            .await
            .map_err(|error| WorkError::machine("create", &path, &error))?;
    }
    Ok(())
}

async fn remove_shared(scratch: &Path) -> Result<(), WorkError> {
    let path = scratch.join(SHARED_DIRECTORY);
    tokio::fs::remove_dir_all(&path).await.map_err(|error| WorkError::machine("remove", &path, &error))
}
