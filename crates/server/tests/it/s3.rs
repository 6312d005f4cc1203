//! The S3 dialect of the object door where official clients do not reach: bodies signed chunk by chunk, presigned URLs,
//! conditions and ranges. What clients send is in `tests/clients`.

use bytes::Bytes;
use reelgate_wire::s3::checksum::{Algorithm, Checksum};
use reelgate_wire::s3::sigv4::{ChunkKey, Request, Signer, Stamp};
use sha2::{Digest, Sha256};

use crate::cos_client::CosClient;
use crate::test_app::{Answer, TestApp};
use crate::upload::noise;

/// Pairs as signatures have them.
type Pairs = Vec<(String, String)>;

fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// One client with the credentials of an upload.
struct S3<'a> {
    app: &'a TestApp,
    cos: &'a CosClient,
}

impl S3<'_> {
    fn path(&self) -> String {
        format!("/cos/{}/{}", self.cos.bucket, self.cos.video)
    }

    fn signer(&self) -> Signer {
        Signer::new(&self.cos.access_key, &self.cos.secret_key, "ap-guangzhou")
    }

    fn host(&self) -> &str {
        self.app.base.strip_prefix("http://").unwrap()
    }

    /// A signed request, and the key for the chunks of its body.
    fn request(
        &self,
        method: &str,
        hash: &str,
        more: &[(&str, &str)],
    ) -> (reqwest::RequestBuilder, ChunkKey) {
        let now = Stamp::of(self.app.clock.now().seconds());
        let mut headers = pairs(&[("host", self.host()), ("x-amz-content-sha256", hash)]);
        headers.extend(pairs(&[("x-amz-date", now.as_str()), ("x-amz-security-token", &self.cos.token)]));
        headers.extend(pairs(more));
        let path = self.path();
        let request = Request { method, path: &path, query: &[], headers: &headers, payload_hash: hash };
        let (authorization, key) = self.signer().authorization(&request, &now);
        let mut sent = self.app.http.request(method.parse().unwrap(), self.app.url(&path));
        for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
            sent = sent.header(name, value);
        }
        (sent.header("authorization", authorization), key)
    }

    async fn get(&self, more: &[(&str, &str)]) -> reqwest::Response {
        let (request, _) = self.request("GET", "UNSIGNED-PAYLOAD", more);
        request.send().await.unwrap()
    }

    /// A PUT in two signed chunks with a signed checksum behind them; `spoil` may change the body on its way.
    async fn put_in_chunks(&self, bytes: &Bytes, spoil: impl FnOnce(&mut Vec<u8>)) -> Answer {
        let length = bytes.len().to_string();
        let hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
        let headers =
            [("x-amz-decoded-content-length", length.as_str()), ("x-amz-trailer", "x-amz-checksum-crc32")];
        let (request, mut key) = self.request("PUT", hash, &headers);
        let mut body = Vec::new();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for chunk in [first, second, &[]] {
            let signature = key.next_chunk(&hex::encode(Sha256::digest(chunk))).to_owned();
            body.extend_from_slice(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(if chunk.is_empty() { b"" } else { b"\r\n" });
        }
        let mut sum = Checksum::new(Algorithm::Crc32);
        sum.update(bytes);
        let trailer = format!("x-amz-checksum-crc32:{}", sum.finish());
        let signature = key.trailer(&format!("{trailer}\n")).to_owned();
        body.extend_from_slice(
            format!("{trailer}\r\nx-amz-trailer-signature:{signature}\r\n\r\n").as_bytes(),
        );
        spoil(&mut body);
        Answer::of(request.header("content-encoding", "aws-chunked").body(body)).await
    }
}

#[tokio::test]
async fn bodies_signed_chunk_by_chunk_are_stored_without_their_framing() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let s3 = S3 { app: &app, cos: &upload.cos };
    let bytes = noise(1, 100_000);
    let stored = s3.put_in_chunks(&bytes, |_| ()).await.expect(200);
    assert!(!stored.header("x-amz-checksum-crc32").is_empty(), "the checksum is told again");
    assert_eq!(s3.get(&[]).await.bytes().await.unwrap(), bytes);

    // A byte of the second chunk, of its signature, of the checksum; the end missing. The object stays what it was.
    let end = |body: &mut Vec<u8>| body.truncate(body.len() - 4);
    let at = |back: usize| {
        move |body: &mut Vec<u8>| {
            let at = body.len() - back;
            body[at] ^= 1
        }
    };
    let other = noise(2, 100_000);
    for (answer, expected) in [
        (s3.put_in_chunks(&other, at(1000)).await, "SignatureDoesNotMatch"),
        (s3.put_in_chunks(&other, at(30)).await, "SignatureDoesNotMatch"),
        (s3.put_in_chunks(&other, end).await, "IncompleteBody"),
    ] {
        assert_eq!(answer.cos_error().1, expected);
    }
    assert_eq!(s3.get(&[]).await.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_presigned_url_is_good_for_its_method_key_and_time() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let s3 = S3 { app: &app, cos: &upload.cos };
    let (path, host) = (s3.path(), pairs(&[("host", s3.host())]));
    let query = pairs(&[("X-Amz-Security-Token", &upload.cos.token)]);
    let request = Request {
        method: "PUT",
        path: &path,
        query: &query,
        headers: &host,
        payload_hash: "UNSIGNED-PAYLOAD",
    };
    let signed = s3.signer().presigned(&request, &Stamp::of(app.clock.now().seconds()), 60);
    let query: Vec<String> = signed
        .iter()
        .map(|(name, value)| format!("{name}={}", reelgate_wire::cos::qsign::encode(value)))
        .collect();
    let url = |path: &str| format!("{}?{}", app.url(path), query.join("&"));
    let put = |path: &str| app.http.put(url(path)).body(noise(1, 1000));
    Answer::of(put(&path)).await.expect(200);
    assert_eq!(Answer::of(put(&format!("{path}x"))).await.cos_error().1, "SignatureDoesNotMatch");
    let got = app.http.get(url(&path));
    assert_eq!(Answer::of(got).await.cos_error().1, "SignatureDoesNotMatch");
    app.advance(61);
    let (status, code, message) = Answer::of(put(&path)).await.cos_error();
    assert_eq!((status, code.as_str(), message.as_str()), (403, "AccessDenied", "Request has expired"));
}

#[tokio::test]
async fn ranges_and_conditions_are_kept() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let s3 = S3 { app: &app, cos: &upload.cos };
    let bytes = noise(1, 1000);
    let (put, _) = s3.request("PUT", "UNSIGNED-PAYLOAD", &[]);
    let etag = Answer::of(put.body(bytes.clone())).await.expect(200).header("etag").to_owned();
    for (header, value, status, length) in [
        ("range", "bytes=0-9", 206, 10),
        ("range", "bytes=-1", 206, 1),
        ("range", "bytes=1000-", 416, 0),
        ("if-match", etag.as_str(), 200, 1000),
        ("if-match", "\"other\"", 412, 0),
        ("if-none-match", etag.as_str(), 304, 0),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT", 412, 0),
    ] {
        let answer = s3.get(&[(header, value)]).await;
        assert_eq!(answer.status(), status, "{header}: {value}");
        if status < 400 {
            assert_eq!(answer.bytes().await.unwrap().len(), length, "{header}: {value}");
        }
    }
}
