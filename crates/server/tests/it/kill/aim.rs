//! The phases of one file's way, and how long they are.

use std::fmt;
use std::time::Duration;

/// What a kill can cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// From Apply until the parts are joined.
    Upload,
    /// CommitUploadUGC, from request to answer.
    Commit,
    /// Steps of the procedure.
    Flow,
}

impl Phase {
    pub(super) const ALL: [Self; 3] = [Self::Upload, Self::Commit, Self::Flow];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Commit => "commit",
            Self::Flow => "flow",
        }
    }

    /// Each as likely as the others.
    pub(super) fn drawn() -> Self {
        Self::ALL[rand::random_range(0..Self::ALL.len())]
    }
}

/// Measured in one undisturbed round.
pub(super) struct Widths {
    pub(super) upload: Duration,
    pub(super) commit: Duration,
    pub(super) flow: Duration,
}

impl Widths {
    pub(super) fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Upload => self.upload,
            Phase::Commit => self.commit,
            Phase::Flow => self.flow,
        }
    }
}

impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upload {:.0?}, commit {:.0?}, flow {:.0?}", self.upload, self.commit, self.flow)
    }
}
