//! Listings, for looking after the storage.

use std::io;
use std::time::SystemTime;

use rustix::fs::FileType;

use super::dir::{Access, Dir};
use super::root::{DOOMED, Root};
use crate::error::During;
use crate::{ListedBlob, ObjectsError, StagingArea};

/// See [`crate::Objects::list`].
pub(super) fn blobs(
    root: &Root,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<ListedBlob>, ObjectsError> {
    let mut walk = Walk { prefix, after, limit, found: Vec::new() };
    walk.enter(root.blobs(), "").during(|| format!("list blobs below {prefix:?}"))?;
    Ok(walk.found)
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    found: Vec<ListedBlob>,
}

impl Walk<'_> {
    fn enter(&mut self, dir: &Dir, path: &str) -> io::Result<()> {
        // A directory counts with the slash behind its name: `a/b` comes after `a.b`, as the names of blobs have it.
        let mut entries: Vec<(String, FileType)> = dir.entries()?;
        for (name, kind) in &mut entries {
            if *kind == FileType::Directory {
                name.push('/');
            }
        }
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, kind) in entries {
            if self.found.len() == self.limit {
                return Ok(());
            }
            let whole = format!("{path}{name}");
            if kind == FileType::Directory {
                let of_prefix = whole.starts_with(self.prefix) || self.prefix.starts_with(&whole);
                // Everything in it begins with its name.
                let comes_after = *whole > *self.after || self.after.starts_with(&whole);
                if of_prefix && comes_after {
                    // Removed since it was listed: then there is nothing in it.
                    match dir.dir(name.trim_end_matches('/')) {
                        Ok(inner) => self.enter(&inner, &whole)?,
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            } else if whole.starts_with(self.prefix) && *whole > *self.after {
                self.add(dir, &name, whole)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, dir: &Dir, name: &str, whole: String) -> io::Result<()> {
        let file = match dir.open_file(name, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let about = file.metadata()?;
        self.found.push(ListedBlob { name: whole, size: about.len(), modified: Some(about.modified()?) });
        Ok(())
    }
}

/// See [`crate::Objects::list_staging`].
pub(super) fn staging(root: &Root) -> Result<Vec<StagingArea>, ObjectsError> {
    let during = || "list staging areas".to_owned();
    let mut areas = Vec::new();
    for (multipart, _) in root.staging().entries().during(during)? {
        // Given up already, and removed at the next start.
        if multipart.starts_with(DOOMED) {
            continue;
        }
        let modified: SystemTime = match root.staging().dir(&multipart) {
            Ok(dir) => dir.modified().during(during)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(ObjectsError::io(during(), error)),
        };
        areas.push(StagingArea { multipart, modified: Some(modified) });
    }
    Ok(areas)
}
