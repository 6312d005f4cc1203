//! Uploads that succeed.

use reelgate_objects::{Length, PartTarget};
use reelgate_store::{Part, StoreError, unit};
use std::time::Duration;

use super::{Created, creation, video};
use crate::test_app::{Answer, MAIN, TestApp};

#[tokio::test]
async fn one_request_makes_one_media_however_often_it_is_repeated() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    let data = video(20 << 20);
    let upload = Created::new(&app, data.len()).await;
    let answer = upload.patch(0, data.clone()).await.expect(204);
    assert_eq!(answer.header("upload-offset"), data.len().to_string());
    let file_id = answer.header("reelgate-file-id").to_owned();
    assert!(answer.header("reelgate-media-url").contains(&file_id));
    // The answer was lost: the client asks, or sends the same again.
    let head = upload.head().await.expect(200);
    assert_eq!(
        (head.header("upload-offset"), head.header("reelgate-file-id")),
        (answer.header("upload-offset"), &*file_id)
    );
    let again = upload.patch(data.len(), "".into()).await.expect(204);
    assert_eq!(again.header("reelgate-file-id"), file_id);
    upload.patch(0, data.clone()).await.is_problem(409, "offset_differs", "Upload-Offset");
    assert_eq!(upload.stored().await, data);
    let told = app.event_types().await;
    assert_eq!(told.iter().filter(|kind| *kind == "NewFileUpload").count(), 1, "{told:?}");
}

#[tokio::test]
async fn a_cut_costs_no_byte() {
    let app = TestApp::start().await;
    let data = video(40 << 20);
    let upload = Created::new(&app, data.len()).await;
    let mut offset = 0;
    // Within the first segment, within the second, one byte, and over the end of a segment.
    for more in [3_000_001, 17 << 20, 1, 16 << 20] {
        let connection = upload.begin(offset, data.len() - offset, &data[offset..offset + more]).await;
        drop(connection);
        let mut now = upload.offset().await;
        for _ in 0..100 {
            if now == offset + more {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            now = upload.offset().await;
        }
        assert_eq!(now, offset + more, "all that had arrived is kept");
        offset = now;
    }
    upload.patch(offset, data.slice(offset..)).await.expect(204);
    assert_eq!(upload.stored().await, data);
}

#[tokio::test]
async fn small_pieces_and_checksums() {
    let app = TestApp::start().await;
    let data = video(300_000);
    let upload = Created::new(&app, data.len()).await;
    let sums = ["crc32 AAAAAA==", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="];
    for sum in sums {
        let wrong = upload.piece(0, data.slice(..70_000)).header("upload-checksum", sum);
        Answer::of(wrong).await.is_problem(460, "checksum_differs", "nothing of them was kept");
        assert_eq!(upload.offset().await, 0);
    }
    for at in (0..data.len()).step_by(70_000) {
        let piece = data.slice(at..data.len().min(at + 70_000));
        let sum = reelgate_wire::s3::checksum::Algorithm::Sha256;
        let mut sum = reelgate_wire::s3::checksum::Checksum::new(sum);
        sum.update(&piece);
        let request = upload.piece(at, piece).header("upload-checksum", format!("sha256 {}", sum.finish()));
        Answer::of(request).await.expect(204);
    }
    assert_eq!(upload.stored().await, data);
}

#[tokio::test]
async fn the_identical_creation_of_a_one_time_signature_gives_the_same_upload() {
    let app = TestApp::start().await;
    let once = app.sign(|parameters| parameters.one_time_valid = true);
    let first = Answer::of(creation(&app, &once, 1000)).await.expect(201);
    let again = Answer::of(creation(&app, &once, 1000)).await.expect(201);
    assert_eq!(first.header("location"), again.header("location"));
    Answer::of(creation(&app, &once, 1001)).await.is_problem(403, "signature_refused", "another upload");
    assert_eq!(app.open_sessions().await, 1);
    Created::of(&app, &first).patch(0, video(1000)).await.expect(204);
}

#[tokio::test]
async fn a_process_that_died_between_the_last_byte_and_the_media_is_made_up_for() {
    let app = TestApp::start().await;
    let upload = Created::new(&app, 1000).await;
    let session = upload.path.strip_prefix("/files/").unwrap()[..32].to_owned();
    let row = app.app.store.read().await.unwrap().tus_upload(&app.scope, &session).await.unwrap().unwrap();
    let target = PartTarget {
        multipart: &row.multipart_id,
        number: 1,
        slot: None,
        length: Length::Exactly(1000),
        acknowledged: false,
        md5: false,
    };
    let mut writer = app.app.objects().begin_part(target).await.unwrap();
    writer.write(video(1000)).await.unwrap();
    let stored = writer.finish().await.unwrap();
    let part = Part {
        number: 1,
        place: stored.place.as_str().to_owned(),
        size: stored.size,
        md5: String::new(),
        crc64: stored.crc64,
        stored_at: app.clock.now(),
    };
    let scope = app.scope.clone();
    let work = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            assert!(tx.lease_tus_upload(&scope, &session, "dead", Duration::from_secs(15)).await?);
            tx.append_tus_part(&scope, &row, "dead", &part, 0).await
        })
    });
    app.app.store.write(work).await.unwrap();
    // Here it dies.
    assert_eq!(reelgate_server::uploads::tus::finish::recover(&app.app).await.unwrap(), 1);
    assert_eq!(reelgate_server::uploads::tus::finish::recover(&app.app).await.unwrap(), 0);
    let head = upload.head().await.expect(200);
    let file_id = head.header("reelgate-file-id").parse().unwrap();
    let media = app.app.store.read().await.unwrap().media(&app.scope, file_id).await.unwrap().unwrap();
    assert_eq!((media.app, media.source_size), (MAIN, 1000));
}
