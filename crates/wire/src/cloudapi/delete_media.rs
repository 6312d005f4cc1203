//! `DeleteMedia` (vendor document 266/31764). It answers with nothing but a `RequestId`.

use super::{Code, Fields, Refusal};

/// Most parts in one request: more than any media has.
const MOST_PARTS: usize = 100;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteMedia {
    /// Which file, as sent.
    pub file_id: String,
    /// What of it; empty: everything.
    pub parts: Vec<DeletePart>,
}

/// `MediaDeleteItem` as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletePart {
    /// Such as `TranscodeFiles`.
    pub kind: String,
    /// Template; 0 stands for all.
    pub definition: i64,
}

impl DeleteMedia {
    /// Reads the parameters.
    pub fn read(mut fields: Fields) -> Result<Self, Refusal> {
        let file_id = fields.required_text("FileId")?;
        let structures = fields.structures("DeleteParts")?.unwrap_or_default();
        if structures.len() > MOST_PARTS {
            let sentence = format!("DeleteParts has more than {MOST_PARTS} elements");
            return Err(Refusal::new(Code::InvalidParameterValue, sentence));
        }
        let parts = structures.into_iter().map(part).collect::<Result<_, _>>()?;
        fields.finish()?;
        Ok(Self { file_id, parts })
    }
}

fn part(mut fields: Fields) -> Result<DeletePart, Refusal> {
    let part = DeletePart {
        kind: fields.required_text("Type")?,
        definition: fields.number("Definition")?.unwrap_or(0),
    };
    fields.finish()?;
    Ok(part)
}
