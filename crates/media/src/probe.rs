//! What a stranger's file is: ffprobe in its sandbox, and what we make of its answer.

mod parse;
mod types;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::arguments::Arguments;
use crate::sandbox::{ChildError, Ended, Launch, Limits, SOURCE, Sandbox};

pub use types::{AudioStream, FrameRate, Probe, VideoStream};

/// Demuxers that may look at a stranger's file: what phones, cameras, browsers, editors and archives write. Absent
/// on purpose: everything that names other files (hls, dash, concat, imf, image2 sequences, sdp), scripts and
/// subtitles, devices, and formats nobody uploads.
const DEMUXERS: &str = "mov,matroska,mpegts,mpeg,mpegvideo,flv,avi,asf,ogg,rm,mxf,dv,ivf,h264,hevc,m4v,\
                                   wav,mp3,aac,flac,amr,amrnb,amrwb,ac3,eac3,aiff,caf,\
                                   jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,gif";

/// Largest picture we decode: 8192 x 8192, twice an 8K frame. A picture beyond it costs memory, not quality.
pub const MAX_PIXELS: u64 = 8192 * 8192;

/// ffprobe's answer is a few KiB; a file with a thousand streams makes it a few hundred.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The fields we use, so that a stranger's own tags never reach us.
const ENTRIES: &str = "format=format_name,duration,bit_rate:format_tags=major_brand\
    :stream=index,codec_type,codec_name,codec_tag_string,profile,level,width,height,sample_aspect_ratio,\
    avg_frame_rate,r_frame_rate,bit_rate,duration,sample_rate,channels\
    :stream_tags=rotate,DURATION:stream_disposition=attached_pic:stream_side_data=rotation";

/// Why bytes cannot be used as media. Each has a code for events and error replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Not media at all, or too damaged to tell its tracks.
    Malformed,
    /// A format, or a size of picture, that we do not take.
    Unsupported,
}

impl Unreadable {
    /// The stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "ContentMalformed",
            Self::Unsupported => "ContentUnsupported",
        }
    }
}

/// Why there is no [`Probe`].
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The file's fault. Trying again gives the same.
    #[error("cannot read the file as media: {detail}")]
    Unreadable {
        /// Which kind.
        reason: Unreadable,
        /// A sentence without paths; parts of it may come from ffprobe.
        detail: String,
    },
    /// The time given was too short; more time may help.
    #[error("probing took longer than {allowed:?}")]
    TimedOut {
        /// The time given.
        allowed: Duration,
    },
    /// Our own or the machine's fault: the file is missing, the sandbox does not work, memory is short.
    #[error("cannot probe {path}: {reason}")]
    Infrastructure {
        /// The file that was to be probed.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// Reads what `path` holds, within `deadline`. Files without a stated duration (as browsers record them) are read
/// through to measure it.
pub async fn probe(sandbox: &Sandbox, path: &Path, deadline: Duration) -> Result<Probe, ProbeError> {
    let trouble = |reason: String| ProbeError::Infrastructure { path: path.to_owned(), reason };
    let open = || async {
        let file = tokio::fs::File::open(path).await.map_err(|error| trouble(error.to_string()))?;
        Ok::<_, ProbeError>(file.into_std().await)
    };
    let ends = Instant::now() + deadline;
    let child_error = |error| match error {
        ChildError::TimedOut => ProbeError::TimedOut { allowed: deadline },
        ChildError::TooTalkative { .. } => {
            unreadable(Unreadable::Unsupported, "it describes itself at absurd length")
        }
        ChildError::Start(_) | ChildError::Helper(_) | ChildError::Follow(_) | ChildError::Cancelled => {
            trouble(chain(&error))
        }
    };

    let file = open().await?;
    let size = file.metadata().map_err(|error| trouble(error.to_string()))?.len();
    let described = ask_ffprobe(sandbox, file, deadline).await.map_err(child_error)?;
    let mut probe = understand(&described, size).map_err(|error| match error {
        Misunderstood::File(reason, detail) => ProbeError::Unreadable { reason, detail },
        Misunderstood::Machine(reason) => trouble(reason),
    })?;
    if probe.duration == 0.0 && !probe.is_still() {
        let left = ends.saturating_duration_since(Instant::now());
        let measured = measure(sandbox, open().await?, left).await.map_err(child_error)?;
        probe.set_measured_duration(measured);
    }
    Ok(probe)
}

fn unreadable(reason: Unreadable, detail: &str) -> ProbeError {
    ProbeError::Unreadable { reason, detail: detail.to_owned() }
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The options that make ffmpeg and ffprobe take a stranger's file safely; they come before its name.
pub(crate) fn add_input_options(arguments: &mut Arguments) {
    arguments.words("-protocol_whitelist file");
    arguments.option("-format_whitelist", DEMUXERS).option("-max_pixels", MAX_PIXELS);
}

async fn ask_ffprobe(sandbox: &Sandbox, file: std::fs::File, wall: Duration) -> Result<Ended, ChildError> {
    let mut arguments = Arguments::default();
    arguments.words("-v error");
    add_input_options(&mut arguments);
    arguments.words("-print_format json=compact=1").option("-show_entries", ENTRIES).one(SOURCE);
    let launch = Launch {
        program: &sandbox.tools().ffprobe,
        arguments: arguments.into_vec(),
        source: Some(file),
        scratch: None,
        limits: Limits::for_probe(wall),
    };
    sandbox.start(launch).await?.collect(MAX_ANSWER).await
}

enum Misunderstood {
    File(Unreadable, String),
    Machine(String),
}

fn understand(ended: &Ended, size: u64) -> Result<Probe, Misunderstood> {
    use std::os::unix::process::ExitStatusExt;
    let said = ended.stderr_tail.replace(SOURCE, "the file");
    if ended.status.signal() == Some(nix::libc::SIGKILL) {
        return Err(Misunderstood::Machine("ffprobe was killed from outside (out of memory?)".to_owned()));
    }
    if said.contains("Format not on whitelist") {
        let detail = "its format is not one that is taken".to_owned();
        return Err(Misunderstood::File(Unreadable::Unsupported, detail));
    }
    if refused_pixels(&said) > MAX_PIXELS {
        return Err(Misunderstood::File(Unreadable::Unsupported, too_many_pixels()));
    }
    if !ended.status.success() {
        let last = said.lines().last().unwrap_or("ffprobe gave no reason").to_owned();
        return Err(Misunderstood::File(Unreadable::Malformed, last));
    }
    let probe =
        parse::answer(&ended.stdout, size).map_err(|error| Misunderstood::Machine(error.to_string()))?;
    if probe.video.is_empty() && probe.audio.is_empty() {
        let detail = "no audio or video track was found in it".to_owned();
        return Err(Misunderstood::File(Unreadable::Malformed, detail));
    }
    if probe.video.iter().any(|stream| u64::from(stream.width) * u64::from(stream.height) > MAX_PIXELS) {
        return Err(Misunderstood::File(Unreadable::Unsupported, too_many_pixels()));
    }
    Ok(probe)
}

/// The size of the picture that a decoder complained about ("Picture size 30000x30000 is invalid"), 0 without one.
/// There may be a limit lower than ours.
fn refused_pixels(said: &str) -> u64 {
    let size = said.split("Picture size ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let sides = size.and_then(|size| size.split_once('x'));
    let pixels =
        sides.and_then(|(width, height)| width.parse::<u64>().ok()?.checked_mul(height.parse().ok()?));
    pixels.unwrap_or(0)
}

fn too_many_pixels() -> String {
    format!("its picture has more than {MAX_PIXELS} pixels")
}

/// Reads all packets without decoding them; the last one's end is the duration. 0 when it has no times at all.
async fn measure(sandbox: &Sandbox, file: std::fs::File, wall: Duration) -> Result<f64, ChildError> {
    let mut arguments = Arguments::default();
    arguments.words("-nostdin -v error -nostats");
    add_input_options(&mut arguments);
    arguments.option("-i", SOURCE).words("-map 0:v? -map 0:a? -c copy -progress pipe:1 -f null -");
    let launch = Launch {
        program: &sandbox.tools().ffmpeg,
        arguments: arguments.into_vec(),
        source: Some(file),
        scratch: None,
        limits: Limits::for_probe(wall),
    };
    let ended = sandbox.start(launch).await?.collect(MAX_ANSWER).await?;
    Ok(parse::last_out_time(&String::from_utf8_lossy(&ended.stdout)))
}
