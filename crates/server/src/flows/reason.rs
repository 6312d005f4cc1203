//! Why a sub-task fails, in the vendor's words (vendor document 266/50368; wire reference 5.3).

use reelgate_media::probe::Unreadable;
use reelgate_store::SubtaskEnd;
use serde::{Deserialize, Serialize};

/// A reason with a code of the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reason {
    /// The template or procedure is not known.
    DefinitionNotExist,
    /// What was asked for is not offered here.
    ConfigurationUnsupported,
    /// A picture was wanted of a source that has none.
    NoVideoMedia,
    /// The source is no media, or too damaged.
    ContentMalformed,
    /// The source is of a kind that this result cannot be made of.
    ContentUnsupported,
    /// The source is gone.
    DownloadNotAccessible,
    /// Our own fault.
    InternalError,
}

impl Reason {
    const ALL: [Self; 7] = [
        Self::DefinitionNotExist,
        Self::ConfigurationUnsupported,
        Self::NoVideoMedia,
        Self::ContentMalformed,
        Self::ContentUnsupported,
        Self::DownloadNotAccessible,
        Self::InternalError,
    ];

    /// The vendor's text code.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::DefinitionNotExist => "InvalidInput.DefinitionNotExist",
            Self::ConfigurationUnsupported => "InvalidInput.ConfigurationUnsupported",
            Self::NoVideoMedia => "SourceFileError.NoVideoMedia",
            Self::ContentMalformed => "SourceFileError.ContentMalformed",
            Self::ContentUnsupported => "SourceFileError.ContentUnsupported",
            Self::DownloadNotAccessible => "SourceFileError.DownloadNotAccessible",
            Self::InternalError => "InternalError",
        }
    }

    /// The vendor's older integer code.
    fn number(self) -> i64 {
        match self {
            Self::DefinitionNotExist | Self::ConfigurationUnsupported => 40_000,
            Self::NoVideoMedia
            | Self::ContentMalformed
            | Self::ContentUnsupported
            | Self::DownloadNotAccessible => 60_000,
            Self::InternalError => 70_000,
        }
    }

    /// The reason behind a job's failure code. Codes that are not of ours (attempts used up) are our own fault.
    pub(super) fn of_code(code: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.code() == code).unwrap_or(Self::InternalError)
    }

    /// The reason behind a media's `probe_error`.
    pub(super) fn of_probe_error(error: &str) -> Self {
        if error == Unreadable::Malformed.code() {
            Self::ContentMalformed
        } else if error == Unreadable::Unsupported.code() {
            Self::ContentUnsupported
        } else {
            Self::InternalError
        }
    }
}

/// How sub-tasks end whose media is deleted.
pub fn source_deleted() -> SubtaskEnd {
    Refusal::new(Reason::DownloadNotAccessible, "the media was deleted").end()
}

/// A reason and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub reason: Reason,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// As a sub-task ends by it.
    pub(super) fn end(&self) -> SubtaskEnd {
        SubtaskEnd::Fail {
            err_code: self.reason.number(),
            err_code_ext: self.reason.code().to_owned(),
            message: self.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_reason_and_foreign_ones_to_our_own_fault() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of_code(reason.code()), reason);
        }
        assert_eq!(Reason::of_code(reelgate_jobs::ATTEMPTS_EXHAUSTED), Reason::InternalError);
        assert_eq!(Reason::of_probe_error("ContentUnsupported"), Reason::ContentUnsupported);
        assert_eq!(Reason::of_probe_error("ProbeFailed"), Reason::InternalError);
    }
}
