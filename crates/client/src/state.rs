//! The state file: what it takes to go on after a crash or Ctrl-C. It holds a session key, so only its owner may read it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use crate::UploadError;

/// What makes a file the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// File name without directories.
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Modification time, nanoseconds since 1970.
    pub(crate) modified_ns: u64,
}

/// One interrupted upload.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    /// Base address of the UGC door: a session of one server means nothing to another.
    pub(crate) server: String,
    pub(crate) file: Identity,
    pub(crate) part_size: u64,
    pub(crate) vod_session_key: String,
    /// Known once the multipart upload was initiated.
    pub(crate) upload_id: Option<String>,
    /// Whether Complete has succeeded, so that only Commit is left.
    pub(crate) completed: bool,
}

const VERSION: u32 = 1;
/// No state of ours is longer.
const MAX_BYTES: usize = 64 * 1024;

impl Identity {
    pub(crate) async fn of(path: &Path) -> Result<Self, UploadError> {
        let failed = |source| UploadError::File { path: path.to_owned(), source };
        let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
        }
        let modified = metadata.modified().map_err(failed)?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            size: metadata.len(),
            modified_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        })
    }
}

impl State {
    pub(crate) fn new(server: &str, file: Identity, part_size: u64, vod_session_key: String) -> Self {
        Self {
            version: VERSION,
            server: server.to_owned(),
            file,
            part_size,
            vod_session_key,
            upload_id: None,
            completed: false,
        }
    }
}

/// Where the state is kept; `None`: nowhere.
#[derive(Debug, Clone)]
pub(crate) struct StateFile(pub(crate) Option<PathBuf>);

impl StateFile {
    /// The state of this very file on this very server. Anything else that lies there is not ours to use: it counts
    /// as nothing, and is replaced when there is something to keep.
    pub(crate) async fn load(&self, server: &str, file: &Identity) -> Result<Option<State>, UploadError> {
        let Some(path) = &self.0 else { return Ok(None) };
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) if bytes.len() <= MAX_BYTES => bytes,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(path, source)),
        };
        let state: Option<State> = serde_json::from_slice(&bytes).ok();
        Ok(state.filter(|state| {
            state.version == VERSION
                && state.server == server
                && state.file == *file
                && state.part_size >= crate::MIN_PART_SIZE
        }))
    }

    /// Replaces the state, so that a reader sees the old one or the new one.
    pub(crate) async fn save(&self, state: &State) -> Result<(), UploadError> {
        let Some(path) = &self.0 else { return Ok(()) };
        write(path, state).await.map_err(|source| failed(path, source))
    }

    pub(crate) async fn remove(&self) -> Result<(), UploadError> {
        let Some(path) = &self.0 else { return Ok(()) };
        match tokio::fs::remove_file(path).await {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed(path, source)),
            _ => Ok(()),
        }
    }
}

async fn write(path: &Path, state: &State) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    // A leftover could have other permissions.
    if let Err(error) = tokio::fs::remove_file(&temporary).await
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&temporary).await?;
    file.write_all(&serde_json::to_vec(state)?).await?;
    file.sync_all().await?;
    drop(file);
    tokio::fs::rename(&temporary, path).await
}

fn failed(path: &Path, source: io::Error) -> UploadError {
    UploadError::State { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let file = Identity { name: "测试.mp4".to_owned(), size: 5, modified_ns: 7 };
        State::new("http://h:1", file, crate::DEFAULT_PART_SIZE, "secret".to_owned())
    }

    #[tokio::test]
    async fn it_survives_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile(Some(directory.path().join("s.json")));
        let mut kept = state();
        assert!(file.load("http://h:1", &kept.file).await.unwrap().is_none());
        file.save(&kept).await.unwrap();
        kept.upload_id = Some("u".to_owned());
        kept.completed = true;
        file.save(&kept).await.unwrap();
        assert!(file.load("http://h:1", &kept.file).await.unwrap() == Some(kept));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(directory.path().join("s.json")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        file.remove().await.unwrap();
        file.remove().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_the_state_of_this_file_counts_as_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.json");
        let file = StateFile(Some(path.clone()));
        let kept = state();
        file.save(&kept).await.unwrap();
        let touched = Identity { modified_ns: 8, ..kept.file.clone() };
        assert!(file.load("http://h:1", &touched).await.unwrap().is_none());
        assert!(file.load("http://other", &kept.file).await.unwrap().is_none());
        for bytes in [&b"{"[..], b"[]", &[0; 100_000]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(file.load("http://h:1", &kept.file).await.unwrap().is_none());
        }
    }
}
