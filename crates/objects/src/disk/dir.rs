//! A directory by handle: names are looked up one segment at a time and never through a symbolic link.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// Files are for the owner, readable by its group (a backup, a second service account); directories alike.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP);
const DIR_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);

/// An open directory. The path is for messages only.
#[derive(Debug)]
pub(super) struct Dir {
    handle: File,
    path: PathBuf,
}

/// What `open_file` may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Read an existing file.
    Read,
    /// Read and write an existing file.
    Write,
    /// The same, created empty if it is missing.
    WriteOrCreate,
    /// A new file; fails if the name is taken.
    CreateNew,
}

impl Dir {
    /// Bytes that may still be written on the file system it is on.
    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        let system = fs::fstatvfs(&self.handle)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// Opens the directory that everything else lives below. This one path may lead through links.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        let handle =
            fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { handle: handle.into(), path: path.to_owned() })
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a directory in this one.
    pub(super) fn dir(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = fs::openat(&self.handle, name, flags, Mode::empty())?;
        Ok(Self { handle: handle.into(), path: self.path.join(name) })
    }

    /// Opens a directory in this one, made if missing. The caller syncs `self`.
    pub(super) fn make_dir(&self, name: &str) -> io::Result<Self> {
        match fs::mkdirat(&self.handle, name, DIR_MODE) {
            Ok(()) | Err(Errno::EXIST) => self.dir(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the directory at `parents`, or says that one of them is missing.
    pub(super) fn descend(&self, parents: &[&str]) -> io::Result<Self> {
        let mut here = self.again()?;
        for name in parents {
            here = here.dir(name)?;
        }
        Ok(here)
    }

    /// Opens the directory at `parents`, made if missing, durable in its parents. Someone may be removing empty
    /// directories at the same moment: then it starts over.
    pub(super) fn descend_or_make(&self, parents: &[&str]) -> io::Result<Self> {
        'attempt: for _ in 0..8 {
            let mut here = self.again()?;
            for name in parents {
                let next = match here.make_dir(name) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue 'attempt,
                    next => next?,
                };
                // Also when it was there before: whoever made it may not have come to its sync yet.
                here.sync()?;
                here = next;
            }
            return Ok(here);
        }
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn open_file(&self, name: &str, access: Access) -> io::Result<File> {
        let wanted = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
            Access::WriteOrCreate => OFlags::RDWR | OFlags::CREATE,
            Access::CreateNew => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        };
        // NONBLOCK: a pipe that someone put here must not hang us; it is refused right below.
        let flags = wanted | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(fs::openat(&self.handle, name, flags, FILE_MODE)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a plain file")) }
    }

    /// Whether there is anything of that name.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        match fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves `name` to `target/new_name`, which must not exist. The caller syncs both directories.
    pub(super) fn rename_new(&self, name: &str, target: &Self, new_name: &str) -> io::Result<()> {
        match fs::renameat_with(&self.handle, name, &target.handle, new_name, RenameFlags::NOREPLACE) {
            // File systems without the flag (NFS): a hard link refuses a taken name just as well.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link_away(name, target, new_name),
            moved => Ok(moved?),
        }
    }

    fn link_away(&self, name: &str, target: &Self, new_name: &str) -> io::Result<()> {
        match fs::linkat(&self.handle, name, &target.handle, new_name, AtFlags::empty()) {
            Ok(()) => self.remove_file(name),
            // A directory cannot be linked, but cannot replace a directory with anything in it either.
            Err(Errno::PERM) if !target.has(new_name)? => self.rename(name, target, new_name),
            Err(Errno::PERM) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves `name` to `target/new_name`, replacing a file of that name.
    pub(super) fn rename(&self, name: &str, target: &Self, new_name: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.handle, name, &target.handle, new_name)?)
    }

    /// Removes a file; missing is fine.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        gone(fs::unlinkat(&self.handle, name, AtFlags::empty()))
    }

    /// Removes an empty directory; missing is fine.
    pub(super) fn remove_empty(&self, name: &str) -> io::Result<()> {
        gone(fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR))
    }

    /// Removes whatever has that name with everything in it; missing is fine. Links are removed, not followed.
    pub(super) fn remove_tree(&self, name: &str) -> io::Result<()> {
        let dir = match self.dir(name) {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOTDIR | Errno::LOOP) => return self.remove_file(name),
                _ => return Err(error),
            },
        };
        for (entry, kind) in dir.entries()? {
            match kind {
                FileType::Directory => dir.remove_tree(&entry)?,
                _ => dir.remove_file(&entry)?,
            }
        }
        self.remove_empty(name)
    }

    /// Names and kinds of all entries.
    pub(super) fn entries(&self) -> io::Result<Vec<(String, FileType)>> {
        let mut entries = Vec::new();
        for entry in fs::Dir::read_from(&self.handle)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let name = OsStr::from_bytes(name).to_str().ok_or(io::ErrorKind::InvalidData)?;
                let kind = match entry.file_type() {
                    // Some file systems do not say.
                    FileType::Unknown => self.kind_of(name)?,
                    kind => kind,
                };
                entries.push((name.to_owned(), kind));
            }
        }
        Ok(entries)
    }

    fn kind_of(&self, name: &str) -> io::Result<FileType> {
        let stat = fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }

    /// When an entry of this directory was last made or removed.
    pub(super) fn modified(&self) -> io::Result<SystemTime> {
        self.handle.metadata()?.modified()
    }

    /// Makes the entries of this directory durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn again(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()?, path: self.path.clone() })
    }
}

fn gone(removed: rustix::io::Result<()>) -> io::Result<()> {
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
