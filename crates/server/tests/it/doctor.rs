//! `reelgate doctor --verify` and `--reconcile`, beside a running server: every difference is told, nothing else is, and
//! nothing changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reelgate_objects::Disk;
use reelgate_server::upkeep::reconcile::{Found, reconcile};
use reelgate_server::upkeep::verify::{Looked, Wanted, verify};

use crate::test_app::TestApp;
use crate::upload::{Upload, noise};

/// Bytes of every upload here.
const SIZE: u64 = 3 << 20;

/// A server with two media, one upload under way with an object, and one with parts only.
struct Stored {
    app: TestApp,
    committed: Upload,
}

async fn stored() -> Stored {
    let app = TestApp::start().await;
    let mut committed = Vec::new();
    for seed in 1..=2 {
        let upload = app.open_upload().await;
        upload.cos.upload(&upload.cos.video, &noise(seed, 3 << 20), 1 << 20).await;
        app.commit(&upload).await;
        committed.push(upload);
    }
    let open = app.open_upload().await;
    open.cos.upload(&open.cos.video, &noise(3, 3 << 20), 1 << 20).await;
    let parts = app.open_upload().await;
    let id = parts.cos.initiate(&parts.cos.video).await;
    parts.cos.send_part(&parts.cos.video, &id, 1, noise(4, 1 << 20)).await;
    Stored { app, committed: committed.remove(0) }
}

impl Stored {
    fn objects(&self) -> PathBuf {
        self.app.app.config.storage_dir.clone()
    }

    /// The file that holds the committed upload's bytes.
    async fn blob(&self) -> PathBuf {
        let mut read = self.app.app.store.read().await.unwrap();
        let object = read.object(&self.app.scope, &self.committed.cos.video).await.unwrap().unwrap();
        self.objects().join("blobs").join(object.blob)
    }

    async fn verify(&self, wanted: Wanted) -> (Looked, Vec<String>) {
        let look = Disk::look(&self.objects()).unwrap();
        let mut told = Vec::new();
        let looked =
            verify(&self.app.app.store, &look, wanted, |line| told.push(line), |_| ()).await.unwrap();
        (looked, told)
    }

    /// As it is in two hours, when nothing is young any more.
    async fn reconcile(&self) -> (Found, Vec<String>) {
        let look = Disk::look(&self.objects()).unwrap();
        let (mut told, later) = (Vec::new(), now() + Duration::from_secs(7_200));
        let found = reconcile(&self.app.app.store, &look, later, |line| told.push(line)).await.unwrap();
        (found, told)
    }
}

/// The machine's time, by which files are dated; the test's own clock stands still.
fn now() -> SystemTime {
    let now = reelgate_model::Clock::machine().now().0;
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now).unwrap())
}

/// Every file below `dir` with its size.
fn tree(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(tree(&entry.path())),
            false => files.push((entry.path(), entry.metadata().unwrap().len())),
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_sound_storage_has_no_differences() {
    let stored = stored().await;
    let (looked, told) = stored.verify(Wanted::default()).await;
    assert_eq!((looked, told.len()), (Looked { objects: 3, bytes: 3 * SIZE, damaged: 0 }, 0), "{told:?}");
    let (found, told) = stored.reconcile().await;
    assert_eq!(found, Found { rows: 3, blobs: 3, ..Found::default() }, "{told:?}");
}

#[tokio::test]
async fn a_changed_byte_and_lost_bytes_are_told() {
    let stored = stored().await;
    let blob = stored.blob().await;
    let mut bytes = fs::read(&blob).unwrap();
    bytes[1_000_000] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let (looked, told) = stored.verify(Wanted::default()).await;
    assert_eq!((looked.damaged, told.len()), (1, 1), "{told:?}");
    assert!(told[0].contains(&stored.committed.cos.video) && told[0].contains("CRC-64"), "{told:?}");
    let other = Wanted { app: None, file: Some(reelgate_model::FileId(1)) };
    assert_eq!(stored.verify(other).await.0.objects, 0);

    fs::write(&blob, &bytes[1..]).unwrap();
    assert!(stored.verify(Wanted::default()).await.1[0].contains("3145727 bytes instead of 3145728"));
    assert!(stored.reconcile().await.1[0].contains("3145727 bytes instead of 3145728"));

    fs::remove_file(&blob).unwrap();
    assert!(stored.verify(Wanted::default()).await.1[0].contains("its bytes are gone"));
    let (found, told) = stored.reconcile().await;
    assert_eq!((found.lost, found.strays, told.len()), (1, 0, 1), "{told:?}");
    assert!(told[0].contains("is not there"), "{told:?}");
}

#[tokio::test]
async fn bytes_that_no_row_names_are_told_and_left() {
    let stored = stored().await;
    let beside = stored.blob().await.with_file_name("stray.bin");
    fs::write(&beside, b"somebody's video").unwrap();
    let elsewhere = stored.objects().join("blobs/backup/old.bin");
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::write(&elsewhere, b"x").unwrap();
    fs::create_dir(stored.objects().join("staging/stray-upload")).unwrap();
    let before = tree(&stored.objects());

    let (found, told) = stored.reconcile().await;
    assert_eq!((found.strays, found.stray_bytes, found.stray_areas, found.lost), (2, 17, 1, 0), "{told:?}");
    for part in ["stray.bin (16 bytes)", "blob backup/old.bin", "staging area stray-upload"] {
        assert!(told.iter().any(|line| line.contains(part)), "{part} in {told:?}");
    }
    let look = Disk::look(&stored.objects()).unwrap();
    let found = reconcile(&stored.app.app.store, &look, now(), |line| panic!("{line}")).await.unwrap();
    assert!(found.young >= 3, "what is younger than an hour may be waiting for its row");
    assert_eq!(tree(&stored.objects()), before, "nothing was changed");
}
