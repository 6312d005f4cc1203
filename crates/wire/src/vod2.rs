//! The vendor's old 2.0 event format (wire reference 5.4), which says `"version":"4.0"`: lower camel case, everything below
//! `data`. A string without value is `""`, a list is never null.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What every event of this format calls its version.
pub const VERSION: &str = "4.0";

/// One event, as pushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`VERSION`].
    pub version: String,
    /// Which, and what it tells.
    #[serde(flatten)]
    pub content: Content,
}

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "eventType", content = "data")]
pub enum Content {
    /// A file was uploaded.
    NewFileUpload(Box<NewFileUpload>),
    /// A procedure changed state or finished.
    ProcedureStateChanged(Box<ProcedureStateChanged>),
    /// Files were deleted.
    FileDeleted(FileDeleted),
}

/// Content of NewFileUpload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewFileUpload {
    /// 0 for success.
    pub status: i64,
    /// Sentence.
    pub message: String,
    /// The media.
    pub file_id: String,
    /// Its title.
    pub file_name: String,
    /// Absolute URL of the source file.
    pub file_url: String,
    /// Absolute URL, or empty.
    pub cover_url: String,
    /// Not known here; empty.
    pub author: String,
    /// `ClientUpload`, `ServerUpload` or `Record`.
    pub source_type: String,
    /// The signature's `sourceContext`, byte for byte.
    pub source_context: String,
    /// Of recordings; empty.
    pub stream_id: String,
    /// The procedure that was started, or empty.
    pub procedure_task_id: String,
    /// Older than procedures; empty.
    pub transcode_task_id: String,
    /// What is in it.
    pub meta_data: MetaData,
}

/// Content of ProcedureStateChanged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcedureStateChanged {
    /// The task.
    pub vod_task_id: String,
    /// `PROCESSING` or `FINISH`.
    pub status: String,
    /// 0.
    pub err_code: i64,
    /// Empty.
    pub message: String,
    /// The media.
    pub file_id: String,
    /// What is in it.
    pub meta_data: MetaData,
    /// One entry for each review.
    pub content_review_list: Vec<TaskResult>,
    /// Not offered; empty.
    #[serde(rename = "aIAnalysisList")]
    pub ai_analysis_list: Vec<Value>,
    /// One entry for each processing sub-task.
    pub process_task_list: Vec<TaskResult>,
}

/// Content of FileDeleted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDeleted {
    /// 0.
    pub status: i64,
    /// Empty.
    pub message: String,
    /// What was deleted.
    pub file_info: Vec<FileInfo>,
}

/// A file that is gone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileInfo {
    /// The media it was.
    pub file_id: String,
}

/// What is in a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetaData {
    /// Bytes.
    pub size: u64,
    /// Bytes, again: seen in real traffic.
    pub total_size: u64,
    /// ffprobe's format name.
    pub container: String,
    /// Bits per second.
    pub bitrate: u64,
    /// Pixels.
    pub height: u64,
    /// Pixels.
    pub width: u64,
    /// Empty where it is not known.
    pub md5: String,
    /// Whole seconds.
    pub duration: u64,
    /// Seconds.
    pub float_duration: f64,
    /// Seconds.
    pub video_duration: f64,
    /// Seconds.
    pub audio_duration: f64,
    /// Degrees.
    pub rotate: i64,
    /// Video streams.
    pub video_stream_list: Vec<VideoStream>,
    /// Audio streams.
    pub audio_stream_list: Vec<AudioStream>,
}

/// One video stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoStream {
    /// Bits per second.
    pub bitrate: u64,
    /// Pixels.
    pub height: u64,
    /// Pixels.
    pub width: u64,
    /// ffprobe's codec name.
    pub codec: String,
    /// Frames per second.
    pub fps: u64,
}

/// One audio stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AudioStream {
    /// Bits per second.
    pub bitrate: u64,
    /// Samples per second.
    pub sampling_rate: u64,
    /// ffprobe's codec name.
    pub codec: String,
}

/// One sub-task. `input` and `output` are objects whose members depend on the type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskResult {
    /// `Transcode`, `CoverBySnapshot`, `ImageSprites`, … or, in a review list, `Porn`.
    pub task_type: String,
    /// `PROCESSING`, `SUCCESS` or `FAIL`.
    pub status: String,
    /// 0, 30009 (source file) or 30010 (system).
    pub err_code: i64,
    /// Sentence.
    pub message: String,
    /// What was asked.
    pub input: Value,
    /// What came out; only of a success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_sample_of_the_wire_reference_is_read_and_written() {
        let sample = json!({"version": "4.0", "eventType": "ProcedureStateChanged", "data": {
            "vodTaskId": "1250000000-mango-0123", "status": "FINISH", "message": "", "errCode": 0,
            "fileId": "5576678019876543210",
            "metaData": {"size": 20971525, "container": "mov,mp4,m4a,3gp,3g2,mj2", "bitrate": 1021028, "height": 720,
                "width": 1280, "md5": "", "duration": 60, "videoStreamList": [], "audioStreamList": []},
            "contentReviewList": [{"taskType": "Porn", "status": "SUCCESS", "errCode": 0, "message": "",
                "input": {"definition": 10}, "output": {"confidence": 3, "suggestion": "pass", "segments": []}}],
            "processTaskList": [{"taskType": "SampleSnapshot", "status": "SUCCESS", "errCode": 0, "message": "",
                "input": {"definition": 10}, "output": {"imageUrls": ["https://x/1.jpg"]}}]}});
        let event: Event = serde_json::from_value(sample.clone()).unwrap();
        let written = serde_json::to_value(&event).unwrap();
        for (member, value) in sample["data"].as_object().unwrap() {
            match value.as_object() {
                None => assert_eq!(&written["data"][member], value, "{member}"),
                Some(inner) => {
                    for (name, value) in inner {
                        assert_eq!(&written["data"][member][name], value, "{member}.{name}");
                    }
                }
            }
        }
        assert_eq!((&written["version"], &written["eventType"]), (&sample["version"], &sample["eventType"]));
    }

    #[test]
    fn every_member_of_new_file_upload_is_written() {
        let event = Event { version: VERSION.to_owned(), content: Content::NewFileUpload(Box::default()) };
        let written = serde_json::to_value(&event).unwrap();
        for member in [
            "fileId",
            "fileName",
            "coverUrl",
            "fileUrl",
            "author",
            "sourceType",
            "sourceContext",
            "streamId",
            "procedureTaskId",
            "transcodeTaskId",
            "status",
            "message",
            "metaData",
        ] {
            assert!(written["data"].get(member).is_some(), "{member}");
        }
    }
}
