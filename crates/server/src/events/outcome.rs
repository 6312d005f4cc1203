//! Records inside [`SubtaskFact`](super::fact::SubtaskFact): what was asked of a sub-task and what came out.
//!
//! Flows write them (into the sub-task's row and from there into facts), renderers read them. As with facts, fields may be
//! added with a default, never renamed. URLs are absolute.

use serde::{Deserialize, Serialize};

use reelgate_model::Time;
use serde_json::Value;

use super::fact::{AudioStreamFact, VideoStreamFact};

/// Member of an output whose files were deleted afterwards; the rest of the record stays as it was.
const DELETED: &str = "deleted_at";

/// Whether the files of an output are deleted.
pub fn is_deleted(output: &str) -> bool {
    // Most outputs are not, and need not be read for it.
    output.contains(DELETED)
        && serde_json::from_str::<Value>(output).is_ok_and(|output| output.get(DELETED).is_some())
}

/// The record of an output whose files are deleted at `now`.
pub fn deleted(output: &str, now: Time) -> serde_json::Result<String> {
    let mut members: serde_json::Map<String, Value> = serde_json::from_str(output)?;
    members.insert(DELETED.to_owned(), now.0.into());
    serde_json::to_string(&members)
}

/// Input of `CoverBySnapshot`. The other kinds are described completely by their template and have the input `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverInput {
    /// `Time` (seconds) or `Percent`.
    pub position_type: String,
    /// Where, in the unit of the type.
    pub position_value: f64,
}

/// Output of `Transcode`: one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TranscodeOutput {
    /// Absolute.
    pub url: String,
    /// Bytes.
    pub size: i64,
    /// ffprobe's format name.
    pub container: String,
    /// Bits per second.
    pub bitrate: i64,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// Seconds.
    pub duration: f64,
    /// Lower-case hex, or empty.
    pub md5: String,
    /// Video streams.
    pub video: Vec<VideoStreamFact>,
    /// Audio streams.
    pub audio: Vec<AudioStreamFact>,
}

/// Output of `AdaptiveDynamicStreaming`: a master playlist and its renditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdaptiveOutput {
    /// Absolute URL of the master playlist.
    pub url: String,
    /// `HLS`.
    pub package: String,
    /// Bytes of all segments and playlists.
    pub size: i64,
    /// The renditions, largest first.
    pub renditions: Vec<Rendition>,
}

/// One rendition of a ladder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rendition {
    /// `video` or `audio`.
    pub kind: String,
    /// Pixels; 0 for audio.
    pub width: i64,
    /// Pixels; 0 for audio.
    pub height: i64,
    /// Bytes.
    pub size: i64,
}

/// Output of `CoverBySnapshot`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoverOutput {
    /// Absolute.
    pub url: String,
}

/// Output of `ImageSprites`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpriteOutput {
    /// Of one cell, pixels.
    pub width: i64,
    /// Of one cell, pixels.
    pub height: i64,
    /// Cells on all sheets.
    pub total_count: i64,
    /// Absolute URLs of the sheets.
    pub image_urls: Vec<String>,
    /// Absolute URL of the WebVTT file.
    pub vtt_url: String,
}

/// Output of `Review.…`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewOutput {
    /// 0 to 100.
    pub confidence: i64,
    /// `pass`, `review` or `block`.
    pub suggestion: String,
    /// `porn` or `sexy`; empty on pass.
    pub label: String,
    /// Suspicious stretches in order; the vendor's shape has at most 100.
    pub segments: Vec<ReviewSegment>,
}

/// One suspicious stretch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewSegment {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// 0 to 100.
    pub confidence: i64,
    /// As in the output.
    pub label: String,
    /// As in the output.
    pub suggestion: String,
    /// Absolute URL of the evidence picture, or empty.
    pub url: String,
    /// Until when that URL is good, epoch milliseconds; `None`: as long as the file.
    pub url_expires_at: Option<i64>,
}
