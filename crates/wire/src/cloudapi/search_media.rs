//! `SearchMedia` (vendor document 266/31813): those of its conditions that can be answered here. The others are refused as
//! unknown parameters instead of being ignored.

use serde::Serialize;

use super::{Code, Fields, MediaFilters, MediaInfo, Refusal};
use crate::upload_signature::shown;

/// Largest sum of offset and limit.
pub const MOST_FOUND: i64 = 5000;
/// Entries unless told otherwise.
const DEFAULT_LIMIT: i64 = 10;
/// Most elements in a list of conditions.
const MOST_CONDITIONS: usize = 10;
/// Most FileIds among the conditions.
const MOST_FILES: usize = 10;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchMedia {
    /// One of these, as sent; empty: any.
    pub file_ids: Vec<String>,
    /// The name begins with one of these; empty: any.
    pub name_prefixes: Vec<String>,
    /// Made at this time (ISO 8601) or later.
    pub created_from: Option<String>,
    /// Made at this time (ISO 8601) or earlier.
    pub created_until: Option<String>,
    /// Oldest first rather than newest first.
    pub ascending: bool,
    /// Entries to leave out.
    pub offset: u32,
    /// Entries wanted.
    pub limit: u32,
    /// Which parts of each.
    pub filters: MediaFilters,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundMedia {
    /// All that meet the conditions, at most [`MOST_FOUND`] of which can be fetched.
    pub total_count: u64,
    /// Those of this page.
    pub media_info_set: Vec<MediaInfo>,
}

impl SearchMedia {
    /// Reads the parameters.
    pub fn read(mut fields: Fields) -> Result<Self, Refusal> {
        let (offset, limit) = page(&mut fields)?;
        let (mut created_from, mut created_until) = (None, None);
        if let Some(mut range) = fields.structure("CreateTime")? {
            (created_from, created_until) = (range.text("After")?, range.text("Before")?);
            range.finish()?;
        }
        let made = Self {
            file_ids: conditions(&mut fields, "FileIds", MOST_FILES)?,
            name_prefixes: conditions(&mut fields, "NamePrefixes", MOST_CONDITIONS)?,
            ascending: ascending(&mut fields)?,
            filters: MediaFilters::of(fields.texts("Filters")?)?,
            created_from,
            created_until,
            offset,
            limit,
        };
        fields.finish()?;
        Ok(made)
    }
}

fn conditions(fields: &mut Fields, name: &str, most: usize) -> Result<Vec<String>, Refusal> {
    let found = fields.texts(name)?.unwrap_or_default();
    if found.len() > most {
        let sentence = format!("{name} has {} elements, and at most {most} are taken", found.len());
        return Err(Refusal::new(Code::InvalidParameterValue, sentence));
    }
    Ok(found)
}

fn page(fields: &mut Fields) -> Result<(u32, u32), Refusal> {
    let offset = fields.number("Offset")?.unwrap_or(0);
    let limit = fields.number("Limit")?.unwrap_or(DEFAULT_LIMIT);
    let (Ok(from), Ok(count)) = (u32::try_from(offset), u32::try_from(limit)) else {
        let code = if !(0..=MOST_FOUND).contains(&offset) { Code::InvalidOffset } else { Code::InvalidLimit };
        return Err(Refusal::new(code, "Offset and Limit are not negative and together at most 5000"));
    };
    if offset.saturating_add(limit) > MOST_FOUND {
        let code = if offset >= MOST_FOUND { Code::OffsetTooLarge } else { Code::LimitTooLarge };
        let sentence = format!(
            "Offset {offset} and Limit {limit} are together more than {MOST_FOUND}; narrow the search with CreateTime"
        );
        return Err(Refusal::new(code, sentence));
    }
    Ok((from, count))
}

/// Newest first without a wish, as our own lists are.
fn ascending(fields: &mut Fields) -> Result<bool, Refusal> {
    let Some(mut sort) = fields.structure("Sort")? else { return Ok(false) };
    let (field, order) = (sort.required_text("Field")?, sort.required_text("Order")?);
    sort.finish()?;
    match (field.as_str(), order.as_str()) {
        ("CreateTime", "Asc") => Ok(true),
        ("CreateTime", "Desc") => Ok(false),
        _ => {
            let sentence = format!(
                "Sort by {} in order {} is not offered; use CreateTime with Asc or Desc",
                shown(&field),
                shown(&order)
            );
            Err(Refusal::new(Code::InvalidSort, sentence))
        }
    }
}
