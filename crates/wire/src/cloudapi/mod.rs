//! The vendor's cloud API 3.0 as a server sees it (wire reference 4; observed client traffic 6): who signed a request, what
//! it asks for, and the shape of every answer.
//!
//! A server finds out how a request is signed ([`tc3`] by header, [`form`] by parameters), looks up the SecretId, verifies,
//! and reads the parameters through [`Fields`], whether they came as JSON or flattened ([`unflatten()`]).

mod answer;
mod code;
mod delete_media;
mod describe_media_infos;
mod describe_task_detail;
mod events;
mod fields;
pub mod form;
mod media_info;
mod mismatch;
mod refusal;
mod search_media;
pub mod tc3;
#[cfg(test)]
mod tests;
mod unflatten;

pub use answer::{answer, refusal};
pub use code::Code;
pub use delete_media::{DeleteMedia, DeletePart};
pub use describe_media_infos::{DescribeMediaInfos, DescribedMediaInfos, MOST_FILE_IDS};
pub use describe_task_detail::{DescribeTaskDetail, TaskDetail};
pub use events::{
    DescribedEventConfig, EventMode, MOST_HANDLES, ModifyEventConfig, PulledEvents, read_confirm_events,
    read_pull_events, switch_word,
};
pub use fields::Fields;
pub use media_info::{
    FileReviewInfo, MediaAdaptiveDynamicStreamingInfo, MediaFilter, MediaFilters, MediaImageSpriteInfo,
    MediaInfo, MediaSampleSnapshotInfo, MediaSnapshotByTimeOffsetInfo, MediaTranscodeInfo, ReviewInfo,
};
pub use refusal::Refusal;
pub use search_media::{FoundMedia, MOST_FOUND, SearchMedia};
pub use unflatten::unflatten;

/// The only version of the API.
pub const VERSION: &str = "2018-07-17";
/// How far the client's clock may be off, seconds.
pub const MAX_SKEW: i64 = 300;

/// Whether a request signed at `signed` (Unix seconds) is fresh at `now`.
fn check_skew(signed: i64, now: i64) -> Result<(), Refusal> {
    if now.abs_diff(signed) > MAX_SKEW.unsigned_abs() {
        let sentence = format!(
            "the request was signed at {signed}, the server's time is {now}; check the clock of the client"
        );
        return Err(Refusal::new(Code::SignatureExpire, sentence));
    }
    Ok(())
}
