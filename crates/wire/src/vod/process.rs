//! What processing made of a media.

use serde::{Deserialize, Serialize};

use super::media::{MediaAudioStreamItem, MediaVideoStreamItem};
use super::shortest;
use super::tagged::tagged;

tagged!(
    /// `MediaProcessTaskResult`: one sub-task of a procedure.
    MediaProcessTaskResult by "Type" {
        /// One file in one quality.
        Transcode(TaskResult<DefinitionInput, MediaTranscodeItem>) = "Transcode" in "TranscodeTask",
        /// HLS or DASH with sub-streams.
        AdaptiveDynamicStreaming(TaskResult<DefinitionInput, AdaptiveDynamicStreamingInfoItem>)
            = "AdaptiveDynamicStreaming" in "AdaptiveDynamicStreamingTask",
        /// The cover, taken from the video.
        CoverBySnapshot(TaskResult<CoverBySnapshotTaskInput, CoverBySnapshotTaskOutput>)
            = "CoverBySnapshot" in "CoverBySnapshotTask",
        /// Sprite sheets. The word is plural, the member is not.
        ImageSprites(TaskResult<DefinitionInput, MediaImageSpriteItem>) = "ImageSprites" in "ImageSpriteTask",
    }
);

/// The frame that all `MediaProcessTask…Result` structures share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskResult<I, O> {
    /// `PROCESSING`, `SUCCESS` or `FAIL`.
    pub status: String,
    /// Reason word such as `SourceFileError.NoVideoMedia`; empty when fine.
    #[serde(default)]
    pub err_code_ext: String,
    /// The older number: 0, 40000 bad input, 60000 source file, 70000 internal.
    #[serde(default)]
    pub err_code: i64,
    /// `SUCCESS`, or what went wrong.
    #[serde(default)]
    pub message: String,
    /// What was asked.
    pub input: I,
    /// What came out; on success only.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub output: Option<O>,
    /// Percent.
    #[serde(default)]
    pub progress: i64,
    /// ISO 8601; empty before it began.
    #[serde(default)]
    pub begin_process_time: String,
    /// ISO 8601; empty before its end.
    #[serde(default)]
    pub finish_time: String,
}

/// The input of tasks that a template describes completely.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DefinitionInput {
    /// Template id.
    pub definition: i64,
}

/// `MediaTranscodeItem`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaTranscodeItem {
    /// Absolute.
    pub url: String,
    /// Template id.
    pub definition: i64,
    /// Bits per second.
    pub bitrate: u64,
    /// Pixels.
    pub height: u64,
    /// Pixels.
    pub width: u64,
    /// Bytes.
    pub size: u64,
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub duration: f64,
    /// Lower-case hex.
    pub md5: String,
    /// As ffprobe names it.
    pub container: String,
    /// Video streams.
    pub video_stream_set: Vec<MediaVideoStreamItem>,
    /// Audio streams.
    pub audio_stream_set: Vec<MediaAudioStreamItem>,
}

/// `AdaptiveDynamicStreamingInfoItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdaptiveDynamicStreamingInfoItem {
    /// Template id.
    pub definition: i64,
    /// `HLS` or `MPEG-DASH`.
    pub package: String,
    /// Empty: not encrypted.
    pub drm_type: String,
    /// Absolute URL of the master playlist.
    pub url: String,
    /// Bytes of all segments and playlists.
    pub size: u64,
    /// The renditions.
    pub sub_stream_set: Vec<MediaSubStreamInfoItem>,
}

/// `MediaSubStreamInfoItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaSubStreamInfoItem {
    /// `video` or `audio`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Bytes.
    pub size: u64,
}

/// `CoverBySnapshotTaskInput`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CoverBySnapshotTaskInput {
    /// Template id.
    pub definition: i64,
    /// `Time` (seconds) or `Percent`.
    pub position_type: String,
    /// Where, in the unit of the type.
    #[serde(serialize_with = "shortest")]
    pub position_value: f64,
}

/// `CoverBySnapshotTaskOutput`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CoverBySnapshotTaskOutput {
    /// Absolute.
    pub cover_url: String,
}

/// `MediaImageSpriteItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaImageSpriteItem {
    /// Template id.
    pub definition: i64,
    /// Of one cell, pixels.
    pub height: u64,
    /// Of one cell, pixels.
    pub width: u64,
    /// Cells on all sheets.
    pub total_count: u64,
    /// Absolute URLs of the sheets.
    pub image_url_set: Vec<String>,
    /// Absolute URL of the WebVTT file that maps times to cells.
    pub web_vtt_url: String,
}
