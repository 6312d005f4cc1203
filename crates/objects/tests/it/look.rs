//! A directory that is looked at beside whoever uses it.

use reelgate_objects::conformance::{bytes, fresh_blob, read_back, sums};
use reelgate_objects::{Disk, Length, Objects, ObjectsError};

#[tokio::test]
async fn a_look_reads_beside_the_owner_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Disk::look(dir.path()).is_err(), "nothing is made");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let owner = Disk::open(dir.path(), false).unwrap();
    let (blob, content) = (fresh_blob(), bytes(1, 1000));
    let mut writer = owner.begin_put(&blob, Length::Exactly(1000)).await.unwrap();
    writer.write(content.clone()).await.unwrap();
    writer.finish().await.unwrap();

    let look = Disk::look(dir.path()).unwrap();
    assert_eq!(read_back(&look, &blob).await, sums(&content));
    assert_eq!(look.list("", "", 10).await.unwrap()[0].name, blob.as_str());
    let refused = look.begin_put(&fresh_blob(), Length::Exactly(1)).await;
    assert!(matches!(refused, Err(ObjectsError::Io { .. })));
}
