//! What a media is.

use serde::{Deserialize, Serialize};

use super::shortest;

/// `MediaBasicInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaBasicInfo {
    /// Title; the file name without extension at first.
    pub name: String,
    /// Free text.
    pub description: String,
    /// ISO 8601.
    pub create_time: String,
    /// ISO 8601.
    pub update_time: String,
    /// ISO 8601; [`NEVER`](super::NEVER) when it does not expire.
    pub expire_time: String,
    /// Category, 0 for "other".
    pub class_id: i64,
    /// Its name.
    pub class_name: String,
    /// Its path.
    pub class_path: String,
    /// Absolute URL or empty.
    pub cover_url: String,
    /// Container such as `mp4`: the extension at upload.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Absolute URL of the source file.
    pub media_url: String,
    /// Where it came from.
    pub source_info: MediaSourceData,
    /// Region short name.
    pub storage_region: String,
    /// Path in storage, or empty.
    pub storage_path: String,
    /// Labels.
    pub tag_set: Vec<String>,
    /// The FileId again.
    pub vid: String,
    /// `Video`, `Audio` or `Image`.
    pub category: String,
    /// `Normal` or `Forbidden`.
    pub status: String,
    /// `STANDARD`.
    pub storage_class: String,
}

/// `MediaSourceData`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaSourceData {
    /// `Upload` for client, server and pull uploads.
    pub source_type: String,
    /// The signature's `sourceContext`, byte for byte.
    pub source_context: String,
}

/// `MediaMetaData`. The default (all zero, no streams) stands for bytes that no decoder could read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaMetaData {
    /// Bytes.
    pub size: u64,
    /// As ffprobe names it, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// Bits per second, all streams.
    pub bitrate: u64,
    /// Largest height of the video streams, pixels.
    pub height: u64,
    /// Largest width of the video streams, pixels.
    pub width: u64,
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub duration: f64,
    /// Degrees, clockwise.
    pub rotate: i64,
    /// Video streams.
    pub video_stream_set: Vec<MediaVideoStreamItem>,
    /// Audio streams.
    pub audio_stream_set: Vec<MediaAudioStreamItem>,
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub video_duration: f64,
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub audio_duration: f64,
    /// Lower-case hex, or empty.
    pub md5: String,
}

/// `MediaVideoStreamItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaVideoStreamItem {
    /// Bits per second.
    pub bitrate: u64,
    /// Pixels.
    pub height: u64,
    /// Pixels.
    pub width: u64,
    /// Such as `h264`.
    pub codec: String,
    /// Frames per second, rounded; an integer in the SDKs.
    pub fps: u64,
    /// Such as `avc1`, or empty.
    pub codec_tag: String,
}

/// `MediaAudioStreamItem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaAudioStreamItem {
    /// Bits per second.
    pub bitrate: u64,
    /// Hertz.
    pub sampling_rate: u64,
    /// Such as `aac`.
    pub codec: String,
}
