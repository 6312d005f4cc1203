//! What `/v1/media` answers, and how it is made from rows and records.

use anyhow::Context;
use reelgate_model::{MediaStatus, SubtaskState};
use reelgate_store::{Media, Review, Subtask, Task};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::when::rfc3339;
use crate::app::App;
use crate::events::fact::ProbeFact;
use crate::events::outcome::{self, AdaptiveOutput, TranscodeOutput};
use crate::flows::evidence::{FrameRecord, ModelRecord};
use crate::http::Problem;
use crate::library::catalogue::{Listed, Whole};
use crate::library::{probe, urls};

/// Where a page begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MediaQuery {
    /// `next` of the page before.
    pub(super) after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    pub(super) limit: Option<u32>,
}

/// A page of media.
#[derive(Debug, Serialize, ToSchema)]
pub struct MediaPage {
    /// Newest first.
    pub(super) items: Vec<MediaSummary>,
    /// What to give as `after` for the next page; null at the end.
    pub(super) next: Option<String>,
}

/// One media in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct MediaSummary {
    /// FileId, decimal.
    file_id: String,
    /// Name without extension.
    name: String,
    /// Extension as announced.
    r#type: String,
    /// `normal` or `deleted`.
    status: &'static str,
    /// RFC 3339.
    created_at: String,
    /// Bytes of the source.
    size: u64,
    /// Seconds; null while not probed.
    duration: Option<f64>,
    /// `pass`, `review` or `block`; null while nobody has judged.
    verdict: Option<&'static str>,
    /// Absolute; null when there is none.
    cover_url: Option<String>,
    /// State of the newest task: `waiting`, `processing`, `finish` or `aborted`; null when there is none.
    task_state: Option<&'static str>,
    /// Percent of that task.
    progress: Option<i64>,
}

/// One media with everything that was made of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MediaAnswer {
    /// FileId, decimal.
    file_id: String,
    /// Name without extension.
    name: String,
    /// Extension as announced.
    r#type: String,
    /// `normal` or `deleted`.
    status: &'static str,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// The application's own name for its user, or `""`.
    user: String,
    /// Bytes of the source.
    size: u64,
    /// Absolute URL of the source.
    media_url: String,
    /// What the source is served as, from what ffprobe found; `""` while not probed.
    content_type: String,
    /// Absolute; null when there is none.
    cover_url: Option<String>,
    /// Task flow that its permission named, or `""`.
    procedure: String,
    /// From the signature, byte for byte.
    source_context: String,
    /// What ffprobe found; null while not probed.
    probe: Option<ProbeAnswer>,
    /// Reason code when the bytes are not readable media, or `""`.
    probe_error: String,
    /// What can be played.
    playback: Playback,
    /// The newest review; null when there is none.
    review: Option<ReviewAnswer>,
    /// Newest first.
    tasks: Vec<TaskAnswer>,
}

/// What ffprobe found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeAnswer {
    /// ffprobe's format name.
    container: String,
    /// Seconds.
    duration: f64,
    /// Bits per second.
    bitrate: i64,
    /// Pixels as shown.
    width: i64,
    /// Pixels as shown.
    height: i64,
    /// Video streams.
    video: Vec<VideoTrack>,
    /// Audio streams.
    audio: Vec<AudioTrack>,
}

/// One video stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct VideoTrack {
    /// ffprobe's codec name.
    codec: String,
    /// Pixels.
    width: i64,
    /// Pixels.
    height: i64,
    /// Frames per second.
    fps: f64,
    /// Bits per second.
    bitrate: i64,
}

/// One audio stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct AudioTrack {
    /// ffprobe's codec name.
    codec: String,
    /// Samples per second.
    sample_rate: i64,
    /// Bits per second.
    bitrate: i64,
}

/// What can be played.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Playback {
    /// Master playlist; null while there is none.
    hls_url: Option<String>,
    /// Single files.
    mp4: Vec<PlayFile>,
}

/// A file that plays by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlayFile {
    /// Absolute.
    url: String,
    /// Pixels.
    width: i64,
    /// Pixels.
    height: i64,
}

/// What the review found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewAnswer {
    /// `pass`, `review` or `block`.
    suggestion: &'static str,
    /// `porn` or `sexy`; `""` on pass.
    label: String,
    /// 0 to 100.
    confidence: i64,
    /// Models that judged.
    models: Vec<ReviewModel>,
    /// Every frame they saw.
    frames: Vec<ReviewFrame>,
}

/// A model by name and content.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewModel {
    /// Its file's name without the ending.
    name: String,
    /// Hex SHA-256 of its file.
    sha256: String,
}

/// One frame; scores are between 0 and 1.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewFrame {
    /// Its time.
    at_ms: u64,
    /// A harmless drawing.
    drawing: f32,
    /// An explicit drawing.
    hentai: f32,
    /// Nothing of the kind.
    neutral: f32,
    /// Explicit.
    porn: f32,
    /// Suggestive, not explicit.
    sexy: f32,
    /// Second model; null when it was not asked because its answer could not matter.
    nsfw: Option<f32>,
    /// Both models together; null when only one was asked.
    fused: Option<f32>,
    /// Evidence picture; null when none was kept.
    url: Option<String>,
}

/// One run of a procedure.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskAnswer {
    /// Task id.
    id: String,
    /// As it was asked for.
    procedure: String,
    /// `waiting`, `processing`, `finish` or `aborted`.
    state: &'static str,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null while it runs.
    finished_at: Option<String>,
    /// Results it is to produce.
    subtasks: Vec<SubtaskAnswer>,
}

/// One result of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubtaskAnswer {
    /// `Transcode`, `AdaptiveDynamicStreaming`, `CoverBySnapshot`, `ImageSprites` or `Review.…`.
    kind: String,
    /// Template.
    definition: i64,
    /// `waiting`, `processing`, `success` or `fail`.
    state: &'static str,
    /// Percent.
    progress: i64,
    /// The vendor's text code, or `""`.
    err_code_ext: String,
    /// A sentence when it failed, or `""`.
    message: String,
}

pub(super) fn summary(app: &App, listed: Listed) -> MediaSummary {
    let Listed { media, task } = listed;
    MediaSummary {
        cover_url: cover_url(app, &media),
        duration: probe::of_row(&media.probe).map(|found| found.duration),
        file_id: media.file_id.to_string(),
        name: media.name,
        r#type: media.kind,
        status: media.status.as_str(),
        created_at: rfc3339(media.created_at),
        size: media.source_size,
        verdict: media.verdict.map(reelgate_model::Suggestion::as_str),
        task_state: task.map(|(state, _)| state.as_str()),
        progress: task.map(|(_, progress)| progress),
    }
}

pub(super) fn whole(app: &App, found: Whole) -> Result<MediaAnswer, Problem> {
    let Whole { media, procedure, review, tasks } = found;
    let record = |cause: anyhow::Error| Problem::internal(&cause);
    Ok(MediaAnswer {
        playback: match media.status {
            MediaStatus::Normal => playback(&tasks).map_err(record)?,
            MediaStatus::Deleted => Playback::default(),
        },
        review: review.map(|review| review_answer(app, review)).transpose().map_err(record)?,
        tasks: tasks.into_iter().map(|(task, subtasks)| task_answer(task, subtasks)).collect(),
        media_url: urls::source(app, &media),
        cover_url: cover_url(app, &media),
        probe: probe::of_row(&media.probe).map(probe_answer),
        procedure,
        file_id: media.file_id.to_string(),
        name: media.name,
        r#type: media.kind,
        status: media.status.as_str(),
        created_at: rfc3339(media.created_at),
        updated_at: rfc3339(media.updated_at),
        user: media.user,
        size: media.source_size,
        content_type: media.source.content_type,
        source_context: media.source_context,
        probe_error: media.probe_error,
    })
}

fn cover_url(app: &App, media: &Media) -> Option<String> {
    Some(urls::cover(app, media)).filter(|url| !url.is_empty())
}

fn probe_answer(found: ProbeFact) -> ProbeAnswer {
    let video = found.video.into_iter().map(|track| VideoTrack {
        codec: track.codec,
        width: track.width,
        height: track.height,
        fps: track.fps,
        bitrate: track.bitrate,
    });
    let audio = found.audio.into_iter().map(|track| AudioTrack {
        codec: track.codec,
        sample_rate: track.sample_rate,
        bitrate: track.bitrate,
    });
    ProbeAnswer {
        container: found.container,
        duration: found.duration,
        bitrate: found.bitrate,
        width: found.width,
        height: found.height,
        video: video.collect(),
        audio: audio.collect(),
    }
}

/// From the newest task that has something: a later one replaces what an earlier one made.
fn playback(tasks: &[(Task, Vec<Subtask>)]) -> anyhow::Result<Playback> {
    for (_, subtasks) in tasks {
        let mut found = Playback::default();
        let there = |one: &&Subtask| one.state == SubtaskState::Success && !outcome::is_deleted(&one.output);
        for subtask in subtasks.iter().filter(there) {
            match subtask.kind.as_str() {
                "AdaptiveDynamicStreaming" => {
                    let output: AdaptiveOutput = record("output", &subtask.output)?;
                    found.hls_url.get_or_insert(output.url);
                }
                "Transcode" => {
                    let TranscodeOutput { url, width, height, .. } = record("output", &subtask.output)?;
                    found.mp4.push(PlayFile { url, width, height });
                }
                _ => {}
            }
        }
        if found.hls_url.is_some() || !found.mp4.is_empty() {
            return Ok(found);
        }
    }
    Ok(Playback::default())
}

fn review_answer(app: &App, review: Review) -> anyhow::Result<ReviewAnswer> {
    let models: Vec<ModelRecord> = record("models", &review.findings.models)?;
    let frames: Vec<FrameRecord> = record("frames", &review.findings.frames)?;
    let models = models.into_iter().map(|model| ReviewModel { name: model.name, sha256: model.sha256 });
    let frames = frames.into_iter().map(|frame| ReviewFrame {
        at_ms: frame.at_ms,
        drawing: frame.drawing,
        hentai: frame.hentai,
        neutral: frame.neutral,
        porn: frame.porn,
        sexy: frame.sexy,
        nsfw: frame.nsfw,
        fused: frame.fused,
        url: frame.picture.map(|path| urls::file(app, review.app, review.file_id, &path)),
    });
    Ok(ReviewAnswer {
        suggestion: review.findings.suggestion.as_str(),
        label: review.findings.label,
        confidence: review.findings.confidence,
        models: models.collect(),
        frames: frames.collect(),
    })
}

fn task_answer(task: Task, subtasks: Vec<Subtask>) -> TaskAnswer {
    let subtasks = subtasks.into_iter().map(|subtask| SubtaskAnswer {
        kind: subtask.kind,
        definition: subtask.definition,
        state: subtask.state.as_str(),
        progress: subtask.progress,
        err_code_ext: subtask.err_code_ext,
        message: subtask.message,
    });
    TaskAnswer {
        id: task.id,
        procedure: task.procedure,
        state: task.state.as_str(),
        created_at: rfc3339(task.created_at),
        finished_at: task.finished_at.map(rfc3339),
        subtasks: subtasks.collect(),
    }
}

fn record<T: DeserializeOwned>(column: &str, text: &str) -> anyhow::Result<T> {
    serde_json::from_str(text).with_context(|| format!("the record in column {column} cannot be read"))
}
