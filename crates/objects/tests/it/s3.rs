//! The S3 backend on a real server.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use reelgate_objects::conformance::{Upload, bytes, fill, fresh_blob, read_back, sums};
use reelgate_objects::{Objects, ObjectsError, S3, S3Config};
use reelgate_testkit::s3_server::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY};
use reelgate_testkit::{S3Server, skip};

fn config() -> Option<S3Config> {
    let server = match S3Server::shared() {
        Ok(server) => server,
        Err(missing) => {
            skip(std::thread::current().name().unwrap_or("a test"), &missing.0);
            return None;
        }
    };
    Some(S3Config {
        endpoint: server.endpoint().parse().unwrap(),
        region: REGION.to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: format!("{}/", uuid::Uuid::new_v4().simple()),
        path_style: true,
        min_part: MIN_PART as u64,
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
    })
}

/// A store below a prefix of its own; `None`, having said so, where there is no server.
pub(crate) fn store() -> Option<S3> {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    Some(S3::new(&config()?).unwrap())
}

/// What the store insists on for parts other than the last.
const MIN_PART: usize = 5 << 20;

/// A part that the store takes as it is.
fn large(seed: u64) -> Bytes {
    bytes(seed, MIN_PART)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_parts_stream_into_the_stores_own_upload_from_any_node() {
    let Some(here) = store() else { return };
    here.check().await.unwrap();
    let mut upload = Upload::new(&here);
    upload.send(1, large(1)).await;
    // Another node knows nothing but the upload's name.
    let there = here.another_node();
    let mut elsewhere = Upload::new(&there);
    (elsewhere.id, elsewhere.part_size) = (upload.id.clone(), upload.part_size);
    elsewhere.send(2, large(2)).await;
    upload.send(3, bytes(3, 1000)).await;
    let mut parts = upload.parts();
    parts.extend(elsewhere.parts());
    parts.sort_by_key(|part| part.number);
    let streamed = parts.iter().filter(|part| part.place.as_str().starts_with("part:")).count();
    assert_eq!(streamed, 2, "{parts:?}");
    let blob = fresh_blob();
    let made = there.complete(&upload.id, &parts, &blob).await.unwrap();
    assert_eq!(made.copied_bytes, 1000, "only the small one is copied, and that inside the store");
    let whole = [large(1), large(2), bytes(3, 1000)].concat();
    assert_eq!(read_back(&here, &blob).await, sums(&whole));
    let again = here.complete(&upload.id, &parts, &blob).await.unwrap();
    assert_eq!((again.size, again.crc64), (made.size, made.crc64));
    here.discard(&upload.id).await.unwrap();
    assert_eq!(read_back(&there, &blob).await, sums(&whole));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_part_that_is_sent_again_changes_nothing_acknowledged() {
    let Some(objects) = store() else { return };
    let mut upload = Upload::new(&objects);
    upload.send(1, large(1)).await;
    upload.send(2, large(2)).await;
    // Stored, its row never written; cut short; and, with a row, in another place.
    let other = upload.begin_saying(1, MIN_PART, false).await.unwrap();
    drop(fill(other, &large(11)).await);
    let mut cut = upload.begin_saying(2, MIN_PART, false).await.unwrap();
    cut.write(large(12).slice(..1 << 20)).await.unwrap();
    drop(cut);
    upload.send(1, large(21)).await;
    assert!(upload.parts()[0].place.as_str().starts_with("side:"));
    upload.complete_and_check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_small_parts_in_any_order_are_joined() {
    let Some(objects) = store() else { return };
    let mut upload = Upload::new(&objects);
    for (number, content) in [(1, large(1)), (2, bytes(2, 100_000)), (3, large(3)), (4, bytes(4, 3))] {
        upload.send(number, content).await;
    }
    let (_, made) = upload.complete_and_check().await;
    assert_eq!(made.copied_bytes, made.size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_of_a_large_part_is_shut_out_by_a_seal() {
    let Some(objects) = store() else { return };
    let mut upload = Upload::new(&objects);
    upload.send(1, large(1)).await;
    let mut slow = upload.begin(2, MIN_PART).await;
    slow.write(large(2).slice(..1 << 20)).await.unwrap();
    let (blob, _) = upload.complete_and_check().await;
    let _ = slow.write(large(2).slice(1 << 20..)).await;
    let late = slow.finish().await;
    assert!(late.is_err(), "{late:?}");
    assert_eq!(read_back(&objects, &blob).await, upload.expected());
}

/// The seam of design section 8: a client that writes to the store itself, with what is good for its key alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_lets_its_holder_write_one_object_and_no_other() {
    let Some(objects) = store() else { return };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = objects.grant_put("direct/mine.mp4", Duration::from_secs(60));
    let put = http.put(url.clone()).body(large(1)).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    let mut elsewhere = url;
    elsewhere.set_path(&elsewhere.path().replace("mine", "yours"));
    let refused = http.put(elsewhere).body("x").send().await.unwrap();
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn errors_name_the_place_and_no_secret() {
    let Some(_) = store() else { return };
    let wrong = S3::new(&S3Config { secret_key: "another".to_owned(), ..config().unwrap() }).unwrap();
    let error = wrong.head(&fresh_blob()).await.unwrap_err();
    let ObjectsError::Io { action, source } = &error else { panic!("{error:?}") };
    let said = format!("{action}: {source}");
    assert!(said.contains("in bucket reelgate-tests") && said.contains("403"), "{said}");
    assert!(!said.contains("Signature=") && !said.contains("another"), "{said}");
}
