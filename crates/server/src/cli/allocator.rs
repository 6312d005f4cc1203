//! How the server's allocator is set up.
//!
//! glibc gives every few threads an arena of their own and keeps in it what they have freed: some 40 MiB after the
//! first review (docs/benchmarks.md). It reads its settings only when a program starts, so the server starts itself
//! once more with them, in the same process: process id, open files and signals stay.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Two arenas, and freed memory goes back to the system from 128 KiB on. Buffers of a part are kept all the same: below 4 MiB
/// nothing is mapped anew for each of them, or a seventh of the CPU time of an upload went into page faults.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "2"), ("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_MMAP_THRESHOLD_", "4194304")];

/// Returns when the settings are in place: made by this, given by the operator, or not to be had.
pub(super) fn settle() {
    if cfg!(not(target_env = "gnu")) || SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Only a failure comes back from here, and then the server runs as well, with more memory.
    let _ = again(program).args(std::env::args_os().skip(1)).envs(SETTINGS).exec();
}

#[expect(clippy::disallowed_methods, reason = "this is the server itself, not a child")]
fn again(program: std::path::PathBuf) -> Command {
    Command::new(program)
}
