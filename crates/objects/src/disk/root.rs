//! The root directory: its lock, its three branches, and how a name is given.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::dir::{Access, Dir};
use crate::error::During;
use crate::{BlobName, ObjectsError};

/// Prefix of staging areas that are being removed. No multipart id begins with a dot.
pub(super) const DOOMED: &str = ".gone-";

/// How often a directory that is removed under our feet is made again.
const ATTEMPTS: usize = 8;

/// An open root. The lock is held as long as it lives.
#[derive(Debug)]
pub(super) struct Root {
    staging: Dir,
    /// `None`: opened to look, not to write.
    incoming: Option<Dir>,
    blobs: Dir,
    _locks: Vec<File>,
}

impl Root {
    pub(super) fn open(path: &Path, shared: bool) -> Result<Self, ObjectsError> {
        let during = |what: &str| format!("{what} in storage directory {}", path.display());
        let path = make(path).during(|| format!("create storage directory {}", path.display()))?;
        let root = Dir::open_root(&path).during(|| format!("open storage directory {}", path.display()))?;
        let root_lock = hold(&root, shared, &path)?;
        let starting =
            root.open_file("setup.lock", Access::WriteOrCreate).during(|| during("open setup.lock"))?;
        starting.lock().during(|| during("lock setup.lock"))?;
        let branch = |name: &str| root.make_dir(name).during(|| during(&format!("open {name}")));
        let (staging, all_incoming, blobs) = (branch("staging")?, branch("incoming")?, branch("blobs")?);
        root.sync().during(|| during("sync entries"))?;
        sweep(&staging, &all_incoming).during(|| during("remove unfinished bytes"))?;
        let process = Uuid::new_v4().simple().to_string();
        let incoming = all_incoming.make_dir(&process).during(|| during("make an incoming directory"))?;
        let process_lock =
            incoming.open_file("lock", Access::CreateNew).during(|| during("make a process lock"))?;
        process_lock.lock().during(|| during("take a process lock"))?;
        Ok(Self { staging, incoming: Some(incoming), blobs, _locks: vec![process_lock, root_lock] })
    }

    /// Opens it beside whoever uses it, to read and list: nothing is made, locked or removed.
    pub(super) fn look(path: &Path) -> Result<Self, ObjectsError> {
        let during = || format!("open storage directory {}", path.display());
        let root = Dir::open_root(path).during(during)?;
        let (staging, blobs) = (root.dir("staging").during(during)?, root.dir("blobs").during(during)?);
        Ok(Self { staging, incoming: None, blobs, _locks: Vec::new() })
    }

    pub(super) fn staging(&self) -> &Dir {
        &self.staging
    }

    /// Where this process makes blobs that have no name yet.
    pub(super) fn incoming(&self) -> io::Result<&Dir> {
        let only_read =
            || io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "it was opened to look, not to write");
        self.incoming.as_ref().ok_or_else(only_read)
    }

    pub(super) fn blobs(&self) -> &Dir {
        &self.blobs
    }

    pub(super) fn path_of(&self, blob: &BlobName) -> PathBuf {
        self.blobs.path_of(blob.as_str())
    }

    /// Bytes that this process may still write on the file system of the root (not those kept for its superuser).
    pub(super) fn free_bytes(&self) -> Result<u64, ObjectsError> {
        self.staging.free_bytes().during(|| "ask for the free space of the storage directory".to_owned())
    }

    /// Moves the durable file or directory `name` of `from` to its final name, and makes that durable. Never replaces.
    pub(super) fn settle(&self, from: &Dir, name: &str, blob: &BlobName) -> Result<(), ObjectsError> {
        let during = || format!("give blob {blob} its name");
        let (parents, last) = blob.split();
        for _ in 0..ATTEMPTS {
            let parent = self.blobs.descend_or_make(&parents).during(during)?;
            match from.rename_new(name, &parent, last) {
                // A delete next door removed the directory that had just become empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && from.has(name).during(during)? => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(ObjectsError::AlreadyExists(format!("blob {blob}")));
                }
                moved => return moved.and_then(|()| parent.sync()).and_then(|()| from.sync()).during(during),
            }
        }
        Err(ObjectsError::io(during(), io::Error::other("its directory was removed again and again")))
    }
}

/// Makes the directory if missing, durably up to the first one that was there, and gives its absolute path.
fn make(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let missing: Vec<_> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    std::fs::create_dir_all(&path)?;
    for parent in missing.iter().filter_map(|made| made.parent()) {
        Dir::open_root(parent)?.sync()?;
    }
    path.canonicalize()
}

/// Takes the lock of the root, alone or beside others that share.
fn hold(root: &Dir, shared: bool, path: &Path) -> Result<File, ObjectsError> {
    let during = || format!("lock storage directory {}", path.display());
    let lock = root.open_file("lock", Access::WriteOrCreate).during(during)?;
    match if shared { lock.try_lock_shared() } else { lock.try_lock() } {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(ObjectsError::InUse(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(ObjectsError::io(during(), error)),
    }
}

/// Removes what cannot have been acknowledged to anyone: blobs without a name from processes that are gone, and staging
/// areas that were already given up. The caller holds the set-up lock, so nobody is between making and locking its own.
fn sweep(staging: &Dir, all_incoming: &Dir) -> io::Result<()> {
    for (name, _) in staging.entries()?.into_iter().filter(|(name, _)| name.starts_with(DOOMED)) {
        staging.remove_tree(&name)?;
    }
    for (process, _) in all_incoming.entries()? {
        let lock = all_incoming.dir(&process).and_then(|dir| dir.open_file("lock", Access::Write));
        let alive = match lock {
            Ok(lock) => matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        if !alive {
            all_incoming.remove_tree(&process)?;
        }
    }
    Ok(())
}
