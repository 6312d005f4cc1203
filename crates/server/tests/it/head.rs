//! The head of a file is looked at as soon as it is there; what is not allowed media goes no further.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reelgate_model::Clock;
use reelgate_wire::permission::Permission;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::test_app::{Answer, START, TestApp};
use crate::upload::{noise, permission, sample};

async fn sniffing() -> TestApp {
    TestApp::with(&[("REELGATE_UPLOAD__SNIFF", "true")], Clock::manual(START)).await
}

#[tokio::test]
async fn a_part_that_begins_as_no_media_is_refused_long_before_its_last_byte() {
    let app = sniffing().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    // 64 KiB of 8 MiB, and no byte more before the answer.
    let part = cos.part(key, &id, 1, Bytes::new()).signed().build().unwrap();
    let address = app.base.strip_prefix("http://").unwrap();
    let mut head =
        format!("PUT {}?{} HTTP/1.1\r\nHost: {address}\r\n", part.url().path(), part.url().query().unwrap());
    for (name, value) in
        part.headers().iter().filter(|(name, _)| *name != "content-length" && *name != "host")
    {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str("Content-Length: 8388608\r\nConnection: close\r\n\r\n");
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&noise(1, 65_536)).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), connection.read_to_string(&mut answer));
    // Closed with bytes unread, the connection may end in a reset behind the answer.
    let _ = read.await.expect("answered before the body is over");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for word in ["<Code>InvalidRequest</Code>", "does not begin as a video"] {
        assert!(answer.contains(word), "{answer}");
    }
    assert!(cos.parts(key, &id).await.parts.is_empty());
    // Only the first part has a head.
    cos.send_part(key, &id, 2, noise(2, 1000)).await;
    cos.send_part(key, &id, 1, sample()).await;
}

#[tokio::test]
async fn the_index_may_be_at_the_end() {
    let Some(app) = TestApp::with_ffmpeg().await else { return };
    drop(app);
    let app = sniffing().await;
    // As phones write it: pictures first, index last.
    let bytes = index_last(&sample());
    assert_eq!(&bytes[4..8], b"ftyp");
    let upload = app.open_upload().await;
    upload.cos.upload(&upload.cos.video, &bytes, 1 << 20).await;
    app.commit(&upload).await;
    let told = app.events().await;
    let fact = &told.iter().find(|event| event.kind == "NewFileUpload").unwrap().fact;
    assert!(fact.contains("1280"), "the probe read it: {fact}");
}

/// The top-level boxes of an MP4 file with `moov` moved behind `mdat`; offsets in it then point past by the size of what
/// was before it, so they are corrected.
fn index_last(mp4: &[u8]) -> Bytes {
    let mut boxes: Vec<(&[u8], &[u8])> = Vec::new();
    let mut rest = mp4;
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        boxes.push((&rest[4..8], &rest[..size]));
        rest = &rest[size..];
    }
    let moov_at = boxes.iter().position(|(kind, _)| *kind == b"moov").unwrap();
    let mdat_at = boxes.iter().position(|(kind, _)| *kind == b"mdat").unwrap();
    let mut moov = boxes[moov_at].1.to_vec();
    if moov_at < mdat_at {
        let shift = u32::try_from(moov.len()).unwrap();
        correct_offsets(&mut moov, shift);
    }
    let others =
        boxes.iter().filter(|(kind, _)| *kind != b"moov").flat_map(|(_, bytes)| bytes.iter().copied());
    others.chain(moov).collect::<Vec<u8>>().into()
}

fn correct_offsets(moov: &mut [u8], shift: u32) {
    let mut at = 0;
    while let Some(found) = moov[at..].windows(4).position(|window| window == b"stco") {
        let table = at + found + 4;
        let count = u32::from_be_bytes(moov[table + 4..table + 8].try_into().unwrap()) as usize;
        for entry in 0..count {
            let place = table + 8 + entry * 4;
            let offset = u32::from_be_bytes(moov[place..place + 4].try_into().unwrap()) - shift;
            moov[place..place + 4].copy_from_slice(&offset.to_be_bytes());
        }
        at = table;
    }
}

#[tokio::test]
async fn names_count_for_nothing_and_types_bind() {
    let app = sniffing().await;
    let put = async |cos: &crate::cos_client::CosClient, key: &str, body: Bytes| {
        cos.call(Method::PUT, key).body(body).send().await
    };
    let page: Bytes = "<html><script>alert(1)</script></html>".into();
    let png: Bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0".as_slice().into();
    let matroska: Bytes = b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01".as_slice().into();

    let upload = app.apply(&app.sign(|_| {}), json!({"videoType": "mp4", "coverType": "png"})).await;
    let cos = &upload.cos;
    assert_eq!(put(cos, &cos.video, page.clone()).await.cos_error().1, "InvalidRequest");
    assert_eq!(put(cos, &cos.video, png.clone()).await.cos_error().1, "InvalidRequest");
    assert_eq!(put(cos, &cos.cover, page).await.cos_error().1, "InvalidRequest");
    assert_eq!(put(cos, &cos.cover, sample()).await.cos_error().1, "InvalidRequest");
    put(cos, &cos.video, matroska.clone()).await.expect(200);
    put(cos, &cos.cover, png.clone()).await.expect(200);
    put(cos, &cos.video, Bytes::new()).await.expect(200);

    let picture = app.apply(&app.sign(|_| {}), json!({"videoType": "png"})).await;
    put(&picture.cos, &picture.cos.video, png).await.expect(200);

    let only_mp4 = app.sign_permission(Permission { types: vec!["mp4".to_owned()], ..permission() });
    let bound = app.apply(&only_mp4, json!({"videoType": "mp4"})).await;
    let (_, code, message) = put(&bound.cos, &bound.cos.video, matroska).await.cos_error();
    assert_eq!(code, "InvalidRequest");
    assert!(message.ends_with("allows does: mp4"), "{message}");
    put(&bound.cos, &bound.cos.video, sample()).await.expect(200);
}

#[tokio::test]
async fn uploads_by_offset_are_looked_at_too() {
    let app = sniffing().await;
    let create = |signature: String| {
        let request = app.http.post(app.url("/files")).header("tus-resumable", "1.0.0");
        let request = request.header("authorization", format!("Reelgate {signature}"));
        request.header("upload-length", 100_000).header("upload-metadata", "filename YS5tcDQ=")
    };
    let created = Answer::of(create(app.sign(|_| {}))).await.expect(201);
    let patch = |offset: usize, body: Bytes| {
        let request = app.http.patch(created.header("location")).header("tus-resumable", "1.0.0");
        let request = request.header("content-type", "application/offset+octet-stream");
        request.header("upload-offset", offset).body(body)
    };
    Answer::of(patch(0, noise(1, 5000))).await.is_problem(
        415,
        "not_allowed_media",
        "does not begin as a video",
    );
    Answer::of(patch(0, sample().slice(..5000))).await.expect(204);
    Answer::of(patch(5000, noise(1, 95_000))).await.expect(204);
}

#[tokio::test]
async fn an_application_has_so_many_bytes_in_flight() {
    let app = TestApp::with(&[("REELGATE_UPLOAD__MAX_IN_FLIGHT", "1000")], Clock::manual(START)).await;
    let apply =
        |size: u64| crate::upload::signed(&app.sign(|_| {}), json!({"videoType": "mp4", "videoSize": size}));
    let first = app.ugc_data("ApplyUploadUGC", apply(600)).await;
    let message = app.refused("ApplyUploadUGC", apply(401), 10001).await;
    assert!(message.contains("have announced 600 of 1000 bytes, and this one 401"), "{message}");
    app.ugc_data("ApplyUploadUGC", apply(400)).await;
    app.refused("ApplyUploadUGC", apply(1), 10001).await;
    // What has ended is in flight no more.
    let cos = crate::cos_client::CosClient::of(&app, &first);
    cos.call(Method::PUT, &cos.video).body(noise(1, 600)).send().await.expect(200);
    app.ugc_data("CommitUploadUGC", app.commit_body(first["vodSessionKey"].as_str().unwrap())).await;
    app.ugc_data("ApplyUploadUGC", apply(600)).await;
}

#[tokio::test]
async fn uploads_that_are_begun_again_and_again_stay_bounded() {
    let app = TestApp::start().await;
    let fields = json!({"videoType": "mp4", "videoSize": 3 << 20});
    let upload = app.apply(&app.sign(|_| {}), fields).await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = cos.initiate(key).await;
        cos.send_part(key, &id, 1, noise(1, 3 << 20)).await;
        ids.push(id);
    }
    let third = cos.initiate(key).await;
    let (_, code, message) = cos.part(key, &third, 1, noise(1, 1000)).send().await.cos_error();
    assert_eq!(code, "EntityTooLarge");
    assert!(message.contains("unfinished uploads of this key together"), "{message}");
    // Sent again, a part counts once; aborted, an upload does not count.
    cos.send_part(key, &ids[1], 1, noise(2, 3 << 20)).await;
    cos.call(Method::DELETE, key).query("uploadId", &ids[0]).send().await.expect(204);
    cos.send_part(key, &third, 1, noise(1, 1000)).await;
}
