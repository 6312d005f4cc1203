//! The tus door: bytes in order, nothing lost at a cut, one writer, one media.

mod refusals;
mod takeover;
mod whole;

use std::net::SocketAddr;

use bytes::Bytes;
use http::Method;
use reqwest::RequestBuilder;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::test_app::{Answer, TestApp};
use crate::upload::{noise, sample};

/// A real video's head with noise behind it, `size` bytes.
fn video(size: usize) -> Bytes {
    let head = sample();
    if size <= head.len() {
        return head.slice(..size);
    }
    [head.clone(), noise(7, size - head.len())].concat().into()
}

/// An upload that was created.
struct Created<'a> {
    app: &'a TestApp,
    /// Its path, which any node has.
    path: String,
}

/// A creation before it is sent.
fn creation(app: &TestApp, signature: &str, length: usize) -> RequestBuilder {
    let request = app.http.post(app.url("/files")).header("tus-resumable", "1.0.0");
    let metadata = "filename aG9saWRheS5tcDQ=,filetype dmlkZW8vbXA0";
    request
        .header("upload-length", length)
        .header("upload-metadata", metadata)
        .header("authorization", format!("Reelgate {signature}"))
}

impl<'a> Created<'a> {
    async fn new(app: &'a TestApp, length: usize) -> Self {
        Self::of(app, &Answer::of(creation(app, &app.sign(|_| {}), length)).await.expect(201))
    }

    fn of(app: &'a TestApp, answer: &Answer) -> Self {
        let location = answer.header("location");
        let path = location.strip_prefix(&app.base).unwrap_or_else(|| panic!("Location {location:?}"));
        Self { app, path: path.to_owned() }
    }

    /// The same upload as another node has it.
    fn at<'b>(&self, app: &'b TestApp) -> Created<'b> {
        Created { app, path: self.path.clone() }
    }

    fn request(&self, method: Method) -> RequestBuilder {
        self.app.http.request(method, self.app.url(&self.path)).header("tus-resumable", "1.0.0")
    }

    async fn head(&self) -> Answer {
        Answer::of(self.request(Method::HEAD)).await
    }

    async fn offset(&self) -> usize {
        self.head().await.expect(200).header("upload-offset").parse().unwrap()
    }

    fn piece(&self, offset: usize, body: Bytes) -> RequestBuilder {
        let request = self.request(Method::PATCH).header("content-type", "application/offset+octet-stream");
        request.header("upload-offset", offset).body(body)
    }

    async fn patch(&self, offset: usize, body: Bytes) -> Answer {
        Answer::of(self.piece(offset, body)).await
    }

    /// A connection on which a PATCH from `offset` has begun that announces `length` bytes; `sent` are on their way.
    async fn begin(&self, offset: usize, length: usize, sent: &[u8]) -> TcpStream {
        let address: SocketAddr = self.app.base.strip_prefix("http://").unwrap().parse().unwrap();
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PATCH {} HTTP/1.1\r\nHost: {address}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n\
             Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n",
            self.path
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(sent).await.unwrap();
        connection.flush().await.unwrap();
        connection
    }

    /// The bytes behind the key of the upload.
    async fn stored(&self) -> Vec<u8> {
        use futures_util::TryStreamExt;
        let mut read = self.app.app.store.read().await.unwrap();
        let id = self.path.strip_prefix("/files/").unwrap();
        let session = read.session(&id[..32]).await.unwrap().unwrap();
        let object = read.object(&self.app.scope, &session.request.video_key).await.unwrap().unwrap();
        let blob = reelgate_objects::BlobName::new(object.blob).unwrap();
        let read = self.app.app.objects().read(&blob, None).await.unwrap();
        read.stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
    }
}
