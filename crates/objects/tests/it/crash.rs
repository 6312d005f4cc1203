//! A process that dies in the middle: each state that can be left behind is rebuilt by hand, then the directory is
//! opened anew and the completion run again.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use reelgate_objects::conformance::{PART, Upload, bytes, fresh_blob, read_back};
use reelgate_objects::{BlobName, Disk, Objects, ObjectsError, PlacedPart, Sums};
use tempfile::TempDir;

/// An upload that is ready to be completed, and the process that received it gone.
struct Dead {
    root: TempDir,
    id: String,
    parts: Vec<PlacedPart>,
    expected: Sums,
    blob: BlobName,
}

impl Dead {
    async fn with(layout: &[(u32, usize)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::open(root.path(), false).unwrap();
        let mut upload = Upload::new(&disk);
        for (number, len) in layout {
            upload.send(*number, bytes(u64::from(*number), *len)).await;
        }
        let (id, parts, expected) = (upload.id.clone(), upload.parts(), upload.expected());
        drop(upload);
        drop(disk);
        Self { root, id, parts, expected, blob: fresh_blob() }
    }

    /// Part 2 came before the part size was known, so it is in a side file; the rest is in place.
    async fn regular() -> Self {
        Self::with(&[(2, PART), (1, PART), (3, 70_000)]).await
    }

    /// Part 2 is shorter than the others, so that no slot behind it is in its final place.
    async fn irregular() -> Self {
        Self::with(&[(1, PART), (2, 100_000), (3, PART)]).await
    }

    fn staging(&self, name: &str) -> PathBuf {
        self.root.path().join("staging").join(&self.id).join(name)
    }

    fn final_path(&self) -> PathBuf {
        let path = self.root.path().join("blobs").join(self.blob.as_str());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// The joined bytes, from a completion of a copy.
    async fn whole(&self) -> Vec<u8> {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(self.root.path(), copy.path());
        let disk = Disk::open(copy.path(), false).unwrap();
        disk.complete(&self.id, &self.parts, &self.blob).await.unwrap();
        fs::read(disk.local_path(&self.blob).unwrap()).unwrap()
    }

    /// A new process completes, twice, and sweeps.
    async fn recovers(self) {
        let disk = Disk::open(self.root.path(), false).unwrap();
        for _ in 0..2 {
            let completed = disk.complete(&self.id, &self.parts, &self.blob).await.unwrap();
            assert_eq!((completed.size, completed.crc64), (self.expected.size, self.expected.crc64));
            assert_eq!(read_back(&disk, &self.blob).await, self.expected);
        }
        disk.discard(&self.id).await.unwrap();
        disk.complete(&self.id, &self.parts, &self.blob).await.unwrap();
        assert_eq!(read_back(&disk, &self.blob).await, self.expected);
        assert_eq!(fs::read_dir(self.root.path().join("staging")).unwrap().count(), 0);
    }
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn before_anything() {
    Dead::regular().await.recovers().await;
    Dead::irregular().await.recovers().await;
}

#[tokio::test]
async fn after_the_seal() {
    for dead in [Dead::regular().await, Dead::irregular().await] {
        Disk::open(dead.root.path(), false).unwrap().seal(&dead.id).await.unwrap();
        dead.recovers().await;
    }
}

#[tokio::test]
async fn in_the_middle_of_filling_in() {
    let dead = Dead::regular().await;
    let data = fs::OpenOptions::new().write(true).open(dead.staging("data")).unwrap();
    data.write_all_at(&bytes(99, PART / 2), PART as u64).unwrap();
    dead.recovers().await;
}

#[tokio::test]
async fn filled_in_but_not_renamed() {
    let dead = Dead::regular().await;
    fs::write(dead.staging("data"), dead.whole().await).unwrap();
    dead.recovers().await;
}

#[tokio::test]
async fn renamed_but_not_reported() {
    for dead in [Dead::regular().await, Dead::irregular().await] {
        fs::write(dead.final_path(), dead.whole().await).unwrap();
        fs::remove_file(dead.staging("data")).unwrap();
        dead.recovers().await;
    }
}

#[tokio::test]
async fn in_the_middle_of_joining() {
    let dead = Dead::irregular().await;
    fs::write(dead.staging("joining"), bytes(99, PART)).unwrap();
    dead.recovers().await;
}

#[tokio::test]
async fn joined_but_not_renamed() {
    let dead = Dead::irregular().await;
    fs::write(dead.staging("whole"), dead.whole().await).unwrap();
    dead.recovers().await;
    let dead = Dead::irregular().await;
    fs::write(dead.staging("whole"), dead.whole().await).unwrap();
    fs::remove_file(dead.staging("data")).unwrap();
    dead.recovers().await;
}

#[tokio::test]
async fn a_part_that_was_never_finished_is_sent_again() {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::open(root.path(), false).unwrap();
    let mut upload = Upload::new(&disk);
    upload.send(1, bytes(1, PART)).await;
    let (id, part_size) = (upload.id.clone(), upload.part_size);
    let mut writer = upload.begin(2, PART).await;
    writer.write(bytes(2, PART)).await.unwrap();
    // The process dies here: nothing is cleaned up.
    let copy = tempfile::tempdir().unwrap();
    copy_tree(root.path(), copy.path());

    let disk = Disk::open(copy.path(), false).unwrap();
    let mut resumed = Upload::new(&disk);
    (resumed.id, resumed.part_size) = (id, part_size);
    resumed.send(2, bytes(3, PART)).await;
    // Part 1 has a row; its bytes are still those that were acknowledged.
    let mut parts = upload.parts();
    parts.extend(resumed.parts());
    let blob = fresh_blob();
    disk.complete(&resumed.id, &parts, &blob).await.unwrap();
    let whole = [bytes(1, PART), bytes(3, PART)].concat();
    assert_eq!(read_back(&disk, &blob).await, reelgate_objects::conformance::sums(&whole));
}

#[tokio::test]
async fn lost_bytes_are_told() {
    let dead = Dead::regular().await;
    fs::remove_file(dead.staging("data")).unwrap();
    let disk = Disk::open(dead.root.path(), false).unwrap();
    let lost = disk.complete(&dead.id, &dead.parts, &dead.blob).await;
    assert!(matches!(lost, Err(ObjectsError::NotFound(_))), "{lost:?}");
    drop(disk);

    let dead = Dead::regular().await;
    fs::OpenOptions::new().write(true).open(dead.staging("data")).unwrap().set_len(PART as u64).unwrap();
    let disk = Disk::open(dead.root.path(), false).unwrap();
    let cut = disk.complete(&dead.id, &dead.parts, &dead.blob).await;
    assert!(matches!(cut, Err(ObjectsError::Damaged { .. })), "{cut:?}");
    assert!(!dead.final_path().exists());
}

#[tokio::test]
async fn what_dead_processes_had_begun_is_removed() {
    let root = tempfile::tempdir().unwrap();
    drop(Disk::open(root.path(), false).unwrap());
    for leftover in ["incoming/dead", "staging/.gone-1", "staging/kept"] {
        fs::create_dir_all(root.path().join(leftover)).unwrap();
        fs::write(root.path().join(leftover).join("file"), b"x").unwrap();
    }
    fs::write(root.path().join("incoming/dead/lock"), b"").unwrap();
    let _disk = Disk::open(root.path(), false).unwrap();
    assert!(!root.path().join("incoming/dead").exists());
    assert!(!root.path().join("staging/.gone-1").exists());
    assert!(root.path().join("staging/kept/file").exists(), "bytes of an upload are deleted only when asked");
}
