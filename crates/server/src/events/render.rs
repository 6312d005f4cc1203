//! From our facts to the vendor's 3.0 events (wire reference 5.1, 5.3 and 6.5).
//!
//! Pure and deterministic: the same fact always gives the same bytes, so that a repeated delivery repeats itself
//! exactly. Our own events have no vendor shape and never reach a reader of it.

use jiff::Timestamp;
use reelgate_model::SubtaskState;
use reelgate_store::Event as LogEvent;
use reelgate_wire::vod::{
    AdaptiveDynamicStreamingInfoItem, AiContentReviewResult, AiReviewTaskOutput, AiReviewTaskResult,
    CoverBySnapshotTaskInput, CoverBySnapshotTaskOutput, DefinitionInput, Event, EventContent,
    FileDeleteResultItem, FileDeleteTask, FileUploadTask, MediaAudioStreamItem, MediaBasicInfo,
    MediaContentReviewSegmentItem, MediaDeleteItem, MediaImageSpriteItem, MediaMetaData,
    MediaProcessTaskResult, MediaSourceData, MediaSubStreamInfoItem, MediaTranscodeItem,
    MediaVideoStreamItem, NEVER, ProcedureTask, TaskResult,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fact::{
    AudioStreamFact, DeletedPart, Fact, MediaFact, NewFileUpload, ProbeFact, SubtaskFact, TaskSnapshot,
    VideoStreamFact,
};
use super::outcome::{
    AdaptiveOutput, CoverInput, CoverOutput, Rendition, ReviewOutput, ReviewSegment, SpriteOutput,
    TranscodeOutput,
};
use super::{render_received, render2};

/// Most segments in one review result (wire reference 6.5).
const MAX_SEGMENTS: usize = 100;

/// A record in the log that this version cannot render.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Not the structure that was expected.
    #[error("cannot read the {part} of a recorded fact")]
    Unreadable {
        /// Which part.
        part: &'static str,
        /// What serde found.
        source: serde_json::Error,
    },
    /// A word that no vendor word stands for.
    #[error("a recorded fact holds the word {0:?}, for which the vendor's format has none")]
    UnknownWord(String),
}

/// The vendor's 3.0 event that a row of the log stands for, or `None` for our own types.
pub fn vendor3_of(event: &LogEvent) -> Result<Option<Vec<u8>>, RenderError> {
    match (fact_of(event)?, &event.raw) {
        (Fact::Received(fact), Some(raw)) => Ok(Some(render_received::vendor3(fact.format, raw))),
        (fact, _) => vendor3(&fact),
    }
}

/// The vendor's 2.0 event that a row of the log stands for, or `None` where there is none.
pub fn vendor2_of(event: &LogEvent) -> Result<Option<Vec<u8>>, RenderError> {
    match (fact_of(event)?, &event.raw) {
        (Fact::Received(fact), Some(raw)) => Ok(render_received::vendor2(fact.format, raw)),
        (fact, _) => vendor2(&fact),
    }
}

fn fact_of(event: &LogEvent) -> Result<Fact, RenderError> {
    serde_json::from_str(&event.fact).map_err(|source| RenderError::Unreadable { part: "fact", source })
}

/// The JSON of the vendor's 3.0 event, or `None` for our own events.
pub fn vendor3(fact: &Fact) -> Result<Option<Vec<u8>>, RenderError> {
    let Some(event) = vendor_event(fact)? else { return Ok(None) };
    let content = EventContent { event_handle: None, event };
    Ok(Some(serde_json::to_vec(&content).expect("vendor structures are plain and have text keys")))
}

/// The JSON of the vendor's 2.0 event, or `None` where there is none.
pub fn vendor2(fact: &Fact) -> Result<Option<Vec<u8>>, RenderError> {
    Ok(vendor_event(fact)?.and_then(render2::vendor2))
}

fn vendor_event(fact: &Fact) -> Result<Option<Event>, RenderError> {
    Ok(Some(match fact {
        Fact::NewFileUpload(upload) => Event::NewFileUpload(Box::new(file_upload(upload))),
        Fact::ProcedureStateChanged(task) => Event::ProcedureStateChanged(Box::new(procedure(task)?)),
        Fact::FileDeleted { file_id, parts, .. } => Event::FileDeleted(Box::new(file_delete(file_id, parts))),
        Fact::UploadExpired { .. }
        | Fact::PermissionExceeded { .. }
        | Fact::DeliveryDead { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::EventsDropped { .. }
        | Fact::Reconciled { .. }
        | Fact::Received(_) => return Ok(None),
    }))
}

fn file_upload(upload: &NewFileUpload) -> FileUploadTask {
    FileUploadTask {
        file_id: upload.media.file_id.clone(),
        media_basic_info: basic_info(&upload.media),
        procedure_task_id: upload.procedure_task_id.clone(),
        review_audio_video_task_id: String::new(),
        meta_data: meta_data(&upload.probe),
    }
}

fn file_delete(file_id: &str, parts: &[DeletedPart]) -> FileDeleteTask {
    let part = |one: &DeletedPart| MediaDeleteItem { kind: one.r#type.clone(), definition: one.definition };
    FileDeleteTask {
        file_id_set: vec![file_id.to_owned()],
        file_delete_result_info: vec![FileDeleteResultItem {
            file_id: file_id.to_owned(),
            delete_parts: parts.iter().map(part).collect(),
        }],
    }
}

pub(crate) fn basic_info(media: &MediaFact) -> MediaBasicInfo {
    let class = if media.class_id == 0 { "Other" } else { "" };
    MediaBasicInfo {
        name: media.name.clone(),
        description: String::new(),
        create_time: iso8601(media.created_at),
        update_time: iso8601(media.updated_at),
        expire_time: media.expires_at.map_or_else(|| NEVER.to_owned(), iso8601),
        class_id: media.class_id,
        class_name: class.to_owned(),
        class_path: class.to_owned(),
        cover_url: media.cover_url.clone(),
        kind: media.r#type.clone(),
        media_url: media.media_url.clone(),
        source_info: MediaSourceData {
            source_type: "Upload".to_owned(),
            source_context: media.source_context.clone(),
        },
        storage_region: media.region.clone(),
        storage_path: String::new(),
        tag_set: Vec::new(),
        vid: media.file_id.clone(),
        category: media.category.clone(),
        status: "Normal".to_owned(),
        storage_class: "STANDARD".to_owned(),
    }
}

pub(crate) fn meta_data(probe: &ProbeFact) -> MediaMetaData {
    MediaMetaData {
        size: count(probe.size),
        container: probe.container.clone(),
        bitrate: count(probe.bitrate),
        height: count(probe.height),
        width: count(probe.width),
        duration: probe.duration,
        rotate: probe.rotate,
        video_stream_set: probe.video.iter().map(video_stream).collect(),
        audio_stream_set: probe.audio.iter().map(audio_stream).collect(),
        video_duration: probe.video_duration,
        audio_duration: probe.audio_duration,
        md5: String::new(),
    }
}

pub(crate) fn procedure(task: &TaskSnapshot) -> Result<ProcedureTask, RenderError> {
    let (reviews, media): (Vec<&SubtaskFact>, Vec<&SubtaskFact>) =
        task.results.iter().partition(|result| result.kind.starts_with("Review."));
    Ok(ProcedureTask {
        task_id: task.task_id.clone(),
        status: if task.finished { "FINISH" } else { "PROCESSING" }.to_owned(),
        err_code: 0,
        message: String::new(),
        file_id: task.file_id.clone(),
        file_name: task.file_name.clone(),
        file_url: task.file_url.clone(),
        meta_data: meta_data(&task.probe),
        media_process_result_set: media.into_iter().map(media_result).collect::<Result<_, _>>()?,
        ai_content_review_result_set: reviews.into_iter().map(review_result).collect::<Result<_, _>>()?,
        ai_analysis_result_set: Vec::new(),
        ai_recognition_result_set: Vec::new(),
        tasks_priority: task.priority,
        tasks_notify_mode: task.notify_mode.clone(),
        session_context: task.session_context.clone(),
        session_id: task.session_id.clone(),
        operator: String::new(),
        operation_type: String::new(),
    })
}

fn media_result(result: &SubtaskFact) -> Result<MediaProcessTaskResult, RenderError> {
    let definition = result.definition;
    let input = DefinitionInput { definition };
    Ok(match result.kind.as_str() {
        "Transcode" => {
            MediaProcessTaskResult::Transcode(Box::new(frame(result, input, |it| transcode(definition, it))?))
        }
        "AdaptiveDynamicStreaming" => {
            MediaProcessTaskResult::AdaptiveDynamicStreaming(Box::new(frame(result, input, |it| {
                adaptive(definition, it)
            })?))
        }
        "CoverBySnapshot" => {
            let asked: CoverInput = read("input", &result.input)?;
            let input = CoverBySnapshotTaskInput {
                definition,
                position_type: asked.position_type,
                position_value: asked.position_value,
            };
            let output = |it: CoverOutput| CoverBySnapshotTaskOutput { cover_url: it.url };
            MediaProcessTaskResult::CoverBySnapshot(Box::new(frame(result, input, output)?))
        }
        "ImageSprites" => {
            MediaProcessTaskResult::ImageSprites(Box::new(frame(result, input, |it| sprite(definition, it))?))
        }
        other => return Err(RenderError::UnknownWord(other.to_owned())),
    })
}

/// What all media results have around their input and output.
fn frame<I, R: DeserializeOwned, O>(
    result: &SubtaskFact,
    input: I,
    output: impl FnOnce(R) -> O,
) -> Result<TaskResult<I, O>, RenderError> {
    let state = state(result)?;
    let output = match state {
        SubtaskState::Success => Some(output(read("output", &result.output)?)),
        SubtaskState::Waiting | SubtaskState::Processing | SubtaskState::Fail => None,
    };
    let message = match state {
        SubtaskState::Success => "SUCCESS".to_owned(),
        SubtaskState::Waiting | SubtaskState::Processing | SubtaskState::Fail => result.message.clone(),
    };
    Ok(TaskResult {
        status: status(state).to_owned(),
        err_code_ext: result.err_code_ext.clone(),
        err_code: result.err_code,
        message,
        input,
        output,
        progress: result.progress,
        begin_process_time: result.begun_at.map(iso8601).unwrap_or_default(),
        finish_time: result.finished_at.map(iso8601).unwrap_or_default(),
    })
}

fn review_result(result: &SubtaskFact) -> Result<AiContentReviewResult, RenderError> {
    let state = state(result)?;
    let output = match state {
        SubtaskState::Success => Some(review_output(read("output", &result.output)?)),
        SubtaskState::Waiting | SubtaskState::Processing | SubtaskState::Fail => None,
    };
    let content = Box::new(AiReviewTaskResult {
        status: status(state).to_owned(),
        err_code_ext: result.err_code_ext.clone(),
        err_code: result.err_code,
        message: result.message.clone(),
        input: DefinitionInput { definition: result.definition },
        output,
        progress: result.progress,
    });
    match result.kind.as_str() {
        "Review.Porn" => Ok(AiContentReviewResult::Porn(content)),
        "Review.Terrorism" => Ok(AiContentReviewResult::Terrorism(content)),
        "Review.Political" => Ok(AiContentReviewResult::Political(content)),
        other => Err(RenderError::UnknownWord(other.to_owned())),
    }
}

fn review_output(output: ReviewOutput) -> AiReviewTaskOutput {
    AiReviewTaskOutput {
        confidence: percent(output.confidence),
        suggestion: output.suggestion,
        label: output.label,
        segment_set: output.segments.into_iter().take(MAX_SEGMENTS).map(segment).collect(),
        segment_set_file_url: String::new(),
        segment_set_file_url_expire_time: String::new(),
    }
}

fn segment(segment: ReviewSegment) -> MediaContentReviewSegmentItem {
    MediaContentReviewSegmentItem {
        start_time_offset: segment.start,
        end_time_offset: segment.end,
        confidence: percent(segment.confidence),
        label: segment.label,
        suggestion: segment.suggestion,
        url: segment.url,
        pic_url_expire_time_stamp: segment.url_expires_at.unwrap_or(NEVER_MS).div_euclid(1000),
        pic_url_expire_time: iso8601(segment.url_expires_at.unwrap_or(NEVER_MS)),
    }
}

pub(crate) fn transcode(definition: i64, output: TranscodeOutput) -> MediaTranscodeItem {
    MediaTranscodeItem {
        url: output.url,
        definition,
        bitrate: count(output.bitrate),
        height: count(output.height),
        width: count(output.width),
        size: count(output.size),
        duration: output.duration,
        md5: output.md5,
        container: output.container,
        video_stream_set: output.video.iter().map(video_stream).collect(),
        audio_stream_set: output.audio.iter().map(audio_stream).collect(),
    }
}

pub(crate) fn adaptive(definition: i64, output: AdaptiveOutput) -> AdaptiveDynamicStreamingInfoItem {
    let rendition = |it: Rendition| MediaSubStreamInfoItem {
        kind: it.kind,
        width: count(it.width),
        height: count(it.height),
        size: count(it.size),
    };
    AdaptiveDynamicStreamingInfoItem {
        definition,
        package: output.package,
        drm_type: String::new(),
        url: output.url,
        size: count(output.size),
        sub_stream_set: output.renditions.into_iter().map(rendition).collect(),
    }
}

pub(crate) fn sprite(definition: i64, output: SpriteOutput) -> MediaImageSpriteItem {
    MediaImageSpriteItem {
        definition,
        height: count(output.height),
        width: count(output.width),
        total_count: count(output.total_count),
        image_url_set: output.image_urls,
        web_vtt_url: output.vtt_url,
    }
}

fn video_stream(stream: &VideoStreamFact) -> MediaVideoStreamItem {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    let fps = stream.fps.round().clamp(0.0, 100_000.0) as u64;
    MediaVideoStreamItem {
        bitrate: count(stream.bitrate),
        height: count(stream.height),
        width: count(stream.width),
        codec: stream.codec.clone(),
        fps,
        codec_tag: String::new(),
    }
}

fn audio_stream(stream: &AudioStreamFact) -> MediaAudioStreamItem {
    MediaAudioStreamItem {
        bitrate: count(stream.bitrate),
        sampling_rate: count(stream.sample_rate),
        codec: stream.codec.clone(),
    }
}

fn read<T: DeserializeOwned>(part: &'static str, value: &Value) -> Result<T, RenderError> {
    T::deserialize(value).map_err(|source| RenderError::Unreadable { part, source })
}

fn state(result: &SubtaskFact) -> Result<SubtaskState, RenderError> {
    result.state.parse().map_err(|_| RenderError::UnknownWord(result.state.clone()))
}

fn status(state: SubtaskState) -> &'static str {
    match state {
        SubtaskState::Waiting | SubtaskState::Processing => "PROCESSING",
        SubtaskState::Success => "SUCCESS",
        SubtaskState::Fail => "FAIL",
    }
}

/// What cannot be negative, however it came about.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn percent(value: i64) -> f64 {
    f64::from(u8::try_from(value.clamp(0, 100)).unwrap_or(0))
}

/// [`NEVER`] in epoch milliseconds.
const NEVER_MS: i64 = 253_402_300_799_000;

/// ISO 8601 in UTC with whole seconds, as the vendor writes times.
pub(crate) fn iso8601(millis: i64) -> String {
    Timestamp::from_second(millis.div_euclid(1000))
        .map_or_else(|_| NEVER.to_owned(), |stamp| stamp.to_string())
}

#[cfg(test)]
mod tests;
