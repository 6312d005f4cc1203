//! Step: everything that the event names is fetched as a viewer would, and ffprobe says what it is.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::StatusCode;
use reelgate_media::probe::{Probe, probe};
use reelgate_wire::vod::{MediaProcessTaskResult, ProcedureTask};
use reqwest::Url;

use super::Stage;
use super::playlist::{self, Variant};
use super::show::{Show, bytes};

/// How long ffprobe may take over one file.
const PROBE: Duration = Duration::from_secs(30);
/// How far a playlist's and a file's length may be apart: one frame of sound and of picture at the end, and rounding.
const TOLERANCE: f64 = 1.0;

/// Fetches HLS, MP4, cover and sprite of a finished task.
pub(super) async fn play(stage: &Stage, show: &Show, task: &ProcedureTask) -> Result<()> {
    let mut fetched = Vec::new();
    for result in &task.media_process_result_set {
        fetched.push(result.word());
        match result {
            MediaProcessTaskResult::AdaptiveDynamicStreaming(task) => {
                hls(stage, show, &task.output.as_ref().context("HLS has no output")?.url).await?;
            }
            MediaProcessTaskResult::Transcode(task) => {
                mp4(stage, show, &task.output.as_ref().context("the MP4 has no output")?.url).await?;
            }
            MediaProcessTaskResult::CoverBySnapshot(task) => {
                picture(
                    stage,
                    show,
                    "cover",
                    &task.output.as_ref().context("the cover has no output")?.cover_url,
                )
                .await?;
            }
            MediaProcessTaskResult::ImageSprites(task) => {
                let output = task.output.as_ref().context("the sprite has no output")?;
                for url in &output.image_url_set {
                    picture(stage, show, "sprite", url).await?;
                }
                cues(stage, show, &output.web_vtt_url).await?;
            }
        }
    }
    for wanted in ["AdaptiveDynamicStreaming", "Transcode", "CoverBySnapshot", "ImageSprites"] {
        if !fetched.contains(&wanted) {
            bail!("the event holds no {wanted}");
        }
    }
    Ok(())
}

async fn hls(stage: &Stage, show: &Show, url: &str) -> Result<()> {
    let base = Url::parse(url).with_context(|| format!("{url:?} is no address"))?;
    let master = stage.doors.download(url, None).await?;
    let variants = playlist::variants(&base, &String::from_utf8_lossy(&master.body))?;
    show.line(&format!("HLS {}: {}, {} variants", base.path(), master.content_type, variants.len()));
    for (number, found) in variants.iter().enumerate() {
        variant(stage, show, number, found).await?;
    }
    Ok(())
}

/// Downloads a variant's segments into one file and compares what ffprobe reads from them with the playlists.
async fn variant(stage: &Stage, show: &Show, number: usize, variant: &Variant) -> Result<()> {
    let list = stage.doors.download(variant.url.as_str(), None).await?;
    let media = playlist::media(&variant.url, &String::from_utf8_lossy(&list.body))?;
    let path = stage.directory.join(format!("hls-{number}"));
    let mut file =
        std::fs::File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut size = 0;
    for url in &media.files {
        let segment = stage.doors.download(url.as_str(), None).await?;
        file.write_all(&segment.body).with_context(|| format!("{} cannot be written", path.display()))?;
        size += segment.body.len() as u64;
    }
    let read = look(stage, path).await?;
    show.line(&format!(
        "  {} segments, {}, {:.1} s by the playlist; ffprobe reads from them: {}",
        media.segments,
        bytes(size),
        media.seconds,
        told(&read)
    ));
    let stated = variant.resolution.context("the master playlist states no RESOLUTION")?;
    if (read.width(), read.height()) != stated {
        bail!(
            "the master playlist states {}x{}, ffprobe reads {}x{}",
            stated.0,
            stated.1,
            read.width(),
            read.height()
        );
    }
    if (read.duration - media.seconds).abs() > TOLERANCE {
        bail!("the playlist lasts {:.1} s, ffprobe reads {:.1} s", media.seconds, read.duration);
    }
    Ok(())
}

async fn mp4(stage: &Stage, show: &Show, url: &str) -> Result<()> {
    let start = stage.doors.download(url, Some("bytes=0-99")).await?;
    if start.status != StatusCode::PARTIAL_CONTENT || start.body.len() != 100 {
        bail!(
            "{url}: the first 100 bytes were asked for; {} and {} bytes came",
            start.status,
            start.body.len()
        );
    }
    show.line(&format!("MP4 {}: {}, range {}", path(url), start.content_type, start.content_range));
    let file = stage.doors.download(url, None).await?;
    let read = save_and_look(stage, "transcoded.mp4", &file.body).await?;
    if !read.has_moving_video() {
        bail!("{url} holds no moving picture: {}", told(&read));
    }
    show.line(&format!("  {}; ffprobe reads: {}", bytes(file.body.len() as u64), told(&read)));
    Ok(())
}

async fn picture(stage: &Stage, show: &Show, what: &str, url: &str) -> Result<()> {
    let file = stage.doors.download(url, None).await?;
    let read = save_and_look(stage, what, &file.body).await?;
    if !read.is_still() || read.width() == 0 {
        bail!("the {what} {url} is not a picture: {}", told(&read));
    }
    let size = bytes(file.body.len() as u64);
    show.line(&format!(
        "{what} {}: {}, {size}; ffprobe reads: {}",
        path(url),
        file.content_type,
        told(&read)
    ));
    Ok(())
}

async fn cues(stage: &Stage, show: &Show, url: &str) -> Result<()> {
    let file = stage.doors.download(url, None).await?;
    let text = String::from_utf8_lossy(&file.body);
    let cues = text.lines().filter(|line| line.contains("-->")).count();
    if !text.starts_with("WEBVTT") || cues == 0 {
        bail!("{url} is no WebVTT with cues");
    }
    show.line(&format!("sprite index {}: {}, {cues} cues", path(url), file.content_type));
    Ok(())
}

async fn save_and_look(stage: &Stage, name: &str, body: &[u8]) -> Result<Probe> {
    let path = stage.directory.join(name);
    std::fs::write(&path, body).with_context(|| format!("{} cannot be written", path.display()))?;
    look(stage, path).await
}

async fn look(stage: &Stage, path: PathBuf) -> Result<Probe> {
    probe(&stage.sandbox, &path, PROBE)
        .await
        .with_context(|| format!("ffprobe cannot read {}", path.display()))
}

/// The path of an address, for lines that are short enough to read.
fn path(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned())
}

/// What ffprobe found, in one line.
fn told(probe: &Probe) -> String {
    let video = probe.video.iter().map(|one| format!("{} {}x{}", one.codec, one.width, one.height));
    let audio = probe.audio.iter().map(|one| format!("{} {} Hz", one.codec, one.sample_rate));
    let streams: Vec<String> = video.chain(audio).collect();
    if probe.is_still() {
        return streams.join(" + ");
    }
    format!("{}, {:.1} s", streams.join(" + "), probe.duration)
}
