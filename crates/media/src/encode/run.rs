//! Does what a plan says and measures what came out.

use std::path::Path;
use std::time::Duration;

use md5::{Digest, Md5};

use crate::probe::{Probe, ProbeError, VideoStream, probe};
use crate::sandbox::Limits;
use crate::work::{Begun, Progress, Work, WorkError};

use super::commands::SHARED_DIRECTORY;
use super::plan::{Sink, TranscodePlan};
use super::playlist::{self, Entry, Segment};

/// Percent of the work that encoding is; packaging and measuring are the rest.
const ENCODING: u8 = 95;

/// More encoder threads than this cost memory and quality and bring little.
const MOST_THREADS: usize = 16;

/// Time for looking at one of our own results.
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
    let limits = |begun: &Begun<'_>| Limits::for_encode(begun.left(), plan.largest_file());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_THREADS);

    let mut progress = Progress::new(plan.duration, ENCODING, report);
    let encode = plan.encode_command(threads);
    begun.ffmpeg(encode, limits(&begun), async |stdout| progress.follow(stdout).await).await?;
    for package in plan.package_commands() {
        let mut silent = |_| ();
        let mut quiet = Progress::new(0.0, 0, &mut silent);
        begun.ffmpeg(package, limits(&begun), async |stdout| quiet.follow(stdout).await).await?;
    }
    remove_shared(&work.scratch).await?;
    let made = measure(work, plan).await?;
    report(100);
    Ok(made)
}

async fn make_directories(scratch: &Path, plan: &TranscodePlan) -> Result<(), WorkError> {
    let sinks = plan.renditions.iter().flat_map(|rendition| &rendition.sinks);
    let mut directories: Vec<String> = sinks
        .filter_map(|sink| match sink {
            Sink::Hls { definition, .. } => Some(definition.to_string()),
            Sink::Mp4 { .. } => None,
        })
        .collect();
    directories.push(SHARED_DIRECTORY.to_owned());
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

async fn measure(work: &Work, plan: &TranscodePlan) -> Result<Vec<Made>, WorkError> {
    let mut made: Vec<Made> = Vec::new();
    let mut entries: Vec<(u32, Vec<Entry>)> = Vec::new();
    for sink in plan.renditions.iter().flat_map(|rendition| &rendition.sinks) {
        match sink {
            Sink::Mp4 { definition } => {
                made.push(Made::File(measure_file(work, *definition, sink.path()).await?))
            }
            Sink::Hls { definition, .. } => {
                let found = measure_variant(work, *definition, sink.path()).await?;
                add_variant(&mut made, &mut entries, *definition, found);
            }
        }
    }
    for (definition, mut lines) in entries {
        lines.sort_by_key(|entry| entry.average_bandwidth);
        lines.sort_by_key(|entry| {
            entry.resolution.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
        });
        finish_adaptive(&work.scratch, &mut made, definition, &lines).await?;
    }
    Ok(made)
}

async fn measure_file(work: &Work, definition: u32, path: String) -> Result<File, WorkError> {
    let probe = look(work, &path).await?;
    let md5 = md5_of(work.scratch.join(&path)).await?;
    Ok(File { definition, path, probe, md5 })
}

/// Probes one of our own results.
async fn look(work: &Work, path: &str) -> Result<Probe, WorkError> {
    probe(&work.sandbox, &work.scratch.join(path), LOOK).await.map_err(|error| match error {
        ProbeError::Unreadable { detail, .. } => {
            WorkError::failed(format!("ffmpeg made an unusable {path}: {detail}"))
        }
        ProbeError::TimedOut { .. } | ProbeError::Infrastructure { .. } => {
            WorkError::Infrastructure { reason: error.to_string() }
        }
    })
}

async fn md5_of(path: std::path::PathBuf) -> Result<String, WorkError> {
    let hashing = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(&path)?;
        let mut hasher = Md5::new();
        let mut block = vec![0; 256 * 1024];
        loop {
            match std::io::Read::read(&mut file, &mut block)? {
                0 => return Ok(hex::encode(hasher.finalize())),
                read => hasher.update(&block[..read]),
            }
        }
    });
    let hashed: std::io::Result<String> = hashed_or_panicked(hashing.await);
    hashed.map_err(|error| WorkError::Infrastructure { reason: format!("cannot hash an output: {error}") })
}

fn hashed_or_panicked<T>(joined: Result<std::io::Result<T>, tokio::task::JoinError>) -> std::io::Result<T> {
    joined.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

struct FoundVariant {
    variant: Variant,
    entry: Entry,
    files: Vec<String>,
}

async fn measure_variant(work: &Work, definition: u32, path: String) -> Result<FoundVariant, WorkError> {
    let unusable = || WorkError::failed(format!("ffmpeg made an unusable {path}"));
    let text = tokio::fs::read_to_string(work.scratch.join(&path)).await.map_err(|_| unusable())?;
    let segments = playlist::segments(&text).ok_or_else(unusable)?;
    let first = format!("{definition}/{}", segments[0].name);
    let seen = look(work, &first).await?;
    let mut sizes = Vec::with_capacity(segments.len());
    for Segment { name, .. } in &segments {
        let meta = tokio::fs::metadata(work.scratch.join(definition.to_string()).join(name)).await;
        sizes.push(meta.map_err(|_| unusable())?.len());
    }
    let duration: f64 = segments.iter().map(|segment| segment.seconds).sum();
    let size: u64 = sizes.iter().sum();
    let video = seen.video.first();
    let variant =
        Variant { playlist: path.clone(), width: seen.width(), height: seen.height(), size, duration };
    let rates = segments.iter().zip(&sizes).map(|(segment, size)| bandwidth(*size, segment.seconds));
    let entry = Entry {
        uri: path.clone(),
        peak_bandwidth: rates.max().unwrap_or(0),
        average_bandwidth: bandwidth(size, duration),
        resolution: video.map(|stream| (stream.width, stream.height)),
        frame_rate: video.map(VideoStream::fps).filter(|&fps| fps > 0.0),
        codecs: codecs(&seen),
    };
    let files = segments.into_iter().map(|segment| format!("{definition}/{}", segment.name));
    let files = std::iter::once(path).chain(files).collect();
    Ok(FoundVariant { variant, entry, files })
}

fn bandwidth(size: u64, seconds: f64) -> u64 {
    // A last segment of one frame would make an absurd peak; no player buffers less than half a second.
    (size as f64 * 8.0 / seconds.max(0.5)).ceil() as u64
}

/// RFC 6381 names of what a segment holds; empty when one of them has none.
fn codecs(seen: &Probe) -> String {
    let video = seen.video.first().map(|stream| playlist::h264_name(&stream.profile, stream.level));
    let audio = seen.audio.first().map(|stream| (stream.codec == "aac").then(|| "mp4a.40.2".to_owned()));
    let names: Option<Vec<String>> = video.into_iter().chain(audio).collect();
    names.unwrap_or_default().join(",")
}

fn add_variant(
    made: &mut Vec<Made>,
    entries: &mut Vec<(u32, Vec<Entry>)>,
    definition: u32,
    found: FoundVariant,
) {
    let existing = made.iter_mut().find_map(|made| match made {
        Made::Adaptive(adaptive) if adaptive.definition == definition => Some(adaptive),
        Made::Adaptive(_) | Made::File(_) => None,
    });
    match existing {
        Some(adaptive) => {
            adaptive.variants.push(found.variant);
            adaptive.files.extend(found.files);
        }
        None => made.push(Made::Adaptive(Adaptive {
            definition,
            master: format!("adp.{definition}.m3u8"),
            variants: vec![found.variant],
            files: found.files,
            size: 0,
        })),
    }
    match entries.iter_mut().find(|(of, _)| *of == definition) {
        Some((_, lines)) => lines.push(found.entry),
        None => entries.push((definition, vec![found.entry])),
    }
}

/// Writes the master playlist and adds everything up.
async fn finish_adaptive(
    scratch: &Path,
    made: &mut [Made],
    definition: u32,
    lines: &[Entry],
) -> Result<(), WorkError> {
    for made in made {
        let Made::Adaptive(adaptive) = made else { continue };
        if adaptive.definition != definition {
            continue;
        }
        let text = playlist::master(lines);
        let path = scratch.join(&adaptive.master);
        let written = tokio::fs::write(&path, &text).await;
        written.map_err(|error| WorkError::machine("write", &path, &error))?;
        adaptive.variants.sort_by_key(|variant| u64::from(variant.width) * u64::from(variant.height));
        adaptive.files.push(adaptive.master.clone());
        adaptive.size = text.len() as u64;
        for file in &adaptive.files {
            if *file != adaptive.master {
                let path = scratch.join(file);
                let meta = tokio::fs::metadata(&path).await;
                adaptive.size += meta.map_err(|error| WorkError::machine("measure", &path, &error))?.len();
            }
        }
    }
    Ok(())
}
