//! Whole blobs: putting, reading, publishing, removing.

use std::fs;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{PART, Upload, bytes, fresh_blob, read_back, sums};
use crate::{BlobName, Length, Objects, ObjectsError, StoredBlob};

async fn put(objects: &dyn Objects, blob: &BlobName, bytes: &Bytes) -> Result<StoredBlob, ObjectsError> {
    let mut writer = objects.begin_put(blob, Length::Exactly(bytes.len() as u64)).await?;
    writer.write(bytes.clone()).await?;
    writer.finish().await
}

async fn read(objects: &dyn Objects, blob: &BlobName, range: Range<u64>) -> Result<Vec<u8>, ObjectsError> {
    let read = objects.read(blob, Some(range)).await?;
    let chunks: Vec<Bytes> = read.stream.try_collect().await?;
    Ok(chunks.concat())
}

async fn is_missing(objects: &dyn Objects, blob: &BlobName) -> bool {
    matches!(objects.head(blob).await, Err(ObjectsError::NotFound(_)))
}

/// What was put is read back, whole and in part.
pub async fn put_is_read_back(objects: &dyn Objects) {
    for len in [0, 1, PART, 3 * PART + 1] {
        let (blob, content) = (fresh_blob(), bytes(5, len));
        let stored = put(objects, &blob, &content).await.expect("the blob is stored");
        assert_eq!(stored, sums(&content));
        assert_eq!(read_back(objects, &blob).await, stored);
        assert_eq!(objects.head(&blob).await.expect("it is there"), len as u64);
    }
}

/// Ranges are cut to the end; one that starts behind it is refused with the size.
pub async fn ranges_are_exact(objects: &dyn Objects) {
    let (blob, content) = (fresh_blob(), bytes(6, 2 * PART));
    put(objects, &blob, &content).await.expect("the blob is stored");
    let size = content.len() as u64;
    for (from, to) in
        [(0, 1), (1, 2), (262_143, 262_145), (100_000, 500_000), (size - 1, size), (size, size), (7, 7)]
    {
        let expected = &content[usize::try_from(from).expect("small")..usize::try_from(to).expect("small")];
        assert!(read(objects, &blob, from..to).await.expect("it is read") == expected, "{from}..{to}");
    }
    let cut = objects.read(&blob, Some(size - 5..u64::MAX)).await.expect("it is read");
    assert_eq!((cut.size, cut.range), (size, size - 5..size));
    let behind = objects.read(&blob, Some(size + 1..size + 2)).await;
    assert!(matches!(behind, Err(ObjectsError::OutOfRange { size: told }) if told == size));
    let missing = objects.read(&fresh_blob(), None).await;
    assert!(matches!(missing, Err(ObjectsError::NotFound(_))));
}

/// A name is given once, also when two put at the same time; an unfinished blob has none.
pub async fn blobs_are_never_overwritten(objects: &dyn Objects) {
    let (blob, content) = (fresh_blob(), bytes(7, PART));
    let mut first = objects.begin_put(&blob, Length::AtMost(u64::MAX)).await.expect("let in");
    let mut second = objects.begin_put(&blob, Length::AtMost(u64::MAX)).await.expect("let in");
    first.write(content.clone()).await.expect("bytes are taken");
    second.write(bytes(8, PART)).await.expect("bytes are taken");
    assert!(is_missing(objects, &blob).await);
    first.finish().await.expect("the first one gets the name");
    assert!(matches!(second.finish().await, Err(ObjectsError::AlreadyExists(_))));
    assert!(matches!(put(objects, &blob, &content).await, Err(ObjectsError::AlreadyExists(_))));
    assert_eq!(read_back(objects, &blob).await, sums(&content));

    let unfinished = fresh_blob();
    let mut writer = objects.begin_put(&unfinished, Length::Exactly(10)).await.expect("let in");
    writer.write(Bytes::from_static(b"half")).await.expect("bytes are taken");
    assert!(matches!(writer.finish().await, Err(ObjectsError::TooShort { .. })));
    assert!(is_missing(objects, &unfinished).await);
}

/// Deleting takes one blob, or all below a prefix, and nothing beside them.
pub async fn delete_takes_what_it_names(objects: &dyn Objects) {
    let base = fresh_blob();
    let name = |path: &str| base.join(path).expect("a plain name");
    for path in ["a/1.ts", "a/2.ts", "a/sub/3.ts", "ab/4.ts"] {
        put(objects, &name(path), &bytes(1, 10)).await.expect("the blob is stored");
    }
    objects.delete(&name("a/1.ts")).await.expect("it goes");
    objects.delete(&name("a/1.ts")).await.expect("gone already is fine");
    assert!(is_missing(objects, &name("a/1.ts")).await);
    assert_eq!(objects.head(&name("a/2.ts")).await.expect("its neighbour stays"), 10);
    objects.delete_dir(&name("a")).await.expect("they go");
    objects.delete_dir(&name("a")).await.expect("gone already is fine");
    assert!(is_missing(objects, &name("a/2.ts")).await && is_missing(objects, &name("a/sub/3.ts")).await);
    assert_eq!(objects.head(&name("ab/4.ts")).await.expect("a longer name stays"), 10);
    put(objects, &name("a/1.ts"), &bytes(2, 10)).await.expect("the name is free again");
}

/// A directory of files appears with all its files, once. `scratch` is an empty directory for the test.
pub async fn publish_is_all_or_nothing(objects: &dyn Objects, scratch: &Path) {
    let prefix = fresh_blob();
    let name = |path: &str| prefix.join(path).expect("a plain name");
    let make = |dir: &Path| {
        fs::create_dir_all(dir.join("v0")).expect("a directory is made");
        fs::write(dir.join("master.m3u8"), b"#EXTM3U").expect("a file is written");
        fs::write(dir.join("v0/0.ts"), bytes(3, PART)).expect("a file is written");
    };
    let (good, again, odd) = (scratch.join("good"), scratch.join("again"), scratch.join("odd"));
    make(&good);
    let published = objects.publish_dir(&good, &prefix).await.expect("it is published");
    assert_eq!((published.files, published.bytes), (2, 7 + PART as u64));
    assert_eq!(read_back(objects, &name("v0/0.ts")).await, sums(&bytes(3, PART)));
    assert_eq!(read_back(objects, &name("master.m3u8")).await, sums(b"#EXTM3U"));

    make(&again);
    fs::write(again.join("more.ts"), b"more").expect("a file is written");
    let taken = objects.publish_dir(&again, &prefix).await;
    assert!(matches!(taken, Err(ObjectsError::AlreadyExists(_))), "{taken:?}");
    assert!(is_missing(objects, &name("more.ts")).await);

    make(&odd);
    fs::write(odd.join(".hidden"), b"x").expect("a file is written");
    let elsewhere = fresh_blob();
    let refused = objects.publish_dir(&odd, &elsewhere).await;
    assert!(matches!(refused, Err(ObjectsError::InvalidName(_))), "{refused:?}");
    let half = elsewhere.join("master.m3u8").expect("a plain name");
    assert!(is_missing(objects, &half).await, "half of a directory was published");
}

/// Of a directory that was published, single files and directories can go, and the others stay.
pub async fn parts_of_what_was_published_go(objects: &dyn Objects, scratch: &Path) {
    let prefix = fresh_blob();
    let name = |path: &str| prefix.join(path).expect("a plain name");
    for (path, seed) in [("v.mp4", 1), ("w.mp4", 2), ("10/0.ts", 3), ("10/1.ts", 4), ("100/0.ts", 5)] {
        let file = scratch.join(path);
        fs::create_dir_all(file.parent().expect("it has one")).expect("a directory is made");
        fs::write(file, bytes(seed, 10)).expect("a file is written");
    }
    objects.publish_dir(scratch, &prefix).await.expect("it is published");
    assert_eq!(objects.head(&name("v.mp4")).await.expect("it is there"), 10);
    objects.delete(&name("v.mp4")).await.expect("it goes");
    objects.delete_dir(&name("10")).await.expect("they go");
    for gone in ["v.mp4", "10/0.ts", "10/1.ts"] {
        assert!(is_missing(objects, &name(gone)).await, "{gone}");
    }
    for kept in ["w.mp4", "100/0.ts"] {
        assert_eq!(objects.head(&name(kept)).await.expect("its neighbours stay"), 10);
    }
    objects.delete_dir(&prefix).await.expect("the rest goes");
    assert!(is_missing(objects, &name("w.mp4")).await && is_missing(objects, &name("100/0.ts")).await);
}

/// Links among the outputs are refused: a child process must not be able to publish files of this machine.
#[cfg(unix)]
pub async fn published_links_are_refused(objects: &dyn Objects, scratch: &Path) {
    for (target, label) in [("/etc/passwd", "file"), ("/etc", "directory")] {
        let dir = scratch.join(label);
        fs::create_dir_all(&dir).expect("a directory is made");
        std::os::unix::fs::symlink(target, dir.join("link.ts")).expect("a link is made");
        let refused = objects.publish_dir(&dir, &fresh_blob()).await;
        assert!(matches!(refused, Err(ObjectsError::Unpublishable(_))), "{refused:?}");
    }
}

/// A listing is by the bytes of the names, a page at a time, and knows sizes; staging areas are listed while they are there.
pub async fn what_is_there_is_listed(objects: &dyn Objects) {
    let base = format!("1400000001/{}", Uuid::new_v4().simple());
    let names = ["a.bin", "b/1.bin", "b/2.bin", "b.bin", "c.bin"].map(|name| format!("{base}/{name}"));
    for (size, name) in (1..).zip(&names) {
        let blob = BlobName::new(name.clone()).expect("letters and digits are a name");
        let mut writer = objects.begin_put(&blob, Length::Exactly(size)).await.expect("a blob can be put");
        writer.write(bytes(size, usize::try_from(size).expect("small"))).await.expect("bytes are taken");
        writer.finish().await.expect("the blob is stored");
    }
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    let list = async |prefix: &str, after: &str, limit| {
        let listed = objects.list(prefix, after, limit).await.expect("blobs can be listed");
        listed.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(list(&base, "", 10).await, sorted);
    let mut paged: Vec<String> = Vec::new();
    loop {
        let after = paged.last().cloned().unwrap_or_default();
        let page = list(&format!("{base}/"), &after, 2).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, sorted);
    assert_eq!(list(&format!("{base}/b/"), "", 10).await, sorted[2..4].to_vec());
    assert_eq!(list(&format!("{base}/x"), "", 10).await, Vec::<String>::new());
    let sizes = objects.list(&format!("{base}/c"), "", 10).await.expect("blobs can be listed");
    assert_eq!(sizes.iter().map(|one| one.size).collect::<Vec<_>>(), [5]);

    let mut upload = Upload::new(objects);
    upload.send(1, bytes(1, 10)).await;
    let staged = async || {
        let areas = objects.list_staging().await.expect("staging areas can be listed");
        areas.into_iter().any(|area| area.multipart == upload.id)
    };
    assert!(staged().await);
    objects.discard(&upload.id).await.expect("the staging area goes");
    assert!(!staged().await);
}
