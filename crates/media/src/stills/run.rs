//! Takes the pictures and hands the review frames on, one at a time.

use std::path::Path;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio::sync::mpsc;

use crate::sandbox::{ChildError, Limits};
use crate::work::{Progress, Work, WorkError};

use super::plan::{COVER, EVIDENCE, StillsPlan};
use super::{PICTURE, vtt};

/// One sampled frame, as the models see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Number of the sample, from 0.
    pub index: usize,
    /// Its time in the video, in milliseconds.
    pub time_ms: u64,
    /// Until when it stands for what is seen: the next sample or the end, in milliseconds.
    pub until_ms: u64,
    pub(crate) pixels: Vec<u8>,
}

impl Frame {
    /// The whole frame squashed to 224x224; rows of RGB bytes.
    pub fn squashed(&self) -> &[u8] {
        &self.pixels[..PICTURE]
    }

    /// The middle 224x224 of the frame squashed to 256x256; rows of RGB bytes.
    pub fn centre(&self) -> &[u8] {
        &self.pixels[PICTURE..]
    }
}

/// Pictures that were made. Paths are relative to the scratch directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stills {
    /// `cover.jpg`, when it was wanted.
    pub cover: Option<String>,
    /// Sheets `sprite_0.jpg` and on, when they were wanted.
    pub sheets: Vec<String>,
    /// `sprite.vtt`, when sheets were wanted.
    pub vtt: Option<String>,
    /// Cells on all sheets.
    pub cells: u64,
    /// Evidence pictures, one for each frame that was handed on, in their order.
    pub evidence: Vec<String>,
}

/// Takes the pictures that `plan` wants, reporting percent as it goes, and sends each review frame to `frames` as it
/// is decoded (a full channel makes ffmpeg wait). When the receiver is dropped the work ends as cancelled.
pub async fn stills(
    work: &Work,
    plan: &StillsPlan,
    frames: mpsc::Sender<Frame>,
    report: &mut (dyn FnMut(u8) + Send),
) -> Result<Stills, WorkError> {
    if plan.is_empty() {
        return Ok(Stills::default());
    }
    let begun = work.begin();
    let evidence = work.scratch.join(EVIDENCE);
    if plan.wanted.frames {
        let created = tokio::fs::create_dir_all(&evidence).await;
        created.map_err(|error| WorkError::machine("create", &evidence, &error))?;
    }
    let mut progress = Progress::new(plan.end_ms as f64 / 1000.0, 99, report);
    let limits = Limits::for_stills(begun.left());
    let handed = begun
        .ffmpeg(plan.command(), limits, async |stdout| {
            if plan.wanted.frames {
                hand_on(stdout, plan, &frames, &mut progress).await
            } else {
                progress.follow(stdout).await.map(|()| 0)
            }
        })
        .await?;
    let made = collect(&work.scratch, plan, handed).await?;
    report(100);
    Ok(made)
}

/// Cuts standard output into frames. Answers how many there were.
async fn hand_on(
    stdout: &mut ChildStdout,
    plan: &StillsPlan,
    frames: &mpsc::Sender<Frame>,
    progress: &mut Progress<'_>,
) -> Result<usize, ChildError> {
    let sampling = plan.sampling();
    let mut index = 0;
    while let Some(pixels) = next_pixels(stdout).await? {
        let number = index as u64;
        if number >= sampling.count {
            return Err(ChildError::TooTalkative { limit: index * 2 * PICTURE });
        }
        let frame =
            Frame { index, time_ms: sampling.time_ms(number), until_ms: sampling.until_ms(number), pixels };
        frames.send(frame).await.map_err(|_| ChildError::Cancelled)?;
        index += 1;
        progress.reach(index as f64 / sampling.count as f64);
    }
    Ok(index)
}

/// Both pictures of one frame; `None` at the end. A frame that ffmpeg did not finish is none.
async fn next_pixels(stdout: &mut ChildStdout) -> Result<Option<Vec<u8>>, ChildError> {
    let mut pixels = vec![0; 2 * PICTURE];
    match stdout.read_exact(&mut pixels).await {
        Ok(_) => Ok(Some(pixels)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(ChildError::Follow(error)),
    }
}

/// Checks that what was wanted is there. A damaged end gives fewer frames and cells than planned, but not none.
async fn collect(scratch: &Path, plan: &StillsPlan, handed: usize) -> Result<Stills, WorkError> {
    let mut made = Stills::default();
    let wanted = &plan.wanted;
    if wanted.cover {
        made.cover = Some(existing(scratch, COVER.to_owned()).await?);
    }
    if let Some(sprite) = &wanted.sprite {
        let cells = plan.cells(sprite);
        let sheets = cells.count.div_ceil(u64::from(sprite.columns) * u64::from(sprite.rows));
        made.sheets.push(existing(scratch, "sprite_0.jpg".to_owned()).await?);
        for sheet in 1..sheets {
            made.sheets.extend(existing(scratch, format!("sprite_{sheet}.jpg")).await.ok());
        }
        let path = scratch.join("sprite.vtt");
        let written = tokio::fs::write(&path, vtt::webvtt(sprite, &cells)).await;
        written.map_err(|error| WorkError::machine("write", &path, &error))?;
        made.vtt = Some("sprite.vtt".to_owned());
        made.cells = cells.count;
    }
    if wanted.frames && handed == 0 {
        return Err(WorkError::failed("no frame could be decoded"));
    }
    for index in 0..handed {
        made.evidence.push(existing(scratch, format!("{EVIDENCE}/{index:05}.jpg")).await?);
    }
    Ok(made)
}

async fn existing(scratch: &Path, path: String) -> Result<String, WorkError> {
    match tokio::fs::metadata(scratch.join(&path)).await {
        Ok(meta) if meta.is_file() && meta.len() > 0 => Ok(path),
        _ => Err(WorkError::failed(format!("ffmpeg made no {path}"))),
    }
}
