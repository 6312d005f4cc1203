//! Looks at what an encode left behind: sizes, shapes, bit rates, sums, and the master playlist that needs them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest, Md5};

use crate::probe::{Probe, ProbeError, VideoStream, probe};
use crate::work::{Begun, WorkError};

use super::plan::{Sink, TranscodePlan};
use super::playlist::{self, Entry, Segment};

/// Most time for looking at one of our own results.
const LOOK: Duration = Duration::from_secs(30);

/// One output that was made. Paths are relative to the scratch directory, sizes are bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// HLS.
    Adaptive(Adaptive),
    /// One file.
    File(File),
}

/// HLS that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptive {
    /// Template id.
    pub definition: u32,
    /// The master playlist, `adp.{definition}.m3u8`.
    pub master: String,
    /// From small to large.
    pub variants: Vec<Variant>,
    /// Every file of it, the master included.
    pub files: Vec<String>,
    /// Bytes of all files.
    pub size: u64,
}

/// One stream of an HLS output.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its media playlist.
    pub playlist: String,
    /// Pixels; 0 for sound alone.
    pub width: u32,
    /// Pixels; 0 for sound alone.
    pub height: u32,
    /// Bytes of its segments.
    pub size: u64,
    /// Seconds.
    pub duration: f64,
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Template id.
    pub definition: u32,
    /// `v.f{definition}.mp4`.
    pub path: String,
    /// What ffprobe finds in it.
    pub probe: Probe,
    /// Hex.
    pub md5: String,
}

/// A variant with its line in the master playlist and its files.
struct Measured {
    variant: Variant,
    entry: Entry,
    files: Vec<String>,
}

/// Measures every output of a plan that has run.
pub(super) async fn measure(begun: &Begun<'_>, plan: &TranscodePlan) -> Result<Vec<Made>, WorkError> {
    let mut files = Vec::new();
    let mut ladders: Vec<(u32, Vec<Measured>)> = Vec::new();
    for sink in plan.renditions.iter().flat_map(|rendition| &rendition.sinks) {
        match sink {
            Sink::Mp4 { definition } => files.push(measure_file(begun, *definition, sink.path()).await?),
            Sink::Hls { definition, .. } => {
                let measured = measure_variant(begun, *definition, sink.path()).await?;
                match ladders.iter_mut().find(|(of, _)| of == definition) {
                    Some((_, variants)) => variants.push(measured),
                    None => ladders.push((*definition, vec![measured])),
                }
            }
        }
    }
    let mut made: Vec<Made> = files.into_iter().map(Made::File).collect();
    for (definition, variants) in ladders {
        made.push(Made::Adaptive(finish_ladder(&begun.work.scratch, definition, variants).await?));
    }
    Ok(made)
}

async fn measure_file(begun: &Begun<'_>, definition: u32, path: String) -> Result<File, WorkError> {
    let probe = look(begun, &path).await?;
    let place = begun.work.scratch.join(&path);
    let hashed = tokio::task::spawn_blocking(move || md5_of(&place)).await;
    let md5 = hashed
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)))
        .map_err(|error| WorkError::machine("hash", Path::new(&path), &error))?;
    Ok(File { definition, path, probe, md5 })
}

fn md5_of(path: &PathBuf) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Md5::new();
    let mut block = vec![0; 256 * 1024];
    loop {
        match std::io::Read::read(&mut file, &mut block)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&block[..read]),
        }
    }
}

/// Probes one of our own results.
async fn look(begun: &Begun<'_>, path: &str) -> Result<Probe, WorkError> {
    let work = begun.work;
    if work.cancel.is_cancelled() {
        return Err(WorkError::Cancelled);
    }
    let found = probe(&work.sandbox, &work.scratch.join(path), begun.left().min(LOOK)).await;
    found.map_err(|error| match error {
        ProbeError::Unreadable { detail, .. } => {
            WorkError::failed(format!("ffmpeg made an unusable {path}: {detail}"))
        }
        ProbeError::TimedOut { .. } => WorkError::TimedOut { allowed: work.allowed },
        ProbeError::Infrastructure { reason, .. } => WorkError::Infrastructure { reason },
    })
}

async fn measure_variant(begun: &Begun<'_>, definition: u32, path: String) -> Result<Measured, WorkError> {
    let scratch = &begun.work.scratch;
    let unusable = || WorkError::failed(format!("ffmpeg made an unusable {path}"));
    let text = tokio::fs::read_to_string(scratch.join(&path)).await.map_err(|_| unusable())?;
    let segments = playlist::segments(&text).ok_or_else(unusable)?;
    let files: Vec<String> =
        segments.iter().map(|segment| format!("{definition}/{}", segment.name)).collect();
    let seen = look(begun, &files[0]).await?;
    let mut sizes = Vec::with_capacity(files.len());
    for file in &files {
        sizes.push(tokio::fs::metadata(scratch.join(file)).await.map_err(|_| unusable())?.len());
    }
    let duration: f64 = segments.iter().map(|segment| segment.seconds).sum();
    let size: u64 = sizes.iter().sum();
    Ok(Measured {
        entry: entry(&path, &seen, &segments, &sizes),
        variant: Variant {
            playlist: path.clone(),
            width: seen.width(),
            height: seen.height(),
            size,
            duration,
        },
        files: files.into_iter().chain([path]).collect(),
    })
}

fn entry(path: &str, seen: &Probe, segments: &[Segment], sizes: &[u64]) -> Entry {
    let rates = segments.iter().zip(sizes).map(|(segment, size)| bandwidth(*size, segment.seconds));
    let video = seen.video.first();
    Entry {
        uri: path.to_owned(),
        peak_bandwidth: rates.max().unwrap_or(0),
        average_bandwidth: bandwidth(
            sizes.iter().sum(),
            segments.iter().map(|segment| segment.seconds).sum(),
        ),
        resolution: video.map(|stream| (stream.width, stream.height)),
        frame_rate: video.map(VideoStream::fps).filter(|&fps| fps > 0.0),
        codecs: codecs(seen),
    }
}

/// Bits in a second. A last segment of one frame would make an absurd peak; no player buffers less than half a second.
fn bandwidth(size: u64, seconds: f64) -> u64 {
    (size as f64 * 8.0 / seconds.max(0.5)).ceil() as u64
}

/// RFC 6381 names of what a segment holds; empty when one of them has none.
fn codecs(seen: &Probe) -> String {
    let video = seen.video.first().map(|stream| playlist::h264_name(&stream.profile, stream.level));
    let audio = seen.audio.first().map(|stream| (stream.codec == "aac").then(|| "mp4a.40.2".to_owned()));
    let names: Option<Vec<String>> = video.into_iter().chain(audio).collect();
    names.unwrap_or_default().join(",")
}

/// Writes the master playlist, small variants first, and adds everything up.
async fn finish_ladder(
    scratch: &Path,
    definition: u32,
    mut measured: Vec<Measured>,
) -> Result<Adaptive, WorkError> {
    measured.sort_by_key(|found| u64::from(found.variant.width) * u64::from(found.variant.height));
    let master = format!("adp.{definition}.m3u8");
    let entries: Vec<Entry> = measured.iter().map(|found| found.entry.clone()).collect();
    let path = scratch.join(&master);
    let written = tokio::fs::write(&path, playlist::master(&entries)).await;
    written.map_err(|error| WorkError::machine("write", &path, &error))?;

    let mut adaptive =
        Adaptive { definition, master: master.clone(), variants: Vec::new(), files: vec![master], size: 0 };
    for Measured { variant, files, .. } in measured {
        adaptive.variants.push(variant);
        adaptive.files.extend(files);
    }
    for file in &adaptive.files {
        let path = scratch.join(file);
        let meta = tokio::fs::metadata(&path).await;
        adaptive.size += meta.map_err(|error| WorkError::machine("measure", &path, &error))?.len();
    }
    Ok(adaptive)
}
