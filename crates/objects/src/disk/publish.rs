//! Outputs of a worker: a directory of files that appears under its name all at once.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::blobs::Temporary;
use super::dir::{Access, Dir};
use super::root::Root;
use crate::error::During;
use crate::{BlobName, ObjectsError, Published};

/// See [`crate::Objects::publish_dir`].
pub(super) fn publish(root: &Arc<Root>, from: &Path, prefix: &BlobName) -> Result<Published, ObjectsError> {
    let source = Dir::open_root(from).during(|| format!("open output directory {}", from.display()))?;
    let temporary = Temporary::new(root);
    let target = root
        .incoming()
        .and_then(|incoming| incoming.make_dir(temporary.name()))
        .during(|| format!("make a directory for {prefix}"))?;
    let mut published = Published::default();
    gather(&source, &target, prefix, &mut published)?;
    temporary.settle(prefix)?;
    Ok(published)
}

/// Brings everything in `source` into `target`, durably.
fn gather(source: &Dir, target: &Dir, at: &BlobName, published: &mut Published) -> Result<(), ObjectsError> {
    for (name, kind) in source.entries().during(|| format!("list the outputs for {at}"))? {
        // Also bounds the depth.
        let blob = at.join(&name)?;
        let during = || format!("publish {blob}");
        match kind {
            FileType::Directory => {
                let (source, target) =
                    (source.dir(&name).during(during)?, target.make_dir(&name).during(during)?);
                gather(&source, &target, &blob, published)?;
            }
            FileType::RegularFile => {
                published.bytes += bring(source, target, &name).during(during)?;
                published.files += 1;
            }
            _ => return Err(ObjectsError::Unpublishable(source.path_of(&name).display().to_string())),
        }
    }
    target.sync().during(|| format!("sync the directory of {at}"))
}

/// Moves one file, or copies it from another file system. Gives its size.
fn bring(source: &Dir, target: &Dir, name: &str) -> io::Result<u64> {
    let file = source.open_file(name, Access::Read)?;
    let metadata = file.metadata()?;
    // A file with a second name could be changed through that one later.
    if metadata.nlink() == 1 {
        match source.rename_new(name, target, name) {
            Ok(()) => return file.sync_all().map(|()| metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
            Err(error) => return Err(error),
        }
    }
    copy_out(file, &target.open_file(name, Access::CreateNew)?)
}

fn copy_out(mut from: File, mut to: &File) -> io::Result<u64> {
    let bytes = io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    Ok(bytes)
}
