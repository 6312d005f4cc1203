//! `reelgate doctor --verify`: are the bytes still those that were stored? Reads every object again and compares its size and
//! CRC-64 with its row. Changes nothing; memory does not grow with the objects.

use futures_util::TryStreamExt;
use reelgate_model::{AppId, FileId, Scope};
use reelgate_objects::{BlobName, Digests, Objects, ObjectsError};
use reelgate_store::{Keys, Object, Store};

/// Rows read in one go.
const PAGE: u32 = 500;

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Only this application.
    pub app: Option<AppId>,
    /// Only this file.
    pub file: Option<FileId>,
}

/// What was looked at, so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them differ.
    pub damaged: u64,
}

/// Reads and compares; `tell` is given a sentence for each object that differs, `progress` the count now and then.
pub async fn verify(
    store: &Store,
    objects: &dyn Objects,
    wanted: Wanted,
    mut tell: impl FnMut(String),
    mut progress: impl FnMut(Looked),
) -> anyhow::Result<Looked> {
    let mut looked = Looked::default();
    for app in applications(store, wanted.app).await? {
        let scope = Scope::system(app);
        let prefix = wanted.file.map_or_else(|| format!("{app}/"), |file| format!("{app}/{file}/"));
        let mut after = String::new();
        loop {
            let keys = Keys { prefix: &prefix, after: &after };
            let page = store.read().await?.kept_objects(&scope, keys, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.key);
            for object in page {
                let found = look(objects, &object).await?;
                looked.objects += 1;
                looked.bytes += object.size;
                progress(looked);
                // Replaced or given up since its row was read: then nothing is wrong.
                if let Some(difference) = found
                    && is_still_kept(store, &scope, &object).await?
                {
                    looked.damaged += 1;
                    tell(format!("object {} (blob {}): {difference}", object.key, object.blob));
                }
            }
        }
    }
    Ok(looked)
}

/// The one asked for, or all.
pub(super) async fn applications(store: &Store, only: Option<AppId>) -> anyhow::Result<Vec<AppId>> {
    if let Some(app) = only {
        return Ok(vec![app]);
    }
    let mut all: Vec<AppId> = Vec::new();
    loop {
        let page = store.read().await?.apps(all.last().copied(), PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page.into_iter().map(|app| app.id));
    }
}

/// How the bytes of `object` differ from its row, if they do.
async fn look(objects: &dyn Objects, object: &Object) -> anyhow::Result<Option<String>> {
    let Ok(blob) = BlobName::new(object.blob.clone()) else {
        return Ok(Some("its row names no blob that can be".to_owned()));
    };
    let read = match objects.read(&blob, None).await {
        Ok(read) => read,
        Err(ObjectsError::NotFound(_)) => return Ok(Some("its bytes are gone".to_owned())),
        Err(other) => return Err(other.into()),
    };
    if read.size != object.size {
        return Ok(Some(format!("{} bytes instead of {}", read.size, object.size)));
    }
    let fold = |mut digests: Digests, bytes: bytes::Bytes| async move {
        let digests = tokio::task::spawn_blocking(move || {
            digests.update(&bytes);
            digests
        });
        digests.await.map_err(|error| ObjectsError::Io {
            action: "compute a digest".to_owned(),
            source: std::io::Error::other(error),
        })
    };
    let sums = read.stream.try_fold(Digests::without_md5(), fold).await?.finish();
    let crc64 = sums.crc64.to_string();
    Ok((crc64 != object.crc64)
        .then(|| format!("its bytes have the CRC-64 {crc64} instead of {}", object.crc64)))
}

/// Whether the row is as it was.
pub(super) async fn is_still_kept(store: &Store, scope: &Scope, object: &Object) -> anyhow::Result<bool> {
    // Keys are compared by their bytes, so a page that begins with this key has it first.
    let keys = Keys { prefix: &object.key, after: "" };
    let now = store.read().await?.kept_objects(scope, keys, 1).await?;
    Ok(now.first().is_some_and(|now| now.key == object.key && now.blob == object.blob))
}
