//! Received events in the vendor's two formats. In the format that it came in an event is what came, byte for byte; in the other one
//! it is converted, if its type is known. A type that is not known stays as it is.

use reelgate_wire::vod::{
    Event, EventContent, FileDeleteResultItem, FileDeleteTask, FileUploadTask, MediaAudioStreamItem,
    MediaBasicInfo, MediaMetaData, MediaSourceData, MediaVideoStreamItem, ProcedureTask,
};
use reelgate_wire::vod2;

/// As 3.0.
pub(super) fn vendor3(format: u8, raw: &[u8]) -> Vec<u8> {
    if format == 3 {
        return raw.to_vec();
    }
    let convert = || {
        let old: vod2::Event = serde_json::from_slice(raw).ok()?;
        let event = match old.content {
            vod2::Content::NewFileUpload(upload) => Event::NewFileUpload(Box::new(new_upload(*upload))),
            vod2::Content::FileDeleted(deleted) => Event::FileDeleted(Box::new(new_deletion(deleted))),
            vod2::Content::ProcedureStateChanged(task) if task.process_task_list.is_empty() => {
                Event::ProcedureStateChanged(Box::new(new_task(*task)?))
            }
            vod2::Content::ProcedureStateChanged(_) => return None,
        };
        serde_json::to_vec(&EventContent { event_handle: None, event }).ok()
    };
    convert().unwrap_or_else(|| raw.to_vec())
}

/// As 2.0.
pub(super) fn vendor2(format: u8, raw: &[u8]) -> Vec<u8> {
    if format == 2 {
        return raw.to_vec();
    }
    let convert = || {
        let new: EventContent = serde_json::from_slice(raw).ok()?;
        let content = match new.event {
            Event::NewFileUpload(upload) => vod2::Content::NewFileUpload(Box::new(old_upload(*upload))),
            Event::FileDeleted(deleted) => vod2::Content::FileDeleted(vod2::FileDeleted {
                file_info: deleted
                    .file_id_set
                    .into_iter()
                    .map(|file_id| vod2::FileInfo { file_id })
                    .collect(),
                ..vod2::FileDeleted::default()
            }),
            Event::ProcedureStateChanged(_) | Event::ReviewAudioVideoComplete(_) => return None,
        };
        serde_json::to_vec(&vod2::Event { version: vod2::VERSION.to_owned(), content }).ok()
    };
    convert().unwrap_or_else(|| raw.to_vec())
}

fn new_upload(old: vod2::NewFileUpload) -> FileUploadTask {
    FileUploadTask {
        file_id: old.file_id.clone(),
        media_basic_info: MediaBasicInfo {
            name: old.file_name,
            cover_url: old.cover_url,
            media_url: old.file_url,
            source_info: MediaSourceData {
                source_type: "Upload".to_owned(),
                source_context: old.source_context,
            },
            vid: old.file_id,
            ..MediaBasicInfo::default()
        },
        procedure_task_id: old.procedure_task_id,
        review_audio_video_task_id: String::new(),
        meta_data: new_meta(old.meta_data),
    }
}

fn new_deletion(old: vod2::FileDeleted) -> FileDeleteTask {
    let files: Vec<String> = old.file_info.into_iter().map(|info| info.file_id).collect();
    let result = |file: &String| FileDeleteResultItem { file_id: file.clone(), delete_parts: Vec::new() };
    FileDeleteTask { file_delete_result_info: files.iter().map(result).collect(), file_id_set: files }
}

/// Only what can be told in full: results are structured differently in each format.
fn new_task(old: vod2::ProcedureStateChanged) -> Option<ProcedureTask> {
    if !old.content_review_list.is_empty() {
        return None;
    }
    Some(ProcedureTask {
        task_id: old.vod_task_id,
        status: old.status,
        err_code: old.err_code,
        message: old.message,
        file_id: old.file_id,
        meta_data: new_meta(old.meta_data),
        ..ProcedureTask::default()
    })
}

fn new_meta(old: vod2::MetaData) -> MediaMetaData {
    let video = |one: vod2::VideoStream| MediaVideoStreamItem {
        bitrate: one.bitrate,
        height: one.height,
        width: one.width,
        codec: one.codec,
        fps: one.fps,
        codec_tag: String::new(),
    };
    let audio = |one: vod2::AudioStream| MediaAudioStreamItem {
        bitrate: one.bitrate,
        sampling_rate: one.sampling_rate,
        codec: one.codec,
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds of a video")]
    let whole = old.duration as f64;
    MediaMetaData {
        size: old.size,
        container: old.container,
        bitrate: old.bitrate,
        height: old.height,
        width: old.width,
        duration: if old.float_duration > 0.0 { old.float_duration } else { whole },
        rotate: old.rotate,
        video_stream_set: old.video_stream_list.into_iter().map(video).collect(),
        audio_stream_set: old.audio_stream_list.into_iter().map(audio).collect(),
        video_duration: old.video_duration,
        audio_duration: old.audio_duration,
        md5: old.md5,
    }
}

fn old_upload(new: FileUploadTask) -> vod2::NewFileUpload {
    let (info, meta) = (new.media_basic_info, new.meta_data);
    let video = |one: MediaVideoStreamItem| vod2::VideoStream {
        bitrate: one.bitrate,
        height: one.height,
        width: one.width,
        codec: one.codec,
        fps: one.fps,
    };
    let audio = |one: MediaAudioStreamItem| vod2::AudioStream {
        bitrate: one.bitrate,
        sampling_rate: one.sampling_rate,
        codec: one.codec,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    let whole = meta.duration.round().clamp(0.0, 1e15) as u64;
    vod2::NewFileUpload {
        file_id: new.file_id,
        file_name: info.name,
        file_url: info.media_url,
        cover_url: info.cover_url,
        source_type: "ClientUpload".to_owned(),
        source_context: info.source_info.source_context,
        procedure_task_id: new.procedure_task_id,
        meta_data: vod2::MetaData {
            size: meta.size,
            total_size: meta.size,
            container: meta.container,
            bitrate: meta.bitrate,
            height: meta.height,
            width: meta.width,
            md5: meta.md5,
            duration: whole,
            float_duration: meta.duration,
            video_duration: meta.video_duration,
            audio_duration: meta.audio_duration,
            rotate: meta.rotate,
            video_stream_list: meta.video_stream_set.into_iter().map(video).collect(),
            audio_stream_list: meta.audio_stream_set.into_iter().map(audio).collect(),
        },
        ..vod2::NewFileUpload::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const OLD: &[u8] = br#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":"42","fileName":"a","fileUrl":"http://x/a.mp4",
        "sourceContext":"c","metaData":{"size":5,"duration":7,"width":2,"videoStreamList":[{"codec":"h264","fps":25}]}}}"#;

    #[test]
    fn in_its_own_format_an_event_is_what_came() {
        let new = br#"{ "EventType":"NewFileUpload","FileUploadEvent":{"FileId":"1","Extra":[ ]}}"#;
        assert_eq!(vendor3(3, new), new);
        assert_eq!(vendor2(2, OLD), OLD);
        let unknown = br#"{"EventType":"Brand New","X":{}}"#;
        assert_eq!((vendor3(3, unknown), vendor2(3, unknown)), (unknown.to_vec(), unknown.to_vec()));
    }

    #[test]
    fn an_upload_and_a_deletion_are_converted_there_and_back() {
        let new: Value = serde_json::from_slice(&vendor3(2, OLD)).unwrap();
        let event = &new["FileUploadEvent"];
        assert_eq!(
            (&new["EventType"], &event["FileId"]),
            (&Value::from("NewFileUpload"), &Value::from("42"))
        );
        assert_eq!(event["MediaBasicInfo"]["SourceInfo"]["SourceContext"], "c");
        assert_eq!(event["MetaData"]["Duration"], 7);
        let back: Value = serde_json::from_slice(&vendor2(3, new.to_string().as_bytes())).unwrap();
        assert_eq!(back["data"]["fileUrl"], "http://x/a.mp4");
        assert_eq!(back["data"]["metaData"]["videoStreamList"][0]["fps"], 25);
        let deleted = br#"{"version":"4.0","eventType":"FileDeleted","data":{"fileInfo":[{"fileId":"7"}]}}"#;
        let deleted: Value = serde_json::from_slice(&vendor3(2, deleted)).unwrap();
        assert_eq!(deleted["FileDeleteEvent"]["FileIdSet"][0], "7");
    }
}
