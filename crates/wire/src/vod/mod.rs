//! API 3.0 structures that events carry (wire reference 5.3, 6.5 and appendix; SDK structures of version 2018-07-17),
//! serialised as the vendor does: a string without value is `""`, a list is never null, an object that does not apply
//! is left out, times are ISO 8601 text in UTC.

mod event;
mod media;
mod process;
mod review;
mod tagged;
#[cfg(test)]
mod tests;

pub use event::{
    Event, EventContent, FileDeleteResultItem, FileDeleteTask, FileUploadTask, MediaDeleteItem, ProcedureTask,
};
pub use media::{MediaAudioStreamItem, MediaBasicInfo, MediaMetaData, MediaSourceData, MediaVideoStreamItem};
pub use process::{
    AdaptiveDynamicStreamingInfoItem, CoverBySnapshotTaskInput, CoverBySnapshotTaskOutput, DefinitionInput,
    MediaImageSpriteItem, MediaProcessTaskResult, MediaSubStreamInfoItem, MediaTranscodeItem, TaskResult,
};
pub use review::{
    AiContentReviewResult, AiReviewTaskOutput, AiReviewTaskResult, MediaContentReviewSegmentItem,
    ReviewAudioVideoSegmentItem, ReviewAudioVideoTask, ReviewAudioVideoTaskInput, ReviewAudioVideoTaskOutput,
};

/// The time that means "never expires" (wire reference 4.4, ModifyMediaInfo).
pub const NEVER: &str = "9999-12-31T23:59:59Z";

/// Writes a double as the vendor does: a whole number has no fraction. Some consumers read these into integers.
fn shortest<S: serde::Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within the exact range")]
        serializer.serialize_i64(*value as i64)
    } else if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.serialize_i64(0)
    }
}
