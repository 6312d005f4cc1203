//! Events (vendor documents 266/33779, 266/7830, 266/9636, 266/81258).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::media::{MediaBasicInfo, MediaMetaData};
use super::process::MediaProcessTaskResult;
use super::review::{AiContentReviewResult, ReviewAudioVideoTask};
use super::tagged::tagged;

/// `EventContent`: one event, as pushed (no handle) or pulled (with handle).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventContent {
    /// What a consumer confirms; pulled events only.
    #[serde(rename = "EventHandle", default, skip_serializing_if = "Option::is_none")]
    pub event_handle: Option<String>,
    /// `EventType` and the one member that matches it.
    #[serde(flatten)]
    pub event: Event,
}

tagged!(
    /// The content of an event.
    Event by "EventType" {
        /// A file was uploaded.
        NewFileUpload(FileUploadTask) = "NewFileUpload" in "FileUploadEvent",
        /// A procedure changed state or finished.
        ProcedureStateChanged(ProcedureTask) = "ProcedureStateChanged" in "ProcedureStateChangeEvent",
        /// A media, or files of it, were deleted.
        FileDeleted(FileDeleteTask) = "FileDeleted" in "FileDeleteEvent",
        /// A review finished.
        ReviewAudioVideoComplete(ReviewAudioVideoTask)
            = "ReviewAudioVideoComplete" in "ReviewAudioVideoCompleteEvent",
    }
);

/// `FileUploadTask`: the content of a NewFileUpload event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FileUploadTask {
    /// The media.
    pub file_id: String,
    /// What it is called and where it lies.
    pub media_basic_info: MediaBasicInfo,
    /// The procedure that was started, or empty.
    pub procedure_task_id: String,
    /// The review that was started, or empty.
    pub review_audio_video_task_id: String,
    /// What is in it. Never missing: consumers reject that.
    pub meta_data: MediaMetaData,
}

/// `FileDeleteTask`: the content of a FileDeleted event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FileDeleteTask {
    /// The media.
    pub file_id_set: Vec<String>,
    /// What of each.
    pub file_delete_result_info: Vec<FileDeleteResultItem>,
}

/// `FileDeleteResultItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FileDeleteResultItem {
    /// The media.
    pub file_id: String,
    /// What of it; empty: everything.
    pub delete_parts: Vec<MediaDeleteItem>,
}

/// `MediaDeleteItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaDeleteItem {
    /// Such as `TranscodeFiles`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Template; 0: all of the type.
    pub definition: i64,
}

/// `ProcedureTask`: the content of a ProcedureStateChanged event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProcedureTask {
    /// Opaque.
    pub task_id: String,
    /// `PROCESSING` or `FINISH`.
    pub status: String,
    /// Deprecated by the vendor, stays 0: look at each sub-task.
    pub err_code: i64,
    /// Deprecated by the vendor, stays empty.
    pub message: String,
    /// The media.
    pub file_id: String,
    /// Its title.
    pub file_name: String,
    /// Absolute URL of the source file.
    pub file_url: String,
    /// What is in it.
    pub meta_data: MediaMetaData,
    /// One entry for each processing sub-task.
    pub media_process_result_set: Vec<MediaProcessTaskResult>,
    /// One entry for each type of review.
    pub ai_content_review_result_set: Vec<AiContentReviewResult>,
    /// Not offered; always empty when written.
    pub ai_analysis_result_set: Vec<Value>,
    /// Not offered; always empty when written.
    pub ai_recognition_result_set: Vec<Value>,
    /// -10 to 10.
    pub tasks_priority: i64,
    /// `Finish`, `Change` or `None`.
    pub tasks_notify_mode: String,
    /// The signature's `sessionContext`, byte for byte.
    pub session_context: String,
    /// The caller's de-duplication id.
    pub session_id: String,
    /// Who asked, or empty.
    pub operator: String,
    /// How it was asked, or empty.
    pub operation_type: String,
}
