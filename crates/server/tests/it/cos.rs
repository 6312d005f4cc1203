//! The object door: multipart uploads as official clients do them, byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use md5::{Digest, Md5};
use reelgate_model::Clock;
use reelgate_objects::BlobName;
use reelgate_server::uploads::complete::recover;
use reelgate_wire::cos::xml::CompleteMultipartUploadResult;
use serde_json::json;

use crate::cos_client::{CosClient, Style};
use crate::test_app::{Answer, START, TestApp};
use crate::upload::noise;

const MIB: usize = 1 << 20;

fn quoted_md5(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Md5::digest(bytes)))
}

/// The bytes that are stored behind `key`.
async fn stored(app: &TestApp, key: &str) -> Bytes {
    let object = app.app.store.read().await.unwrap().object(&app.scope, key).await.unwrap().unwrap();
    let path = app.app.objects().local_path(&BlobName::new(object.blob).unwrap()).unwrap();
    let bytes = Bytes::from(std::fs::read(path).unwrap());
    assert_eq!(bytes.len() as u64, object.size);
    bytes
}

/// Sends `parts` (number and bytes) side by side; what a completion lists.
async fn send_all(cos: &CosClient, key: &str, id: &str, parts: &[(u32, Bytes)]) -> Vec<(u32, String)> {
    let sent = parts.iter().map(|(number, bytes)| async move {
        let etag = cos.send_part(key, id, *number, bytes.clone()).await;
        assert_eq!(etag, quoted_md5(bytes));
        (*number, etag)
    });
    let mut listed = join_all(sent).await;
    listed.sort();
    listed
}

#[tokio::test]
async fn parts_may_come_in_any_order_and_side_by_side() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let whole = noise(1, 5 * MIB + 17);
    let id = cos.initiate(key).await;
    let cut = |number: usize| whole.slice((number - 1) * MIB..whole.len().min(number * MIB));
    let mut listed = send_all(cos, key, &id, &[(6, cut(6)), (3, cut(3))]).await;
    listed.extend(send_all(cos, key, &id, &[(2, cut(2)), (5, cut(5)), (1, cut(1)), (4, cut(4))]).await);
    listed.sort();
    let answer = cos.complete(key, &id, &listed).send().await.expect(200);
    let result = CompleteMultipartUploadResult::parse(answer.text.as_bytes()).unwrap();
    assert_eq!((result.bucket.as_str(), result.key.as_str()), (cos.bucket.as_str(), key));
    assert!(result.etag.ends_with("-6"), "{}", result.etag);
    assert_eq!(stored(&app, key).await, whole);
    let mut crc = crc64(&whole).to_string();
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), crc);
    let head = cos.call(Method::HEAD, key).send().await.expect(200);
    assert_eq!(head.header("content-length"), whole.len().to_string());
    crc.clone_from(&head.header("x-cos-hash-crc64ecma").to_owned());
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), crc);
}

/// CRC-64/XZ as its definition reads.
fn crc64(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(u64::MAX, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| (crc >> 1) ^ (0xc96c_5795_d787_0f42 * (crc & 1)))
    })
}

#[tokio::test]
async fn the_bytes_of_a_part_are_those_acknowledged_last() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    let (first, second, tail) = (noise(1, MIB), noise(2, MIB), noise(3, 99));
    let old = cos.send_part(key, &id, 1, first).await;
    let last = cos.send_part(key, &id, 2, tail.clone()).await;
    let new = cos.send_part(key, &id, 1, second.clone()).await;
    assert_eq!(new, quoted_md5(&second));
    let listed = cos.parts(key, &id).await;
    assert_eq!(
        listed.parts.iter().map(|part| (part.number, part.size)).collect::<Vec<_>>(),
        [(1, 1 << 20), (2, 99)]
    );
    assert_eq!(format!("\"{}\"", listed.parts[0].etag), new);
    let stale = cos.complete(key, &id, &[(1, old), (2, last.clone())]).send().await.cos_error();
    assert_eq!((stale.0, stale.1.as_str()), (400, "InvalidPart"));
    cos.complete(key, &id, &[(1, new), (2, last)]).send().await.expect(200);
    assert_eq!(stored(&app, key).await, [second, tail].concat());
}

#[tokio::test]
async fn a_body_that_is_cut_short_acknowledges_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    let call = cos.part(key, &id, 1, Bytes::new());
    let target = call.url().replace(&app.base, "");
    let head = format!(
        "PUT {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nx-cos-security-token: {}\r\n\
         Content-Length: {MIB}\r\n\r\n",
        call.authorization(),
        cos.token
    );
    let mut stream = tokio::net::TcpStream::connect(app.base.trim_start_matches("http://")).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&noise(1, MIB / 2)).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // The server is done with the request when it closes the connection.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert!(cos.parts(key, &id).await.parts.is_empty());
    cos.send_part(key, &id, 1, noise(1, 10)).await;
}

#[tokio::test]
async fn completing_again_and_at_once_gives_one_object_and_one_answer() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    let bytes = noise(7, 1000);
    let listed = [(1, cos.send_part(key, &id, 1, bytes.clone()).await)];
    let answers = join_all((0..8).map(|_| cos.complete(key, &id, &listed).send())).await;
    let mut etags: Vec<String> = Vec::new();
    for answer in answers {
        etags.push(CompleteMultipartUploadResult::parse(answer.expect(200).text.as_bytes()).unwrap().etag);
    }
    etags.dedup();
    assert_eq!(etags.len(), 1);
    assert_eq!(stored(&app, key).await, bytes);
    let late = cos.part(key, &id, 2, noise(8, 10)).send().await.cos_error();
    assert_eq!((late.0, late.1.as_str()), (404, "NoSuchUpload"));
    assert!(cos.uploads("").await.uploads.is_empty());
}

#[tokio::test]
async fn a_completion_is_refused_for_what_its_list_gets_wrong() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    let small = cos.send_part(key, &id, 1, noise(1, 10)).await;
    let last = cos.send_part(key, &id, 2, noise(2, 20)).await;
    for (listed, code) in [
        (vec![(2, last.clone()), (1, small.clone())], "InvalidPartOrder"),
        (vec![(1, small.clone()), (3, last.clone())], "InvalidPart"),
        (vec![(1, last.clone())], "InvalidPart"),
        (vec![(1, small), (2, last.clone())], "EntityTooSmall"),
    ] {
        let refused = cos.complete(key, &id, &listed).send().await.cos_error();
        assert_eq!((refused.0, refused.1.as_str()), (400, code), "{}", refused.2);
    }
    let broken =
        cos.call(Method::POST, key).query("uploadId", &id).body("<nonsense").send().await.cos_error();
    assert_eq!((broken.0, broken.1.as_str()), (400, "MalformedXML"));
    let unknown = cos.complete(key, "0123", &[(2, last.clone())]).send().await.cos_error();
    assert_eq!((unknown.0, unknown.1.as_str()), (404, "NoSuchUpload"));
    // Nothing of this has closed the upload; parts that are left out are left out.
    cos.complete(key, &id, &[(2, last)]).send().await.expect(200);
    assert_eq!(stored(&app, key).await, noise(2, 20));
}

#[tokio::test]
async fn a_completion_that_was_cut_is_finished_by_the_repeat_or_by_upkeep() {
    let app = TestApp::start().await;
    for by_client in [true, false] {
        let upload = app.open_upload().await;
        let (cos, key) = (&upload.cos, upload.cos.video.as_str());
        let id = cos.initiate(key).await;
        let listed = [(1, cos.send_part(key, &id, 1, noise(5, 3000)).await)];
        let (scope, multipart) = (app.scope.clone(), id.clone());
        let unit = app.app.store.write::<_, reelgate_store::StoreError, _>(move |tx| {
            use reelgate_model::MultipartState::{Completing, Open};
            Box::pin(async move { tx.move_multipart(&scope, &multipart, Open, Completing).await })
        });
        unit.await.unwrap();
        app.app.objects().seal(&id).await.unwrap();
        let late = cos.part(key, &id, 2, noise(6, 10)).send().await.cos_error();
        assert_eq!((late.0, late.1.as_str()), (404, "NoSuchUpload"));
        if by_client {
            cos.complete(key, &id, &listed).send().await.expect(200);
        } else {
            assert_eq!(recover(&app.app).await.unwrap(), 1);
        }
        assert_eq!(stored(&app, key).await, noise(5, 3000));
        assert_eq!(recover(&app.app).await.unwrap(), 0);
        cos.complete(key, &id, &listed).send().await.expect(200);
    }
}

#[tokio::test]
async fn whole_objects_come_by_put_empty_ones_too() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let missing = cos.call(Method::HEAD, key).send().await.expect(404);
    assert!(missing.text.is_empty() && !missing.header("x-cos-request-id").is_empty());
    for bytes in [Bytes::new(), noise(1, 70_000), noise(2, 5)] {
        let answer = cos.call(Method::PUT, key).body(bytes.clone()).send().await.expect(200);
        assert_eq!(answer.header("etag"), quoted_md5(&bytes));
        assert_eq!(answer.header("x-cos-hash-crc64ecma"), crc64(&bytes).to_string());
        assert_eq!(stored(&app, key).await, bytes);
    }
}

#[tokio::test]
async fn bytes_that_differ_from_their_digest_are_refused() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    let (bytes, right) = (noise(1, 5000), STANDARD.encode(Md5::digest(noise(1, 5000))));
    let wrong = STANDARD.encode([0_u8; 16]);
    for (md5, code) in [(wrong.as_str(), "BadDigest"), ("AAAA", "InvalidDigest"), ("é", "InvalidDigest")] {
        let part = cos.part(key, &id, 1, bytes.clone()).header("content-md5", md5).send().await.cos_error();
        assert_eq!((part.0, part.1.as_str()), (400, code));
        let put = cos
            .call(Method::PUT, key)
            .body(bytes.clone())
            .header("content-md5", md5)
            .send()
            .await
            .cos_error();
        assert_eq!((put.0, put.1.as_str()), (400, code));
    }
    assert!(cos.parts(key, &id).await.parts.is_empty());
    assert!(app.app.store.read().await.unwrap().object(&app.scope, key).await.unwrap().is_none());
    cos.part(key, &id, 1, bytes).header("content-md5", &right).send().await.expect(200);
}

#[tokio::test]
async fn no_object_grows_past_what_is_permitted() {
    let app = TestApp::with(&[("REELGATE_UPLOAD__MAX_SIZE", "1000")], Clock::manual(START)).await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    let id = cos.initiate(key).await;
    cos.send_part(key, &id, 1, noise(1, 600)).await;
    for call in [
        cos.part(key, &id, 2, noise(2, 401)),
        cos.part(key, &id, 1, noise(2, 1001)),
        cos.call(Method::PUT, key).body(noise(2, 1001)),
    ] {
        let (status, code, message) = call.send().await.cos_error();
        assert_eq!((status, code.as_str()), (400, "EntityTooLarge"));
        assert!(message.contains("1001") && message.contains("1000"), "{message}");
    }
    cos.send_part(key, &id, 2, noise(2, 400)).await;
    for number in ["0", "10001", "-1", "x", ""] {
        let part = cos.call(Method::PUT, key).query("partNumber", number).query("uploadId", &id).body("a");
        assert_eq!(part.send().await.cos_error().1, "InvalidArgument", "{number}");
    }
    let target = cos.part(key, &id, 3, Bytes::new());
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"abc"))]);
    let chunked = app.http.put(target.url()).header("authorization", target.authorization());
    let chunked = chunked.header("x-cos-security-token", &cos.token).body(reqwest::Body::wrap_stream(stream));
    let refused = Answer::of(chunked).await.cos_error();
    assert_eq!((refused.0, refused.1.as_str()), (411, "MissingContentLength"));
}

#[tokio::test]
async fn listings_show_the_uploads_and_parts_of_this_session_only() {
    let app = TestApp::start().await;
    let cover = json!({"videoType": "mp4", "coverType": "png"});
    let (one, other) = (app.apply(&app.sign(|_| {}), cover).await, app.open_upload().await);
    let cos = &one.cos;
    let first = cos.initiate(&cos.video).await;
    app.advance(1);
    let second = cos.initiate(&cos.video).await;
    let picture = cos.initiate(&cos.cover).await;
    other.cos.initiate(&other.cos.video).await;
    let ids = |listed: reelgate_wire::cos::xml::ListMultipartUploadsResult| {
        listed.uploads.into_iter().map(|upload| upload.upload_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(cos.uploads(&cos.video).await), [first.clone(), second.clone()]);
    assert_eq!(ids(cos.uploads("").await).len(), 3);
    assert!(ids(cos.uploads(&other.cos.video).await).is_empty());
    let all =
        cos.call(Method::GET, "").query("uploads", "").query("encoding-type", "url").send().await.expect(200);
    assert!(all.text.contains("<Encoding-type>url</Encoding-type>"), "{}", all.text);

    for number in 1..=3 {
        cos.send_part(&cos.video, &first, number, noise(number.into(), 10)).await;
    }
    let page =
        cos.call(Method::GET, &cos.video).query("uploadId", &first).query("max-parts", "2").send().await;
    let page = page.expect(200);
    assert!(page.text.contains("<IsTruncated>true</IsTruncated>"), "{}", page.text);
    assert!(page.text.contains("<NextPartNumberMarker>2</NextPartNumberMarker>"));
    let rest = cos.call(Method::GET, &cos.video).query("uploadId", &first).query("part-number-marker", "2");
    let rest = rest.send().await.expect(200);
    assert!(rest.text.contains("<PartNumber>3</PartNumber>") && !rest.text.contains("<PartNumber>2<"));

    let stolen =
        other.cos.call(Method::GET, &other.cos.video).query("uploadId", &first).send().await.cos_error();
    assert_eq!((stolen.0, stolen.1.as_str()), (404, "NoSuchUpload"));
    cos.call(Method::DELETE, &cos.cover).query("uploadId", &picture).send().await.expect(204);
    let again = cos.call(Method::DELETE, &cos.cover).query("uploadId", &picture).send().await.cos_error();
    assert_eq!((again.0, again.1.as_str()), (404, "NoSuchUpload"));
    assert_eq!(ids(cos.uploads("").await), [first, second]);
}

#[tokio::test]
async fn every_way_to_name_a_bucket_reaches_the_same_object() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    cos.call(Method::PUT, key).style(Style::VirtualHost).body("twelve bytes").send().await.expect(200);
    for style in [Style::Path, Style::PathSignedBelow, Style::VirtualHost, Style::RegionHost] {
        let head = cos.call(Method::HEAD, key).style(style).send().await.expect(200);
        assert_eq!(head.header("content-length"), "12");
    }
}
