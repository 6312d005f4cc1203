//! From our facts to the vendor's old 2.0 events (wire reference 5.4). Pure and deterministic, like [`super::render`].

use reelgate_model::SubtaskState;
use reelgate_wire::vod2::{
    AudioStream, Content, Event, FileDeleted, FileInfo, MetaData, NewFileUpload, ProcedureStateChanged,
    TaskResult, VERSION, VideoStream,
};
use serde_json::{Value, json};

use super::fact::{AudioStreamFact, Fact, ProbeFact, SubtaskFact, TaskSnapshot, VideoStreamFact};
use super::outcome::{AdaptiveOutput, CoverInput, CoverOutput, ReviewOutput, SpriteOutput, TranscodeOutput};
use super::render::{RenderError, count, read, state, status};

/// Codes that this format has for ours (wire reference 5.3): the source, and everything else.
const SOURCE_FILE: i64 = 60_000;
const OLD_SOURCE_FILE: i64 = 30_009;
const OLD_SYSTEM: i64 = 30_010;

/// The JSON of the vendor's 2.0 event, or `None` where there is none.
pub fn vendor2(fact: &Fact) -> Result<Option<Vec<u8>>, RenderError> {
    let content = match fact {
        Fact::NewFileUpload(upload) => Content::NewFileUpload(Box::new(NewFileUpload {
            file_id: upload.media.file_id.clone(),
            file_name: upload.media.name.clone(),
            file_url: upload.media.media_url.clone(),
            cover_url: upload.media.cover_url.clone(),
            source_type: "ClientUpload".to_owned(),
            source_context: upload.media.source_context.clone(),
            procedure_task_id: upload.procedure_task_id.clone(),
            meta_data: meta_data(&upload.probe),
            ..NewFileUpload::default()
        })),
        Fact::ProcedureStateChanged(task) => Content::ProcedureStateChanged(Box::new(procedure(task)?)),
        // This format can only say that the whole file is gone.
        Fact::FileDeleted { parts, .. } if !parts.is_empty() => return Ok(None),
        Fact::FileDeleted { file_id, .. } => Content::FileDeleted(FileDeleted {
            file_info: vec![FileInfo { file_id: file_id.clone() }],
            ..FileDeleted::default()
        }),
        Fact::UploadExpired { .. }
        | Fact::PermissionExceeded { .. }
        | Fact::DeliveryDead { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::Reconciled { .. }
        | Fact::Received(_) => return Ok(None),
    };
    let event = Event { version: VERSION.to_owned(), content };
    Ok(Some(serde_json::to_vec(&event).expect("vendor structures are plain and have text keys")))
}

fn procedure(task: &TaskSnapshot) -> Result<ProcedureStateChanged, RenderError> {
    let (reviews, media): (Vec<&SubtaskFact>, Vec<&SubtaskFact>) =
        task.results.iter().partition(|result| result.kind.starts_with("Review."));
    Ok(ProcedureStateChanged {
        vod_task_id: task.task_id.clone(),
        status: if task.finished { "FINISH" } else { "PROCESSING" }.to_owned(),
        file_id: task.file_id.clone(),
        meta_data: meta_data(&task.probe),
        content_review_list: reviews.into_iter().map(result_of).collect::<Result<_, _>>()?,
        process_task_list: media.into_iter().map(result_of).collect::<Result<_, _>>()?,
        ..ProcedureStateChanged::default()
    })
}

fn result_of(result: &SubtaskFact) -> Result<TaskResult, RenderError> {
    let state = state(result)?;
    let output = match state {
        SubtaskState::Success => Some(output(result)?),
        SubtaskState::Waiting | SubtaskState::Processing | SubtaskState::Fail => None,
    };
    Ok(TaskResult {
        task_type: result.kind.strip_prefix("Review.").unwrap_or(&result.kind).to_owned(),
        status: status(state).to_owned(),
        err_code: match result.err_code {
            0 => 0,
            SOURCE_FILE => OLD_SOURCE_FILE,
            _ => OLD_SYSTEM,
        },
        message: result.message.clone(),
        input: input(result)?,
        output,
    })
}

fn input(result: &SubtaskFact) -> Result<Value, RenderError> {
    let definition = result.definition;
    if result.kind != "CoverBySnapshot" {
        return Ok(json!({"definition": definition}));
    }
    let asked: CoverInput = read("input", &result.input)?;
    Ok(
        json!({"definition": definition, "positionType": asked.position_type, "position": asked.position_value}),
    )
}

fn output(result: &SubtaskFact) -> Result<Value, RenderError> {
    Ok(match result.kind.as_str() {
        "Transcode" => transcode(&read("output", &result.output)?),
        "AdaptiveDynamicStreaming" => {
            let out: AdaptiveOutput = read("output", &result.output)?;
            json!({"definition": result.definition, "package": out.package, "drmType": "", "url": out.url})
        }
        "CoverBySnapshot" => {
            let out: CoverOutput = read("output", &result.output)?;
            json!({"imageUrl": out.url})
        }
        "ImageSprites" => {
            let out: SpriteOutput = read("output", &result.output)?;
            json!({"totalCount": count(out.total_count), "urlList": out.image_urls, "webVttUrl": out.vtt_url,
                   "height": count(out.height), "width": count(out.width)})
        }
        kind if kind.starts_with("Review.") => review(&read("output", &result.output)?),
        other => return Err(RenderError::UnknownWord(other.to_owned())),
    })
}

fn transcode(out: &TranscodeOutput) -> Value {
    json!({
        "url": out.url, "size": count(out.size), "container": out.container, "bitrate": count(out.bitrate),
        "height": count(out.height), "width": count(out.width), "md5": out.md5, "duration": whole(out.duration),
        "videoStreamList": out.video.iter().map(video_stream).collect::<Vec<_>>(),
        "audioStreamList": out.audio.iter().map(audio_stream).collect::<Vec<_>>(),
    })
}

fn review(out: &ReviewOutput) -> Value {
    let segments: Vec<Value> = out
        .segments
        .iter()
        .take(super::render::MAX_SEGMENTS)
        .map(|one| {
            json!({
                "startTimeOffset": one.start, "endTimeOffset": one.end, "confidence": one.confidence,
                "suggestion": one.suggestion, "url": one.url,
                "picUrlExpireTimeStamp": one.url_expires_at.unwrap_or(super::render::NEVER_MS).div_euclid(1000),
            })
        })
        .collect();
    json!({"confidence": out.confidence, "suggestion": out.suggestion, "segments": segments})
}

fn meta_data(probe: &ProbeFact) -> MetaData {
    MetaData {
        size: count(probe.size),
        total_size: count(probe.size),
        container: probe.container.clone(),
        bitrate: count(probe.bitrate),
        height: count(probe.height),
        width: count(probe.width),
        md5: String::new(),
        duration: whole(probe.duration),
        float_duration: probe.duration,
        video_duration: probe.video_duration,
        audio_duration: probe.audio_duration,
        rotate: probe.rotate,
        video_stream_list: probe.video.iter().map(video_stream).collect(),
        audio_stream_list: probe.audio.iter().map(audio_stream).collect(),
    }
}

fn video_stream(stream: &VideoStreamFact) -> VideoStream {
    VideoStream {
        bitrate: count(stream.bitrate),
        height: count(stream.height),
        width: count(stream.width),
        codec: stream.codec.clone(),
        fps: whole(stream.fps),
    }
}

fn audio_stream(stream: &AudioStreamFact) -> AudioStream {
    AudioStream {
        bitrate: count(stream.bitrate),
        sampling_rate: count(stream.sample_rate),
        codec: stream.codec.clone(),
    }
}

/// The nearest whole number that is not negative.
fn whole(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    let whole = value.round().clamp(0.0, 1e15) as u64;
    whole
}
