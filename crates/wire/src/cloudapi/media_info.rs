//! `MediaInfo` (wire reference, appendix): what DescribeMediaInfos and SearchMedia tell of a file.

use serde::Serialize;
use serde_json::Value;

use super::{Code, Refusal};
use crate::upload_signature::shown;
use crate::vod::{
    AdaptiveDynamicStreamingInfoItem, MediaBasicInfo, MediaImageSpriteItem, MediaMetaData, MediaTranscodeItem,
};

/// `MediaInfo`. What was not asked for is null; what was asked for and is not there is an empty list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaInfo {
    /// What it is called and where it lies.
    pub basic_info: Option<MediaBasicInfo>,
    /// What is in it; null, too, while nobody has looked.
    pub meta_data: Option<MediaMetaData>,
    /// Single files made from it.
    pub transcode_info: Option<MediaTranscodeInfo>,
    /// Not offered: null.
    pub animated_graphics_info: Option<Value>,
    /// Screenshots at regular distances.
    pub sample_snapshot_info: Option<MediaSampleSnapshotInfo>,
    /// Sprite sheets.
    pub image_sprite_info: Option<MediaImageSpriteInfo>,
    /// Screenshots at given times.
    pub snapshot_by_time_offset_info: Option<MediaSnapshotByTimeOffsetInfo>,
    /// Not offered: null.
    pub key_frame_desc_info: Option<Value>,
    /// HLS ladders.
    pub adaptive_dynamic_streaming_info: Option<MediaAdaptiveDynamicStreamingInfo>,
    /// Not offered: null.
    pub mini_program_review_info: Option<Value>,
    /// Not offered: null.
    pub subtitle_info: Option<Value>,
    /// The file.
    pub file_id: String,
    /// The newest verdict; null, too, while nobody has judged.
    pub review_info: Option<FileReviewInfo>,
}

/// `MediaTranscodeInfo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaTranscodeInfo {
    /// One for each template.
    pub transcode_set: Vec<MediaTranscodeItem>,
}

/// `MediaSampleSnapshotInfo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaSampleSnapshotInfo {
    /// Not made by any procedure; always empty.
    pub sample_snapshot_set: Vec<Value>,
}

/// `MediaSnapshotByTimeOffsetInfo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaSnapshotByTimeOffsetInfo {
    /// Not made by any procedure; always empty.
    pub snapshot_by_time_offset_set: Vec<Value>,
}

/// `MediaImageSpriteInfo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaImageSpriteInfo {
    /// One for each template.
    pub image_sprite_set: Vec<MediaImageSpriteItem>,
}

/// `MediaAdaptiveDynamicStreamingInfo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaAdaptiveDynamicStreamingInfo {
    /// One for each template.
    pub adaptive_dynamic_streaming_set: Vec<AdaptiveDynamicStreamingInfoItem>,
}

/// `FileReviewInfo`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FileReviewInfo {
    /// Of the media itself.
    pub media_review_info: Option<ReviewInfo>,
    /// Covers are not reviewed: null.
    pub cover_review_info: Option<ReviewInfo>,
}

/// `ReviewInfo`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReviewInfo {
    /// Template.
    pub definition: i64,
    /// `pass`, `review` or `block`.
    pub suggestion: String,
    /// What it is suspected of, such as `Porn`; empty on pass.
    pub type_set: Vec<String>,
    /// ISO 8601.
    pub review_time: String,
}

/// One part of a [`MediaInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaFilter {
    /// `basicInfo`.
    Basic,
    /// `metaData`.
    MetaData,
    /// `transcodeInfo`.
    Transcode,
    /// `imageSpriteInfo`.
    ImageSprite,
    /// `snapshotByTimeOffsetInfo`.
    SnapshotByTimeOffset,
    /// `sampleSnapshotInfo`.
    SampleSnapshot,
    /// `adaptiveDynamicStreamingInfo`.
    AdaptiveDynamicStreaming,
    /// `reviewInfo`.
    Review,
    /// One that the vendor has and nothing here can fill.
    NotOffered,
}

impl MediaFilter {
    fn of(word: &str) -> Result<Self, Refusal> {
        Ok(match word {
            "basicInfo" => Self::Basic,
            "metaData" => Self::MetaData,
            "transcodeInfo" => Self::Transcode,
            "imageSpriteInfo" => Self::ImageSprite,
            "snapshotByTimeOffsetInfo" => Self::SnapshotByTimeOffset,
            "sampleSnapshotInfo" => Self::SampleSnapshot,
            "adaptiveDynamicStreamingInfo" => Self::AdaptiveDynamicStreaming,
            "reviewInfo" => Self::Review,
            "animatedGraphicsInfo" | "keyFrameDescInfo" | "miniProgramReviewInfo" | "subtitleInfo" => {
                Self::NotOffered
            }
            other => {
                let sentence = format!(
                    "Filters holds {}, which is not a part of MediaInfo such as basicInfo or transcodeInfo",
                    shown(other)
                );
                return Err(Refusal::new(Code::InvalidFilters, sentence));
            }
        })
    }
}

/// Which parts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaFilters(Vec<MediaFilter>);

impl MediaFilters {
    /// The parts with these words; none at all stands for every part.
    pub fn of(words: Option<Vec<String>>) -> Result<Self, Refusal> {
        let words = words.unwrap_or_default();
        words.iter().map(|word| MediaFilter::of(word)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `part` is wanted.
    pub fn wants(&self, part: MediaFilter) -> bool {
        self.0.is_empty() || self.0.contains(&part)
    }
}
