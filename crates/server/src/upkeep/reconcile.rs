//! `reelgate doctor --reconcile`: rows without bytes, and bytes without rows. It proposes and changes nothing: a database
//! restored from yesterday must not cost today's videos (design promise 1).

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use reelgate_model::{AppId, FileId, Scope};
use reelgate_objects::{BlobName, ListedBlob, Objects, ObjectsError};
use reelgate_store::{Keys, Store};

use super::verify::{applications, is_still_kept};

/// Rows or blobs read in one go.
const PAGE: usize = 500;
/// Bytes come before their rows: what is younger may be waiting for its row.
const YOUNG: Duration = Duration::from_secs(3600);

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Objects whose rows were looked at.
    pub rows: u64,
    /// Rows without bytes.
    pub lost: u64,
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Blobs that no row names, and their bytes.
    pub strays: u64,
    /// Their bytes.
    pub stray_bytes: u64,
    /// Staging areas that no row names.
    pub stray_areas: u64,
    /// What is too young to tell.
    pub young: u64,
}

/// Compares both sides; `tell` is given a sentence with a proposal for each difference. `now` is the clock of the
/// machine that the bytes are on.
pub async fn reconcile(
    store: &Store,
    objects: &dyn Objects,
    now: SystemTime,
    mut tell: impl FnMut(String),
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for app in applications(store, None).await? {
        rows_without_bytes(store, objects, app, &mut found, &mut tell).await?;
    }
    bytes_without_rows(store, objects, now, &mut found, &mut tell).await?;
    for area in objects.list_staging().await? {
        if store.read().await?.names_staging(&area.multipart).await? {
            continue;
        }
        if is_young(area.modified, now) {
            found.young += 1;
        } else {
            found.stray_areas += 1;
            tell(format!(
                "staging area {}: no upload under way is of that name; if the database was not restored from a backup, it can be \
                 removed",
                area.multipart
            ));
        }
    }
    Ok(found)
}

async fn rows_without_bytes(
    store: &Store,
    objects: &dyn Objects,
    app: AppId,
    found: &mut Found,
    tell: &mut impl FnMut(String),
) -> anyhow::Result<()> {
    let scope = Scope::system(app);
    let mut after = String::new();
    loop {
        let keys = Keys { prefix: "", after: &after };
        let page = store.read().await?.kept_objects(&scope, keys, u32::try_from(PAGE)?).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.key);
        for object in page {
            found.rows += 1;
            let size = match BlobName::new(object.blob.clone()) {
                Ok(blob) => match objects.head(&blob).await {
                    Ok(size) => Some(size),
                    Err(ObjectsError::NotFound(_)) => None,
                    Err(other) => return Err(other.into()),
                },
                Err(_) => None,
            };
            let what = match size {
                Some(size) if size == object.size => continue,
                Some(size) => format!("has {size} bytes instead of {}", object.size),
                None => "is not there".to_owned(),
            };
            if is_still_kept(store, &scope, &object).await? {
                found.lost += 1;
                tell(format!(
                    "object {}: its blob {} {what}; restore it from a backup of the storage, or ask its user to upload again",
                    object.key, object.blob
                ));
            }
        }
    }
}

async fn bytes_without_rows(
    store: &Store,
    objects: &dyn Objects,
    now: SystemTime,
    found: &mut Found,
    tell: &mut impl FnMut(String),
) -> anyhow::Result<()> {
    let mut after = String::new();
    // Of the file whose blobs are being looked at: they come one after another.
    let mut current: Option<(String, BTreeSet<String>)> = None;
    loop {
        let page = objects.list("", &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.name);
        for blob in page {
            found.blobs += 1;
            let file = file_of(&blob.name);
            let known = match &current {
                Some((name, places)) if file.is_some_and(|(name_now, ..)| name_now == name) => places,
                _ => {
                    &current
                        .insert((
                            file.map(|(name, ..)| name.to_owned()).unwrap_or_default(),
                            places(store, file).await?,
                        ))
                        .1
                }
            };
            judge(&blob, known, now, found, tell);
        }
    }
}

fn judge(
    blob: &ListedBlob,
    known: &BTreeSet<String>,
    now: SystemTime,
    found: &mut Found,
    tell: &mut impl FnMut(String),
) {
    let in_directory = || known.iter().any(|place| place.ends_with('/') && blob.name.starts_with(place));
    if known.contains(&blob.name) || in_directory() {
        return;
    }
    if is_young(blob.modified, now) {
        found.young += 1;
        return;
    }
    found.strays += 1;
    found.stray_bytes += blob.size;
    tell(format!(
        "blob {} ({} bytes): no row names it; keep it if the database was restored from a backup and its upload came after, \
         else it can be removed",
        blob.name, blob.size
    ));
}

/// The part of a blob's name that says whose it is, the application and the file; `None`: it is of no file.
fn file_of(name: &str) -> Option<(&str, AppId, FileId)> {
    let (app, rest) = name.split_once('/')?;
    let (file, _) = rest.split_once('/')?;
    let whole = &name[..=app.len() + file.len()];
    Some((whole, AppId(app.parse().ok()?), FileId(file.parse().ok()?)))
}

async fn places(store: &Store, file: Option<(&str, AppId, FileId)>) -> anyhow::Result<BTreeSet<String>> {
    let Some((_, app, file)) = file else { return Ok(BTreeSet::new()) };
    let places = store.read().await?.places_of_file(&Scope::system(app), file).await?;
    Ok(places.into_iter().collect())
}

/// Of unknown age is as good as young.
fn is_young(modified: Option<SystemTime>, now: SystemTime) -> bool {
    let age = modified.and_then(|modified| now.duration_since(modified).ok());
    age.is_none_or(|age| age < YOUNG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_blob_is_is_told_by_its_name() {
        assert_eq!(file_of("1/22/x.bin"), Some(("1/22", AppId(1), FileId(22))));
        assert_eq!(file_of("1/22/dir/x.m3u8"), Some(("1/22", AppId(1), FileId(22))));
        for odd in ["", "x", "1/x.bin", "a/b/c", "1/b/c"] {
            assert_eq!(file_of(odd), None, "{odd}");
        }
    }
}
