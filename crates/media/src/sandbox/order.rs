//! What the server tells the helper, as one JSON argument.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The hidden first argument that makes a binary the helper. The order and the child's own arguments follow.
pub const HELPER_ARGUMENT: &str = "sandbox-exec";

/// Exit status of a helper that could not become the child. Together with `HELPER_COMPLAINT` at the start of
/// standard error it tells trouble of ours from trouble with the stranger's file.
pub const HELPER_FAILED: u8 = 125;

/// How the helper's own complaints begin.
pub(super) const HELPER_COMPLAINT: &str = "sandbox: ";

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// What one child may use. Sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Address space (`RLIMIT_AS`): an allocation beyond it fails inside the child.
    pub address_space: u64,
    /// Largest file it may write (`RLIMIT_FSIZE`).
    pub file_size: u64,
    /// Open files (`RLIMIT_NOFILE`).
    pub open_files: u64,
    /// Wall-clock time. Processor time (`RLIMIT_CPU`) is bounded by it times the number of processors.
    pub wall: Duration,
}

impl Limits {
    /// For reading headers: 1 GiB of address space, no files.
    pub fn for_probe(wall: Duration) -> Self {
        Self { address_space: GIB, file_size: 0, open_files: 32, wall }
    }

    /// For decoding with small outputs (pictures): 3 GiB of address space, files up to 256 MiB.
    pub fn for_stills(wall: Duration) -> Self {
        Self { address_space: 3 * GIB, file_size: 256 * MIB, open_files: 64, wall }
    }

    /// For encoding a ladder: 6 GiB of address space (a 2160p ladder in five sizes reserves more than half of it),
    /// files up to `file_size`.
    pub fn for_encode(wall: Duration, file_size: u64) -> Self {
        Self { address_space: 6 * GIB, file_size, open_files: 128, wall }
    }
}

/// How to confine what, and as whose child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Absolute path of the program to become.
    pub program: PathBuf,
    /// The only directory it may write to.
    pub scratch: Option<PathBuf>,
    /// Standard input is the source file, to be readable by name too.
    pub source: bool,
    /// Landlock and seccomp are required.
    pub confine: bool,
    /// Process id of the server. A helper with another parent was orphaned before it could ask to die with it.
    pub parent: u32,
    pub limits: Limits,
}
