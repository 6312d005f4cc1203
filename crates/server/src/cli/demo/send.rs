//! Step: a client uploads the video in parts, as the mobile SDKs do.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use reelgate_client::{Endpoint, MIN_PART_SIZE, Phase, Progress, SignatureSource, Upload};

use super::Stage;
use super::access_log::Line;
use super::show::{Show, bytes};
use super::sign::PROCEDURE;

/// How long an upload may make no progress at all.
const STALL: Duration = Duration::from_secs(45);
/// A video of any length comes in about this many parts, so that the list of them stays readable.
const PARTS: u64 = 12;

/// Uploads; returns the FileId.
pub(super) async fn send(stage: &Stage, show: &mut Show) -> Result<String> {
    let size = std::fs::metadata(&stage.video).context("the video has gone")?.len();
    let before = stage.log.length();
    let doors = stage.doors.clone();
    let signatures = SignatureSource::new(move || {
        let doors = doors.clone();
        async move { Ok(doors.sign(PROCEDURE).await?) }
    });
    let upload = Upload::new(Endpoint::path_style(stage.doors.origin()), signatures, &stage.video)
        .part_size(size.div_ceil(PARTS).max(MIN_PART_SIZE));
    let mut progress = upload.progress();
    let mut running = std::pin::pin!(upload.run());
    let uploaded = loop {
        tokio::select! {
            uploaded = &mut running => break uploaded?,
            changed = tokio::time::timeout(STALL, progress.changed()) => {
                changed.map_err(|_| anyhow!("the upload made no progress for {} s", STALL.as_secs()))?
                    .context("the upload ended without a result")?;
                let now = *progress.borrow_and_update();
                show.progress("sending", percent(now), told(now));
            }
        }
    };
    show.end_bar();
    quote(stage, show, before, size).await?;
    show.line(&format!("CommitUploadUGC answered with FileId {}", uploaded.file_id));
    Ok(uploaded.file_id)
}

/// The upload as the server has it: doors, every part, and the sum of its bytes.
async fn quote(stage: &Stage, show: &Show, before: usize, size: u64) -> Result<()> {
    let what = format!("an ApplyUploadUGC, a CommitUploadUGC and parts of {size} bytes together");
    let complete =
        |lines: &[Line]| lines.iter().filter(|line| is_ugc(line)).count() >= 2 && received(lines) == size;
    let lines = stage.log.wait_for(before, &what, complete).await?;
    for line in lines.iter().filter(|line| is_ugc(line) || line.path.starts_with("/cos/")) {
        show.line(&format!("access log: {line}"));
    }
    show.line(&format!("the server received {} in {} parts", bytes(size), numbers(&lines).len()));
    Ok(())
}

fn is_ugc(line: &Line) -> bool {
    line.path == "/v3/index.php" && line.status == 200
}

fn is_part(line: &&Line) -> bool {
    line.method == "PUT" && line.status == 200 && line.part.is_some()
}

fn numbers(lines: &[Line]) -> BTreeSet<u32> {
    lines.iter().filter(is_part).filter_map(|line| line.part).collect()
}

/// Bytes of the acknowledged parts, each counted once.
fn received(lines: &[Line]) -> u64 {
    let of = |number: u32| lines.iter().filter(is_part).find(|line| line.part == Some(number));
    numbers(lines).into_iter().filter_map(of).map(|line| line.bytes_in).sum()
}

fn percent(progress: Progress) -> u64 {
    match progress.phase {
        Phase::Done => 100,
        _ => (progress.bytes * 100).checked_div(progress.total).unwrap_or(0),
    }
}

fn told(progress: Progress) -> &'static str {
    match progress.phase {
        Phase::Opening => "opening a session",
        Phase::Comparing => "comparing parts",
        Phase::Sending => "sending parts",
        Phase::Completing => "joining parts",
        Phase::Committing => "committing",
        Phase::Done => "committed",
    }
}
