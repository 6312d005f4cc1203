//! What a review found.

use serde::{Deserialize, Serialize};

use super::process::DefinitionInput;
use super::shortest;
use super::tagged::tagged;

tagged!(
    /// `AiContentReviewResult`: one type of review inside a procedure (wire reference 6.5).
    AiContentReviewResult by "Type" {
        /// Pornography in pictures.
        Porn(AiReviewTaskResult) = "Porn" in "PornTask",
        /// Terrorism in pictures.
        Terrorism(AiReviewTaskResult) = "Terrorism" in "TerrorismTask",
        /// Politically sensitive pictures.
        Political(AiReviewTaskResult) = "Political" in "PoliticalTask",
    }
);

/// `AiReviewTaskPornResult` and its twins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AiReviewTaskResult {
    /// `PROCESSING`, `SUCCESS` or `FAIL`.
    pub status: String,
    /// Reason word; empty when fine.
    pub err_code_ext: String,
    /// The older number.
    pub err_code: i64,
    /// What went wrong, or empty.
    pub message: String,
    /// What was asked.
    pub input: DefinitionInput,
    /// What was found; on success only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<AiReviewTaskOutput>,
    /// Percent.
    pub progress: i64,
}

/// `AiReviewPornTaskOutput` and its twins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AiReviewTaskOutput {
    /// 0 to 100.
    #[serde(serialize_with = "shortest")]
    pub confidence: f64,
    /// `pass`, `review` or `block`.
    pub suggestion: String,
    /// `porn`, `sexy`, …; empty on pass.
    pub label: String,
    /// At most 100 suspicious segments; empty on pass.
    pub segment_set: Vec<MediaContentReviewSegmentItem>,
    /// Absolute URL of the complete list, or empty.
    pub segment_set_file_url: String,
    /// ISO 8601, or empty.
    pub segment_set_file_url_expire_time: String,
}

/// `MediaContentReviewSegmentItem`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MediaContentReviewSegmentItem {
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub start_time_offset: f64,
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub end_time_offset: f64,
    /// 0 to 100.
    #[serde(serialize_with = "shortest")]
    pub confidence: f64,
    /// As in the output.
    pub label: String,
    /// As in the output.
    pub suggestion: String,
    /// Absolute URL of the evidence picture.
    pub url: String,
    /// Unix seconds.
    pub pic_url_expire_time_stamp: i64,
    /// ISO 8601.
    pub pic_url_expire_time: String,
}

/// `ReviewAudioVideoTask`: the content of a ReviewAudioVideoComplete event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReviewAudioVideoTask {
    /// Opaque.
    pub task_id: String,
    /// `PROCESSING` or `FINISH`.
    pub status: String,
    /// Reason word; empty when fine.
    pub err_code_ext: String,
    /// `SUCCESS`, or what went wrong.
    pub message: String,
    /// What was asked.
    pub input: ReviewAudioVideoTaskInput,
    /// What was found; on success only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<ReviewAudioVideoTaskOutput>,
    /// The caller's de-duplication id.
    pub session_id: String,
    /// The caller's context.
    pub session_context: String,
}

/// `ReviewAudioVideoTaskInput`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReviewAudioVideoTaskInput {
    /// The media.
    pub file_id: String,
    /// Template id.
    pub definition: i64,
    /// `Media`, `Cover`.
    pub review_contents: Vec<String>,
}

/// `ReviewAudioVideoTaskOutput`. The result for a cover (`CoverReviewResult`) is not offered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReviewAudioVideoTaskOutput {
    /// `pass`, `review` or `block`.
    pub suggestion: String,
    /// `Porn`, `Terror`, …, capitalised; empty on pass.
    pub label: String,
    /// `Image`, `OCR`, `ASR` or `Voice`; empty on pass.
    pub form: String,
    /// At most the first 10 segments.
    pub segment_set: Vec<ReviewAudioVideoSegmentItem>,
    /// Absolute URL of the complete list, or empty.
    pub segment_set_file_url: String,
    /// ISO 8601, or empty.
    pub segment_set_file_url_expire_time: String,
}

/// `ReviewAudioVideoSegmentItem`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReviewAudioVideoSegmentItem {
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub start_time_offset: f64,
    /// Seconds.
    #[serde(serialize_with = "shortest")]
    pub end_time_offset: f64,
    /// 0 to 100.
    #[serde(serialize_with = "shortest")]
    pub confidence: f64,
    /// As in the output.
    pub suggestion: String,
    /// As in the output.
    pub label: String,
    /// Finer label, or empty.
    pub sub_label: String,
    /// As in the output.
    pub form: String,
    /// Left, top, right, bottom in pixels, or empty.
    pub area_coord_set: Vec<i64>,
    /// Recognised text, or empty.
    pub text: String,
    /// Words that were hit.
    pub keyword_set: Vec<String>,
    /// Absolute URL of the evidence picture.
    pub url: String,
    /// ISO 8601.
    pub pic_url_expire_time: String,
}
