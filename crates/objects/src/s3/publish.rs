//! Directories of outputs: all files first, then the one name that makes them appear. And listings, which know both kinds
//! of names.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::names::{DIRECTORY, Target, key};
use super::{S3, directory_of};
use crate::error::During;
use crate::pump::off_reactor;
use crate::{BlobName, ListedBlob, ObjectsError, Published};

/// Files below a directory: what follows its name, where it is, its bytes.
type Files = Vec<(String, PathBuf, u64)>;

/// See [`crate::Objects::publish_dir`].
pub(super) async fn publish(s3: &S3, from: &Path, prefix: &BlobName) -> Result<Published, ObjectsError> {
    let directory = directory_of(prefix.as_str());
    let taken = || ObjectsError::AlreadyExists(format!("blob {prefix}"));
    if s3.names.look_up(&directory).await?.is_some() {
        return Err(taken());
    }
    let (root, base) = (from.to_owned(), prefix.clone());
    let files = off_reactor(move || {
        let mut files = Files::new();
        gather(&root, &base, "", &mut files)?;
        Ok(files)
    })
    .await?;
    let data = format!("data/{}", Uuid::new_v4().simple());
    let mut published = Published::default();
    for (relative, path, size) in files {
        let during = || format!("read output {}", path.display());
        let file = tokio::fs::File::open(&path).await.during(during)?;
        let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024));
        s3.client.put_stream(&format!("{data}{relative}"), body, size).await?;
        published.files += 1;
        published.bytes += size;
    }
    if !s3.names.give(&directory, &Target { data, size: 0 }).await? {
        return Err(taken());
    }
    let from = from.to_owned();
    // Nothing of it is relied on any more.
    let _ = off_reactor(move || Ok(std::fs::remove_dir_all(from))).await?;
    Ok(published)
}

fn gather(dir: &Path, prefix: &BlobName, below: &str, files: &mut Files) -> Result<(), ObjectsError> {
    let during = || format!("read outputs in {}", dir.display());
    for entry in std::fs::read_dir(dir).during(during)? {
        let entry = entry.during(during)?;
        let name =
            entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidData.into()).during(during)?;
        let (blob, kind) = (prefix.join(&name)?, entry.file_type().during(during)?);
        let relative = format!("{below}/{name}");
        if kind.is_dir() {
            gather(&entry.path(), &blob, &relative, files)?;
        } else if kind.is_file() {
            files.push((relative, entry.path(), entry.metadata().during(during)?.len()));
        } else {
            return Err(ObjectsError::Unpublishable(entry.path().display().to_string()));
        }
    }
    Ok(())
}

/// See [`crate::Objects::delete_dir`].
pub(super) async fn delete(s3: &S3, prefix: &BlobName) -> Result<(), ObjectsError> {
    let below = key(&format!("{prefix}/"));
    if let Some(data) = s3.names.within(prefix.as_str()).await? {
        // A part of a directory that was published, which has the only name.
        delete_below(s3, &format!("{data}/")).await?;
        s3.names.forget();
    }
    loop {
        let page = s3.client.list(&below, "", 1000).await?;
        if page.is_empty() {
            return Ok(());
        }
        for (found, _) in page {
            let name = found.strip_prefix("names/").unwrap_or(&found);
            let Some(target) = s3.names.take(name).await? else { continue };
            if name.ends_with(DIRECTORY) {
                delete_below(s3, &format!("{}/", target.data)).await?;
            } else {
                s3.client.delete(&target.data).await?;
            }
        }
    }
}

async fn delete_below(s3: &S3, prefix: &str) -> Result<(), ObjectsError> {
    loop {
        let page = s3.client.list(prefix, "", 1000).await?;
        if page.is_empty() {
            return Ok(());
        }
        for (found, _) in page {
            s3.client.delete(&found).await?;
        }
    }
}

/// See [`crate::Objects::list`].
pub(super) async fn list(
    s3: &S3,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<ListedBlob>, ObjectsError> {
    let mut found: Vec<ListedBlob> = Vec::new();
    let mut at = String::new();
    // All names below the prefix are looked at: those of directories stand for files that come later in the order.
    loop {
        let page = s3.client.list(&key(prefix), &at, 1000).await?;
        let Some((last, _)) = page.last() else { break };
        at.clone_from(last);
        for (one, _) in page {
            let name = one.strip_prefix("names/").unwrap_or(&one);
            let Some(target) = s3.names.look_up(name).await? else { continue };
            match name.strip_suffix(DIRECTORY) {
                Some(directory) => expand(s3, directory, &target, after, &mut found).await?,
                None if name > after => found.push(listed(name.to_owned(), target.size)),
                None => {}
            }
        }
    }
    found.retain(|one| one.name.starts_with(prefix));
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.truncate(limit);
    Ok(found)
}

async fn expand(
    s3: &S3,
    directory: &str,
    target: &Target,
    after: &str,
    found: &mut Vec<ListedBlob>,
) -> Result<(), ObjectsError> {
    let (below, mut at) = (format!("{}/", target.data), String::new());
    loop {
        let page = s3.client.list(&below, &at, 1000).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        at.clone_from(last);
        for (one, size) in page {
            let name = format!("{directory}{}", one.strip_prefix(&target.data).unwrap_or_default());
            if *name > *after {
                found.push(listed(name, size));
            }
        }
    }
}

/// The store's clock is not compared with ours, so nothing is called old.
fn listed(name: String, size: u64) -> ListedBlob {
    ListedBlob { name, size, modified: None }
}
