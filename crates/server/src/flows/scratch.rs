//! Scratch space: a directory for each attempt, within a quota, gone when the attempt is over.
//!
//! Each process works below a directory of its own, whose lock tells others that it lives. What processes that are
//! gone have left is removed when the next one starts.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use uuid::Uuid;

/// The file in a process's directory that it holds locked.
const LOCK: &str = "lock";
/// How long an attempt waits for others to free space before it lets go of its job.
const PATIENCE: Duration = Duration::from_secs(300);

/// The scratch space of one process.
#[derive(Debug)]
pub(super) struct Scratch {
    own: PathBuf,
    quota: u64,
    reserved: Mutex<u64>,
    freed: Notify,
    _lock: File,
}

/// No scratch space was given.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRoom {
    /// It would never fit.
    #[error(
        "the step needs about {wanted} bytes of scratch space, the quota is {quota}; raise media.scratch_quota"
    )]
    TooLarge { wanted: u64, quota: u64 },
    /// Others need theirs for longer.
    #[error("scratch space is used by other steps: {wanted} bytes are wanted, {free} are free")]
    Busy { wanted: u64, free: u64 },
    /// The directory cannot be made.
    #[error("cannot make the scratch directory {path}")]
    Io { path: PathBuf, source: io::Error },
}

impl Scratch {
    /// Opens a directory of this process's own below `dir` and removes what dead processes have left there.
    pub(super) fn open(dir: &Path, quota: u64) -> Result<Self> {
        let own = dir.join(Uuid::new_v4().simple().to_string());
        let failed = |what: &str| format!("cannot {what} the scratch directory {}", own.display());
        std::fs::create_dir_all(dir).with_context(|| failed("make"))?;
        remove_left_overs(dir)
            .with_context(|| format!("cannot sweep the scratch directory {}", dir.display()))?;
        std::fs::create_dir(&own).with_context(|| failed("make"))?;
        let lock = File::create_new(own.join(LOCK)).with_context(|| failed("lock"))?;
        lock.lock().with_context(|| failed("lock"))?;
        Ok(Self { own, quota, reserved: Mutex::new(0), freed: Notify::new(), _lock: lock })
    }

    /// An empty directory for one attempt that may write about `bytes`. Waits while other attempts have the space.
    pub(super) async fn room(self: &Arc<Self>, name: &str, bytes: u64) -> Result<Room, NoRoom> {
        if bytes > self.quota {
            return Err(NoRoom::TooLarge { wanted: bytes, quota: self.quota });
        }
        let waiting = async {
            loop {
                let freed = self.freed.notified();
                if self.reserve(bytes) {
                    return;
                }
                tracing::info!(wanted = bytes, "a step waits until others have freed scratch space");
                freed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let free =
                self.quota.saturating_sub(*self.reserved.lock().unwrap_or_else(PoisonError::into_inner));
            return Err(NoRoom::Busy { wanted: bytes, free });
        }
        let path = self.own.join(name);
        let room = Room { scratch: Arc::clone(self), bytes, path };
        let results = room.results();
        match tokio::fs::create_dir_all(&results).await {
            Ok(()) => Ok(room),
            Err(source) => Err(NoRoom::Io { path: results, source }),
        }
    }

    fn reserve(&self, bytes: u64) -> bool {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = reserved.saturating_add(bytes) <= self.quota;
        if fits {
            *reserved += bytes;
        }
        fits
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Rooms hold the scratch space, so none is left.
        if let Err(error) = std::fs::remove_dir_all(&self.own) {
            tracing::debug!(%error, "the scratch directory was not removed; the next start removes it");
        }
    }
}

/// The space of one attempt. Dropped, everything in it is removed.
#[derive(Debug)]
pub(super) struct Room {
    scratch: Arc<Scratch>,
    bytes: u64,
    path: PathBuf,
}

impl Room {
    /// Where results are made, and nothing else is.
    pub(super) fn results(&self) -> PathBuf {
        self.path.join("results")
    }

    /// Where a source is brought that is not on a local disk.
    pub(super) fn source(&self) -> PathBuf {
        self.path.join("source")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let (path, bytes, scratch) = (std::mem::take(&mut self.path), self.bytes, Arc::clone(&self.scratch));
        let free = move || {
            match std::fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %path.display(), "scratch files were not removed; the next start does");
                }
                _ => {}
            }
            let mut reserved = scratch.reserved.lock().unwrap_or_else(PoisonError::into_inner);
            *reserved = reserved.saturating_sub(bytes);
            drop(reserved);
            scratch.freed.notify_waiters();
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(free)),
            Err(_) => free(),
        }
    }
}

fn remove_left_overs(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        // Only what looks like ours, should someone have pointed us at a directory with other things in it.
        let ours =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| Uuid::try_parse(name).is_ok());
        if ours && path.is_dir() && !is_alive(&path)? {
            std::fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Whether a process holds the directory. One without a lock file is being made just now, or was left half-made a moment
/// after: it holds nothing and is left for the next start.
fn is_alive(dir: &Path) -> io::Result<bool> {
    match OpenOptions::new().write(true).open(dir.join(LOCK)) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dead_processes_left_is_removed_and_what_living_ones_have_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let living = Scratch::open(dir.path(), 10).unwrap();
        let dead = dir.path().join(Uuid::new_v4().simple().to_string());
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join(LOCK), "").unwrap();
        std::fs::create_dir(dir.path().join("holiday")).unwrap();
        let second = Scratch::open(dir.path(), 10).unwrap();
        assert!(living.own.exists() && second.own.exists() && dir.path().join("holiday").exists());
        assert!(!dead.exists());
        let own = living.own.clone();
        drop(living);
        assert!(!own.exists());
    }

    #[tokio::test]
    async fn a_step_waits_for_space_and_gets_it_when_it_is_freed() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Arc::new(Scratch::open(dir.path(), 10).unwrap());
        assert!(matches!(scratch.room("a", 11).await, Err(NoRoom::TooLarge { .. })));
        let first = scratch.room("a", 6).await.unwrap();
        let results = first.results();
        std::fs::write(results.join("x"), "x").unwrap();
        let waiting = {
            let scratch = Arc::clone(&scratch);
            tokio::spawn(async move { scratch.room("b", 6).await.map(drop) })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap().unwrap();
        assert!(!results.exists());
    }
}
