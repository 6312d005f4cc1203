//! The UGC actions at `/v3/index.php` (wire reference section 2): Prepare, Apply, Commit.
//!
//! Requests are read leniently (a missing field is fine, an unknown one is ignored) but a wrong type is refused with a
//! sentence that names the field. Answers keep the JSON types that the mobile SDKs check.

mod answer;
mod code;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{
    Answer, ApplyData, CommitData, CosAcceleration, CosRegion, PrepareData, StorageObject, StoredFile,
    TemporaryCertificate, verify_content,
};
pub use code::Code;
pub use request::{AnnouncedFile, ApplyMode, ApplyRequest, CommitRequest, InvalidRequest, PrepareRequest};

/// The action of a call, from the query parameter `Action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `PrepareUploadUGC`: which regions are there.
    Prepare,
    /// `ApplyUploadUGC`: open, resume, or replace a cover.
    Apply,
    /// `CommitUploadUGC`: the bytes are there.
    Commit,
}

impl Action {
    /// The name in the query.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "PrepareUploadUGC",
            Self::Apply => "ApplyUploadUGC",
            Self::Commit => "CommitUploadUGC",
        }
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Prepare, Self::Apply, Self::Commit].into_iter().find(|action| action.as_str() == name)
    }
}
