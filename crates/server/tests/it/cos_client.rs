//! A client of the object leg: signs every request as official SDKs do, with the temporary credentials of an Apply.

use bytes::Bytes;
use http::Method;
use reelgate_model::Clock;
use reelgate_wire::cos::qsign::{Request, Signer, encode};
use reelgate_wire::cos::xml::{
    CompleteMultipartUpload, CompletedPart, InitiateMultipartUploadResult, ListMultipartUploadsResult,
    ListPartsResult,
};
use serde_json::Value;

use crate::test_app::{Answer, TestApp};

/// The header of the security token.
pub(crate) const TOKEN: &str = "x-cos-security-token";

/// The holder of temporary credentials for one session.
#[derive(Clone)]
pub(crate) struct CosClient {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) bucket: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
    /// `storagePath` of the video without its leading slash; empty in cover-only mode.
    pub(crate) video: String,
    /// The same of the cover; empty when there is none.
    pub(crate) cover: String,
}

/// One request before it is signed.
pub(crate) struct Call<'a> {
    client: &'a CosClient,
    method: Method,
    key: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Bytes,
    window: (i64, i64),
    style: Style,
}

/// How a client names the bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `/cos/{bucket}/{key}`, signed as sent.
    Path,
    /// The same, but signed below the bucket: the web SDK with a path in its `Domain`.
    PathSignedBelow,
    /// `Host: {bucket}.cos.{region}.myqcloud.com`.
    VirtualHost,
    /// `Host: cos.{region}.myqcloud.com`, `/{bucket}/{key}`.
    RegionHost,
}

impl CosClient {
    /// From the `data` of an Apply answer.
    pub(crate) fn of(app: &TestApp, apply: &Value) -> Self {
        Self::at(&app.base, app.http.clone(), app.clock.clone(), apply)
    }

    /// The same at another server than a [`TestApp`].
    pub(crate) fn at(origin: &str, http: reqwest::Client, clock: Clock, apply: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = |file: &str| text(&apply[file]["storagePath"]).trim_start_matches('/').to_owned();
        let certificate = &apply["tempCertificate"];
        Self {
            http,
            url: origin.to_owned(),
            clock,
            bucket: format!("{}-{}", text(&apply["storageBucket"]), apply["storageAppId"]),
            access_key: text(&certificate["secretId"]),
            secret_key: text(&certificate["secretKey"]),
            token: text(&certificate["token"]),
            video: path("video"),
            cover: path("cover"),
        }
    }

    /// A request on `key`, or on the bucket when it is empty.
    pub(crate) fn call(&self, method: Method, key: &str) -> Call<'_> {
        let now = self.clock.now().seconds();
        Call {
            client: self,
            method,
            key: key.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            window: (now, now + 900),
            style: Style::Path,
        }
    }

    /// Begins a multipart upload of `key`; its UploadId.
    pub(crate) async fn initiate(&self, key: &str) -> String {
        let answer = self.call(Method::POST, key).query("uploads", "").send().await.expect(200);
        let result = InitiateMultipartUploadResult::parse(answer.text.as_bytes()).unwrap();
        assert_eq!((result.bucket.as_str(), result.key.as_str()), (self.bucket.as_str(), key));
        result.upload_id
    }

    /// One part, before it is sent.
    pub(crate) fn part(&self, key: &str, id: &str, number: u32, body: Bytes) -> Call<'_> {
        let call = self.call(Method::PUT, key).query("partNumber", &number.to_string());
        call.query("uploadId", id).body(body)
    }

    /// Sends a part that is taken; its ETag as it is on the wire.
    pub(crate) async fn send_part(&self, key: &str, id: &str, number: u32, body: Bytes) -> String {
        let answer = self.part(key, id, number, body).send().await.expect(200);
        answer.header("etag").to_owned()
    }

    /// The parts that are acknowledged.
    pub(crate) async fn parts(&self, key: &str, id: &str) -> ListPartsResult {
        let answer = self.call(Method::GET, key).query("uploadId", id).send().await.expect(200);
        ListPartsResult::parse(answer.text.as_bytes()).unwrap()
    }

    /// The open uploads of this session.
    pub(crate) async fn uploads(&self, prefix: &str) -> ListMultipartUploadsResult {
        let call = self.call(Method::GET, "").query("uploads", "").query("prefix", prefix);
        ListMultipartUploadsResult::parse(call.send().await.expect(200).text.as_bytes()).unwrap()
    }

    /// A completion, before it is sent; `parts` are numbers and ETags.
    pub(crate) fn complete(&self, key: &str, id: &str, parts: &[(u32, String)]) -> Call<'_> {
        let parts = parts.iter().map(|(number, etag)| CompletedPart { number: *number, etag: etag.clone() });
        let list = CompleteMultipartUpload { parts: parts.collect() };
        self.call(Method::POST, key).query("uploadId", id).body(list.to_xml())
    }

    /// Sends `bytes` as a multipart upload in parts of `size`, as the web SDK does with any file.
    pub(crate) async fn upload(&self, key: &str, bytes: &Bytes, size: usize) {
        let id = self.initiate(key).await;
        let mut parts = Vec::new();
        for (number, start) in (1..).zip((0..bytes.len()).step_by(size)) {
            let part = bytes.slice(start..bytes.len().min(start + size));
            parts.push((number, self.send_part(key, &id, number, part).await));
        }
        self.complete(key, &id, &parts).send().await.expect(200);
    }
}

impl Call<'_> {
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A header that is sent and signed.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Signed for this time, Unix seconds.
    pub(crate) fn window(mut self, start: i64, end: i64) -> Self {
        self.window = (start, end);
        self
    }

    pub(crate) fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// The path on the wire, decoded.
    fn path(&self) -> String {
        let (bucket, key) = (&self.client.bucket, &self.key);
        match self.style {
            Style::Path | Style::PathSignedBelow => format!("/cos/{bucket}/{key}"),
            Style::VirtualHost => format!("/{key}"),
            Style::RegionHost => format!("/{bucket}/{key}"),
        }
    }

    fn signed_path(&self) -> String {
        if self.style == Style::PathSignedBelow { format!("/{}", self.key) } else { self.path() }
    }

    fn host(&self) -> Option<String> {
        match self.style {
            Style::Path | Style::PathSignedBelow => None,
            Style::VirtualHost => Some(format!("{}.cos.ap-guangzhou.myqcloud.com", self.client.bucket)),
            Style::RegionHost => Some("cos.ap-guangzhou.myqcloud.com".to_owned()),
        }
    }

    /// The URL on the wire.
    pub(crate) fn url(&self) -> String {
        let path: Vec<String> = self.path().split('/').map(encode).collect();
        let query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        format!("{}{}?{}", self.client.url, path.join("/"), query.join("&"))
    }

    /// The `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        let client = self.client;
        let (start, end) = self.window;
        let signer = Signer::new(&client.access_key, &client.secret_key, start, end);
        let (method, path) = (self.method.as_str(), self.signed_path());
        signer.authorization(&Request { method, path: &path, query: &self.query, headers: &self.headers })
    }

    /// The request as it goes out, for tests that spoil it.
    pub(crate) fn signed(self) -> reqwest::RequestBuilder {
        let mut request = self.client.http.request(self.method.clone(), self.url());
        request = request.header("authorization", self.authorization()).header(TOKEN, &self.client.token);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(host) = self.host() {
            request = request.header("host", host);
        }
        request.header("content-length", self.body.len()).body(self.body)
    }

    /// Sends it; the body of the answer as it is.
    pub(crate) async fn send_bytes(self) -> Bytes {
        self.signed().send().await.unwrap().bytes().await.unwrap()
    }

    pub(crate) async fn send(self) -> Answer {
        Answer::of(self.signed()).await
    }
}
