//! How a command ends: exit codes follow sysexits, the sentence goes to standard error.

use std::process::ExitCode;

/// The arguments make no sense, or what they ask for cannot be done.
pub(super) const USAGE: u8 = 64;

/// Something is not there, for now.
const UNAVAILABLE: u8 = 69;

/// Why a command failed, with the exit code that scripts see.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    cause: anyhow::Error,
}

impl Failure {
    /// 64: what was asked for cannot be done; asking the same again gives the same.
    pub(super) fn usage(cause: anyhow::Error) -> Self {
        Self { code: USAGE, cause }
    }

    /// 65: stored data are not what they should be.
    pub(super) fn data(cause: anyhow::Error) -> Self {
        Self { code: 65, cause }
    }

    /// 69: something this command needs is not available.
    pub(super) fn unavailable(cause: anyhow::Error) -> Self {
        Self { code: UNAVAILABLE, cause }
    }

    /// 77: the credentials do not allow it.
    pub(super) fn forbidden(cause: anyhow::Error) -> Self {
        Self { code: 77, cause }
    }

    /// 78: the configuration is wrong.
    pub(super) fn config(cause: anyhow::Error) -> Self {
        Self { code: 78, cause }
    }

    /// 130: ended by Ctrl-C, as shells count it.
    pub(super) fn interrupted(cause: anyhow::Error) -> Self {
        Self { code: 130, cause }
    }

    /// Whether the same command may succeed later: something was not available.
    pub(super) fn may_pass(&self) -> bool {
        self.code == UNAVAILABLE
    }

    /// The sentence, for whoever reports it in another frame.
    pub(super) fn into_cause(self) -> anyhow::Error {
        self.cause
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}

impl From<anyhow::Error> for Failure {
    /// 70: something inside failed.
    fn from(cause: anyhow::Error) -> Self {
        Self { code: 70, cause }
    }
}

/// Prints the failure, if there is one, and gives the exit code.
#[expect(clippy::print_stderr, reason = "the end of a command line program is told on standard error")]
pub(super) fn report(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("reelgate: {:#}", failure.cause);
            ExitCode::from(failure.code)
        }
    }
}
