//! From the vendor's 3.0 events to its old 2.0 events (wire reference 5.4). Pure and deterministic, like [`super::render`], which makes
//! the 3.0 events from our facts; those that came from the cloud take the same way.

use reelgate_wire::vod::{
    AiContentReviewResult, AiReviewTaskOutput, AiReviewTaskResult, Event, FileDeleteTask, FileUploadTask,
    MediaAudioStreamItem, MediaContentReviewSegmentItem, MediaMetaData, MediaProcessTaskResult,
    MediaTranscodeItem, MediaVideoStreamItem, ProcedureTask, TaskResult,
};
use reelgate_wire::vod2::{self, Content};
use serde_json::{Value, json};

/// Codes that this format has for those of 3.0 (wire reference 5.3): the source, and everything else.
const SOURCE_FILE: i64 = 60_000;
const OLD_SOURCE_FILE: i64 = 30_009;
const OLD_SYSTEM: i64 = 30_010;

/// The vendor's 2.0 event, or `None` where there is none.
pub(super) fn vendor2(event: Event) -> Option<Vec<u8>> {
    let content = match event {
        Event::NewFileUpload(upload) => Content::NewFileUpload(Box::new(new_file_upload(*upload))),
        Event::ProcedureStateChanged(task) => Content::ProcedureStateChanged(Box::new(procedure(*task))),
        Event::FileDeleted(deleted) => Content::FileDeleted(file_deleted(*deleted)?),
        Event::ReviewAudioVideoComplete(_) => return None,
    };
    let event = vod2::Event { version: vod2::VERSION.to_owned(), content };
    Some(serde_json::to_vec(&event).expect("vendor structures are plain and have text keys"))
}

fn new_file_upload(upload: FileUploadTask) -> vod2::NewFileUpload {
    let info = upload.media_basic_info;
    vod2::NewFileUpload {
        file_id: upload.file_id,
        file_name: info.name,
        file_url: info.media_url,
        cover_url: info.cover_url,
        source_type: "ClientUpload".to_owned(),
        source_context: info.source_info.source_context,
        procedure_task_id: upload.procedure_task_id,
        meta_data: meta_data(upload.meta_data),
        ..vod2::NewFileUpload::default()
    }
}

/// This format can only say that whole files are gone.
fn file_deleted(deleted: FileDeleteTask) -> Option<vod2::FileDeleted> {
    if deleted.file_delete_result_info.iter().any(|one| !one.delete_parts.is_empty()) {
        return None;
    }
    let file_info = deleted.file_id_set.into_iter().map(|file_id| vod2::FileInfo { file_id }).collect();
    Some(vod2::FileDeleted { file_info, ..vod2::FileDeleted::default() })
}

fn procedure(task: ProcedureTask) -> vod2::ProcedureStateChanged {
    vod2::ProcedureStateChanged {
        vod_task_id: task.task_id,
        status: task.status,
        err_code: task.err_code,
        message: task.message,
        file_id: task.file_id,
        meta_data: meta_data(task.meta_data),
        content_review_list: task.ai_content_review_result_set.into_iter().map(review).collect(),
        process_task_list: task.media_process_result_set.into_iter().map(media_result).collect(),
        ..vod2::ProcedureStateChanged::default()
    }
}

fn media_result(result: MediaProcessTaskResult) -> vod2::TaskResult {
    match result {
        MediaProcessTaskResult::Transcode(result) => {
            let input = json!({"definition": result.input.definition});
            frame("Transcode", *result, input, transcode)
        }
        MediaProcessTaskResult::AdaptiveDynamicStreaming(result) => {
            let definition = result.input.definition;
            frame(
                "AdaptiveDynamicStreaming",
                *result,
                json!({"definition": definition}),
                |out| json!({"definition": definition, "package": out.package, "drmType": out.drm_type, "url": out.url}),
            )
        }
        MediaProcessTaskResult::CoverBySnapshot(result) => {
            let asked = &result.input;
            let input = json!({"definition": asked.definition, "positionType": asked.position_type,
                               "position": number(asked.position_value)});
            frame("CoverBySnapshot", *result, input, |out| json!({"imageUrl": out.cover_url}))
        }
        MediaProcessTaskResult::ImageSprites(result) => {
            let input = json!({"definition": result.input.definition});
            frame("ImageSprites", *result, input, |out| {
                json!({"totalCount": out.total_count, "urlList": out.image_url_set, "webVttUrl": out.web_vtt_url,
                       "height": out.height, "width": out.width})
            })
        }
    }
}

fn frame<I, O>(
    kind: &str,
    result: TaskResult<I, O>,
    input: Value,
    output: impl FnOnce(O) -> Value,
) -> vod2::TaskResult {
    vod2::TaskResult {
        task_type: kind.to_owned(),
        err_code: old_code(result.err_code),
        // Only 3.0 repeats the status there.
        message: if result.message == result.status { String::new() } else { result.message },
        status: result.status,
        input,
        output: result.output.map(output),
    }
}

fn review(result: AiContentReviewResult) -> vod2::TaskResult {
    let (kind, result): (_, AiReviewTaskResult) = match result {
        AiContentReviewResult::Porn(result) => ("Porn", *result),
        AiContentReviewResult::Terrorism(result) => ("Terrorism", *result),
        AiContentReviewResult::Political(result) => ("Political", *result),
    };
    vod2::TaskResult {
        task_type: kind.to_owned(),
        status: result.status,
        err_code: old_code(result.err_code),
        message: result.message,
        input: json!({"definition": result.input.definition}),
        output: result.output.map(review_output),
    }
}

fn old_code(code: i64) -> i64 {
    match code {
        0 => 0,
        SOURCE_FILE => OLD_SOURCE_FILE,
        _ => OLD_SYSTEM,
    }
}

fn review_output(out: AiReviewTaskOutput) -> Value {
    let segment = |one: MediaContentReviewSegmentItem| {
        json!({
            "startTimeOffset": number(one.start_time_offset), "endTimeOffset": number(one.end_time_offset),
            "confidence": number(one.confidence), "suggestion": one.suggestion, "url": one.url,
            "picUrlExpireTimeStamp": one.pic_url_expire_time_stamp,
        })
    };
    let segments: Vec<Value> = out.segment_set.into_iter().map(segment).collect();
    json!({"confidence": number(out.confidence), "suggestion": out.suggestion, "segments": segments})
}

fn transcode(out: MediaTranscodeItem) -> Value {
    json!({
        "url": out.url, "size": out.size, "container": out.container, "bitrate": out.bitrate,
        "height": out.height, "width": out.width, "md5": out.md5, "duration": whole(out.duration),
        "videoStreamList": out.video_stream_set.into_iter().map(video_stream).collect::<Vec<_>>(),
        "audioStreamList": out.audio_stream_set.into_iter().map(audio_stream).collect::<Vec<_>>(),
    })
}

fn meta_data(meta: MediaMetaData) -> vod2::MetaData {
    vod2::MetaData {
        size: meta.size,
        total_size: meta.size,
        container: meta.container,
        bitrate: meta.bitrate,
        height: meta.height,
        width: meta.width,
        md5: meta.md5,
        duration: whole(meta.duration),
        float_duration: meta.duration,
        video_duration: meta.video_duration,
        audio_duration: meta.audio_duration,
        rotate: meta.rotate,
        video_stream_list: meta.video_stream_set.into_iter().map(video_stream).collect(),
        audio_stream_list: meta.audio_stream_set.into_iter().map(audio_stream).collect(),
    }
}

fn video_stream(stream: MediaVideoStreamItem) -> vod2::VideoStream {
    vod2::VideoStream {
        bitrate: stream.bitrate,
        height: stream.height,
        width: stream.width,
        codec: stream.codec,
        fps: stream.fps,
    }
}

fn audio_stream(stream: MediaAudioStreamItem) -> vod2::AudioStream {
    vod2::AudioStream { bitrate: stream.bitrate, sampling_rate: stream.sampling_rate, codec: stream.codec }
}

/// The nearest whole number that is not negative.
fn whole(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    let whole = value.round().clamp(0.0, 1e15) as u64;
    whole
}

/// Whole numbers have no fraction: some consumers read these into integers.
fn number(value: f64) -> Value {
    #[expect(clippy::float_cmp, reason = "exactly when nothing was rounded")]
    #[expect(clippy::cast_precision_loss, reason = "at most 1e15")]
    if whole(value) as f64 == value { json!(whole(value)) } else { json!(value) }
}
