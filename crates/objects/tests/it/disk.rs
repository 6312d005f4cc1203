//! What only the directory backend promises: nothing copied that need not be, one process or a shared root, no links.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use reelgate_objects::conformance::{PART, Upload, bytes, fill, fresh_blob, read_back, sums};
use reelgate_objects::{BlobName, Disk, Length, Objects, ObjectsError};

fn open(root: &Path) -> Disk {
    Disk::open(root, false).unwrap()
}

#[tokio::test]
async fn a_regular_upload_is_never_copied() {
    let root = tempfile::tempdir().unwrap();
    let disk = open(root.path());
    for order in [[1, 2, 3, 4], [1, 4, 3, 2]] {
        let mut upload = Upload::new(&disk);
        for number in order {
            upload.send(number, bytes(u64::from(number), if number == 4 { 17 } else { PART })).await;
        }
        assert_eq!(upload.complete_and_check().await.1.copied_bytes, 0);
    }
}

#[tokio::test]
async fn only_what_lies_aside_is_copied() {
    let root = tempfile::tempdir().unwrap();
    let disk = open(root.path());
    let mut upload = Upload::new(&disk);
    for number in [2, 1, 3, 4] {
        upload.send(number, bytes(u64::from(number), PART)).await;
    }
    upload.send(3, bytes(33, PART)).await;
    assert_eq!(upload.complete_and_check().await.1.copied_bytes, 2 * PART as u64);
}

#[tokio::test]
async fn a_slot_is_free_again_after_a_cut_body() {
    let root = tempfile::tempdir().unwrap();
    let disk = open(root.path());
    let mut upload = Upload::new(&disk);
    upload.send(1, bytes(1, PART)).await;
    let writer = upload.begin(2, PART).await;
    // Finished and then given up, which is over when the call returns.
    fill(writer, &bytes(5, PART)).await.discard().await;
    upload.send(2, bytes(2, PART)).await;
    assert_eq!(upload.complete_and_check().await.1.copied_bytes, 0);
}

#[tokio::test]
async fn a_root_is_made_where_there_is_none() {
    let above = tempfile::tempdir().unwrap();
    let disk = open(&above.path().join("data/objects"));
    let mut upload = Upload::new(&disk);
    upload.send(1, bytes(1, 10)).await;
    upload.complete_and_check().await;
}

#[tokio::test]
async fn a_second_process_needs_a_shared_root() {
    let root = tempfile::tempdir().unwrap();
    let alone = open(root.path());
    for shared in [false, true] {
        let refused = Disk::open(root.path(), shared).unwrap_err();
        assert!(matches!(refused, ObjectsError::InUse(_)));
        assert!(refused.to_string().contains("storage.shared"), "{refused}");
    }
    drop(alone);
    let first = Disk::open(root.path(), true).unwrap();
    let second = Disk::open(root.path(), true).unwrap();
    assert!(matches!(Disk::open(root.path(), false), Err(ObjectsError::InUse(_))));
    drop((first, second));
    open(root.path());
}

/// Two handles on one root are what two processes are: they share nothing but files.
#[tokio::test]
async fn two_nodes_on_one_root_obey_the_same_book() {
    let root = tempfile::tempdir().unwrap();
    let (here, there) = (Disk::open(root.path(), true).unwrap(), Disk::open(root.path(), true).unwrap());
    let mut upload = Upload::new(&here);
    upload.send(1, bytes(1, PART)).await;
    let mut elsewhere = Upload::new(&there);
    (elsewhere.id, elsewhere.part_size) = (upload.id.clone(), upload.part_size);

    // The other node has not seen the row of part 1, and sends parts 1 and 2 at the same time as this one.
    let theirs = elsewhere.begin(1, PART).await;
    fill(theirs, &bytes(91, PART)).await.discard().await;
    let (ours, theirs) = (upload.begin(2, PART).await, elsewhere.begin(2, PART).await);
    let stored = fill(ours, &bytes(2, PART)).await;
    let _unnamed = fill(theirs, &bytes(92, PART)).await;
    upload.acknowledge(2, stored, &bytes(2, PART));

    let mut slow = elsewhere.begin(3, PART).await;
    slow.write(bytes(93, PART)).await.unwrap();
    let (blob, completed) = upload.complete_and_check().await;
    assert_eq!(completed.copied_bytes, 0);
    assert!(matches!(slow.finish().await, Err(ObjectsError::Sealed(_))));
    assert_eq!(read_back(&there, &blob).await, upload.expected());
}

/// A node that starts does not take away what a living one is receiving.
#[tokio::test]
async fn a_starting_node_leaves_the_others_alone() {
    let root = tempfile::tempdir().unwrap();
    let first = Disk::open(root.path(), true).unwrap();
    let blob = fresh_blob();
    let mut writer = first.begin_put(&blob, Length::Exactly(PART as u64)).await.unwrap();
    writer.write(bytes(1, PART)).await.unwrap();
    let _second = Disk::open(root.path(), true).unwrap();
    writer.finish().await.unwrap();
    assert_eq!(read_back(&first, &blob).await, sums(&bytes(1, PART)));
}

/// Two completions of one upload at the same time, as a client's retry and the recovery would run them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_completions_make_one_blob() {
    let root = tempfile::tempdir().unwrap();
    let (here, there) = (Disk::open(root.path(), true).unwrap(), Disk::open(root.path(), true).unwrap());
    for second_len in [PART, 1000] {
        let mut upload = Upload::new(&here);
        for (number, len) in [(2, second_len), (1, PART), (3, PART)] {
            upload.send(number, bytes(u64::from(number), len)).await;
        }
        let (blob, parts) = (fresh_blob(), upload.parts());
        let (one, other) =
            tokio::join!(here.complete(&upload.id, &parts, &blob), there.complete(&upload.id, &parts, &blob));
        assert_eq!(one.unwrap().crc64, other.unwrap().crc64);
        assert_eq!(read_back(&here, &blob).await, upload.expected());
    }
}

#[tokio::test]
async fn links_below_the_root_are_not_followed() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    let disk = open(root.path());
    let blobs = root.path().join("blobs");
    symlink(outside.path(), blobs.join("dir")).unwrap();
    symlink(outside.path().join("secret"), blobs.join("file")).unwrap();
    symlink(outside.path(), root.path().join("staging/upload")).unwrap();

    for name in ["dir/secret", "file"] {
        assert!(disk.read(&BlobName::new(name).unwrap(), None).await.is_err(), "{name}");
    }
    let inside = BlobName::new("dir/new").unwrap();
    let written = async {
        let mut writer = disk.begin_put(&inside, Length::Exactly(1)).await?;
        writer.write(bytes(1, 1)).await?;
        writer.finish().await
    };
    assert!(written.await.is_err());
    disk.delete(&inside).await.unwrap_err();
    disk.delete_dir(&BlobName::new("dir").unwrap()).await.unwrap();
    assert!(!blobs.join("dir").exists(), "the link itself goes");
    let mut upload = Upload::new(&disk);
    upload.id = "upload".to_owned();
    assert!(upload.begin_saying(1, 1, false).await.is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let root = tempfile::tempdir().unwrap();
    let disk = open(root.path());
    let mut upload = Upload::new(&disk);
    upload.send(1, bytes(1, PART)).await;
    let (blob, _) = upload.complete_and_check().await;
    disk.discard(&upload.id).await.unwrap();
    disk.delete(&blob).await.unwrap();
    let left = |name: &str| fs::read_dir(root.path().join(name)).unwrap().count();
    assert_eq!((left("staging"), left("blobs")), (0, 0));
}

#[tokio::test]
async fn a_child_can_read_a_blob_in_place() {
    let root = tempfile::tempdir().unwrap();
    let disk = open(root.path());
    let mut upload = Upload::new(&disk);
    upload.send(1, bytes(1, PART)).await;
    let (blob, _) = upload.complete_and_check().await;
    let path = disk.local_path(&blob).unwrap();
    assert!(path.is_absolute());
    assert_eq!(fs::read(path).unwrap(), bytes(1, PART));
}

#[tokio::test]
async fn the_free_space_is_that_of_the_file_system() {
    let root = tempfile::tempdir().unwrap();
    let told = open(root.path()).free_bytes().await.unwrap().unwrap();
    let system = rustix::fs::statvfs(root.path()).unwrap();
    let expected = system.f_bavail * system.f_frsize;
    // Others write to the same file system meanwhile.
    assert!(told.abs_diff(expected) < (4 << 30), "{told} {expected}");
}

/// One send in a storm of sends.
#[derive(Debug, Clone)]
struct Send {
    number: u32,
    seed: u64,
    /// Cut after so many bytes and dropped with the write under way.
    cut: Option<usize>,
    /// What the sender believes about a row.
    acknowledged: bool,
}

fn storm() -> impl Strategy<Value = Vec<Send>> {
    let send = (1u32..4, any::<u64>(), prop::option::of(0..PART), any::<bool>())
        .prop_map(|(number, seed, cut, acknowledged)| Send { number, seed, cut, acknowledged });
    prop::collection::vec(send, 1..12)
}

/// Sends run in pairs side by side; some are cut. Whatever happens, the blob is what the last rows say.
async fn weather(sends: &[Send]) {
    let root = tempfile::tempdir().unwrap();
    let disk = open(root.path());
    let mut upload = Upload::new(&disk);
    for pair in sends.chunks(2) {
        let mut whole = Vec::new();
        for send in pair {
            let content = bytes(send.seed, if send.number == 3 { 290_000 } else { PART });
            let mut writer =
                upload.begin_saying(send.number, content.len(), send.acknowledged).await.unwrap();
            match send.cut {
                Some(at) => writer.write(content.slice(..at.min(content.len()))).await.unwrap(),
                None => whole.push((send.number, writer, content)),
            }
        }
        let fills = whole
            .into_iter()
            .map(|(number, writer, content)| async move { (number, fill(writer, &content).await, content) });
        for (number, stored, content) in futures_util::future::join_all(fills).await {
            upload.acknowledge(number, stored, &content);
        }
    }
    upload.complete_and_check().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rows_decide_in_any_weather(sends in storm()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(weather(&sends));
    }
}
