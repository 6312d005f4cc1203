//! Received events in the vendor's two formats. In the format that it came in an event is what came, byte for byte; in the other one
//! it is converted, if its type is known. A type that is not known stays as it is.

use reelgate_wire::vod::{
    Event, EventContent, FileDeleteResultItem, FileDeleteTask, FileUploadTask, MediaAudioStreamItem,
    MediaBasicInfo, MediaMetaData, MediaSourceData, MediaVideoStreamItem, ProcedureTask,
};
use reelgate_wire::vod2;

use super::render2;

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

/// As 2.0; `None` if it is of a type that is known and that this format cannot tell.
pub(super) fn vendor2(format: u8, raw: &[u8]) -> Option<Vec<u8>> {
    if format == 2 {
        return Some(raw.to_vec());
    }
    match serde_json::from_slice::<EventContent>(raw) {
        Ok(new) => render2::vendor2(new.event),
        Err(_) => Some(raw.to_vec()),
    }
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
        assert_eq!(vendor2(2, OLD).unwrap(), OLD);
        let unknown = br#"{"EventType":"Brand New","X":{}}"#;
        assert_eq!((vendor3(3, unknown), vendor2(3, unknown)), (unknown.to_vec(), Some(unknown.to_vec())));
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
        let back: Value = serde_json::from_slice(&vendor2(3, new.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(back["data"]["fileUrl"], "http://x/a.mp4");
        assert_eq!(back["data"]["metaData"]["videoStreamList"][0]["fps"], 25);
        let deleted = br#"{"version":"4.0","eventType":"FileDeleted","data":{"fileInfo":[{"fileId":"7"}]}}"#;
        let deleted: Value = serde_json::from_slice(&vendor3(2, deleted)).unwrap();
        assert_eq!(deleted["FileDeleteEvent"]["FileIdSet"][0], "7");
        let parts =
            br#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["7"],"FileDeleteResultInfo":[
            {"FileId":"7","DeleteParts":[{"Type":"TranscodeFiles","Definition":0}]}]}}"#;
        assert_eq!(vendor2(3, parts), None, "the old format would say that all of it is gone");
    }

    #[test]
    fn a_task_with_results_is_told_in_the_old_format() {
        let new = br#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"TaskId":"t","Status":"FINISH","FileId":"42",
            "MediaProcessResultSet":[{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS","Message":"SUCCESS","ErrCode":0,
                "Input":{"Definition":100030},"Output":{"Url":"http://x/1.mp4","Definition":100030,"Duration":7.4}}}],
            "AiContentReviewResultSet":[{"Type":"Porn","PornTask":{"Status":"FAIL","ErrCode":60000,"Message":"no picture",
                "Input":{"Definition":10}}}]}}"#;
        let old: Value = serde_json::from_slice(&vendor2(3, new).unwrap()).unwrap();
        let data = &old["data"];
        assert_eq!((&old["version"], &data["vodTaskId"]), (&Value::from("4.0"), &Value::from("t")));
        let one = &data["processTaskList"][0];
        assert_eq!((&one["taskType"], &one["message"]), (&Value::from("Transcode"), &Value::from("")));
        assert_eq!(
            (&one["output"]["url"], &one["output"]["duration"]),
            (&Value::from("http://x/1.mp4"), &Value::from(7))
        );
        let review = &data["contentReviewList"][0];
        assert_eq!(
            (&review["errCode"], &review["message"]),
            (&Value::from(30_009), &Value::from("no picture"))
        );
    }
}
