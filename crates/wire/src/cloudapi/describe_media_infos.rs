//! `DescribeMediaInfos` (vendor document 266/31763).

use serde::Serialize;

use super::{Code, Fields, MediaFilters, MediaInfo, Refusal};

/// Most files in one request.
pub const MOST_FILE_IDS: usize = 20;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeMediaInfos {
    /// 1 to [`MOST_FILE_IDS`], as sent.
    pub file_ids: Vec<String>,
    /// Which parts of each.
    pub filters: MediaFilters,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedMediaInfos {
    /// Those that are there.
    pub media_info_set: Vec<MediaInfo>,
    /// The others.
    pub not_exist_file_id_set: Vec<String>,
}

impl DescribeMediaInfos {
    /// Reads the parameters.
    pub fn read(mut fields: Fields) -> Result<Self, Refusal> {
        let file_ids = fields.texts("FileIds")?.ok_or_else(|| Refusal::missing("FileIds"))?;
        let filters = MediaFilters::of(fields.texts("Filters")?)?;
        fields.finish()?;
        if file_ids.is_empty() {
            return Err(Refusal::new(Code::FileIdsEmpty, "FileIds is empty; name the files to be described"));
        }
        if file_ids.len() > MOST_FILE_IDS {
            let sentence = format!(
                "FileIds has {} files, and {MOST_FILE_IDS} can be described at once; ask in several requests",
                file_ids.len()
            );
            return Err(Refusal::new(Code::FileIdsTooMany, sentence));
        }
        Ok(Self { file_ids, filters })
    }
}
