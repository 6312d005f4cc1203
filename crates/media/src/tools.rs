//! Where ffmpeg and ffprobe are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The two programs we start, as absolute paths with symbolic links resolved: the sandbox grants execution to
/// exactly these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The encoder.
    pub ffmpeg: PathBuf,
    /// The prober.
    pub ffprobe: PathBuf,
}

/// A program is missing.
#[derive(Debug, thiserror::Error)]
#[error("{name} was not found in PATH; install ffmpeg (on Debian: apt-get install ffmpeg)")]
pub struct ToolsError {
    /// The program that was looked for.
    pub name: &'static str,
}

impl Tools {
    /// Looks for both programs in the directories of `path`, the value of the environment's `PATH`.
    pub fn find(path: &OsStr) -> Result<Self, ToolsError> {
        Ok(Self { ffmpeg: find_one(path, "ffmpeg")?, ffprobe: find_one(path, "ffprobe")? })
    }
}

fn find_one(path: &OsStr, name: &'static str) -> Result<PathBuf, ToolsError> {
    std::env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|candidate| is_program(candidate))
        .and_then(|candidate| candidate.canonicalize().ok())
        .ok_or(ToolsError { name })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn finds_executables_only_and_in_absolute_directories() {
        let dir = tempfile::tempdir().unwrap();
        let ffmpeg = dir.path().join("ffmpeg");
        std::fs::write(&ffmpeg, "").unwrap();
        let path = std::env::join_paths([Path::new("."), dir.path()]).unwrap();
        assert_eq!(Tools::find(&path).unwrap_err().name, "ffmpeg");

        std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Tools::find(&path).unwrap_err().name, "ffprobe");

        std::os::unix::fs::symlink(&ffmpeg, dir.path().join("ffprobe")).unwrap();
        let tools = Tools::find(&path).unwrap();
        assert_eq!(tools.ffprobe, ffmpeg.canonicalize().unwrap());
    }
}
