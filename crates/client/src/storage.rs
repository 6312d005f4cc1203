//! The object leg: signed requests of the COS XML API.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use reelgate_wire::cos::qsign::{Request, encode};
use reelgate_wire::cos::xml::{
    self, CompleteMultipartUpload, CompleteMultipartUploadResult, CompletedPart,
    InitiateMultipartUploadResult, ListMultipartUploadsResult, ListPartsResult, ListedPart, bare_etag,
};
use reqwest::{Method, Response};

use crate::part::Stretch;
use crate::progress::Reporter;
use crate::session::Session;
use crate::{Endpoint, RetryPolicy, UploadError};

/// Everything but the sending of parts answers within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The object of one session.
#[derive(Debug)]
pub(crate) struct Storage<'a> {
    pub(crate) http: &'a reqwest::Client,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) session: &'a Session,
    pub(crate) retry: RetryPolicy,
}

/// A request before it is signed.
struct Call {
    operation: &'static str,
    method: Method,
    /// Object key, or empty for the bucket.
    key: String,
    query: Vec<(String, String)>,
    /// All of them are signed.
    headers: Vec<(String, String)>,
}

impl Storage<'_> {
    /// Ids of the object's open uploads, oldest first.
    pub(crate) async fn open_uploads(&self) -> Result<Vec<String>, UploadError> {
        let query = vec![pair("prefix", &self.session.object_key), pair("uploads", "")];
        let call = Call { key: String::new(), ..self.call("list uploads", Method::GET, query) };
        let body = self.answer(&call, Vec::new()).await?;
        let listing =
            ListMultipartUploadsResult::parse(&body).map_err(|error| not_understood(&call, &error))?;
        let ours = listing.uploads.into_iter().filter(|upload| upload.key == self.session.object_key);
        Ok(ours.map(|upload| upload.upload_id).collect())
    }

    /// All parts that the server has.
    pub(crate) async fn parts(&self, upload_id: &str) -> Result<Vec<ListedPart>, UploadError> {
        let mut parts = Vec::new();
        let mut marker = 0;
        loop {
            let query = vec![pair("part-number-marker", &marker.to_string()), pair("uploadId", upload_id)];
            let call = self.call("list parts", Method::GET, query);
            let body = self.answer(&call, Vec::new()).await?;
            let page = ListPartsResult::parse(&body).map_err(|error| not_understood(&call, &error))?;
            parts.extend(page.parts);
            match page.next_part_number_marker {
                Some(next) if next > marker => marker = next,
                Some(_) | None => return Ok(parts),
            }
        }
    }

    /// Opens a multipart upload.
    pub(crate) async fn initiate(&self) -> Result<String, UploadError> {
        let call = self.call("initiate upload", Method::POST, vec![pair("uploads", "")]);
        let body = self.answer(&call, Vec::new()).await?;
        let result =
            InitiateMultipartUploadResult::parse(&body).map_err(|error| not_understood(&call, &error))?;
        Ok(result.upload_id)
    }

    /// Sends one part and compares what arrived with what was sent.
    pub(crate) async fn put_part(
        &self,
        upload_id: &str,
        number: u32,
        stretch: &Stretch,
        reporter: &Reporter,
    ) -> Result<CompletedPart, UploadError> {
        let query = vec![pair("partNumber", &number.to_string()), pair("uploadId", upload_id)];
        let call = Call {
            headers: vec![pair("content-length", &stretch.length.to_string())],
            ..self.call("upload part", Method::PUT, query)
        };
        let call = &call;
        self.retry.run(|| async move { self.attempt_part(call, number, stretch, reporter).await }).await
    }

    async fn attempt_part(
        &self,
        call: &Call,
        number: u32,
        stretch: &Stretch,
        reporter: &Reporter,
    ) -> Result<CompletedPart, UploadError> {
        let attempt = reporter.attempt();
        let unreadable = |source| UploadError::File { path: stretch.path.clone(), source };
        let (body, md5) = stretch.body(attempt.clone()).await.map_err(unreadable)?;
        let response = match self.send(call, body, None).await {
            Err(UploadError::Transport { source, .. }) if source.is_body() || source.is_request() => {
                // A file that cannot be read any more looks like a broken connection: ask it directly.
                stretch.md5().await.map_err(unreadable)?;
                return Err(UploadError::Transport { what: call.operation, source });
            }
            outcome => outcome?,
        };
        let stored = response
            .headers()
            .get("etag")
            .and_then(|value| value.to_str().ok())
            .map(|etag| bare_etag(etag).to_owned())
            .ok_or_else(|| not_understood(call, "it has no ETag"))?;
        let sent = md5.await.map_err(|_| not_understood(call, "it came before the whole part was sent"))?;
        if !stored.eq_ignore_ascii_case(&sent) {
            return Err(UploadError::Damaged { number, sent, stored });
        }
        attempt.keep();
        Ok(CompletedPart { number, etag: stored })
    }

    /// Joins the parts.
    pub(crate) async fn complete(
        &self,
        upload_id: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<(), UploadError> {
        let body = CompleteMultipartUpload { parts }.to_xml().into_bytes();
        let call = Call {
            headers: vec![
                pair("content-md5", &STANDARD.encode(Md5::digest(&body))),
                pair("content-type", xml::CONTENT_TYPE),
            ],
            ..self.call("complete upload", Method::POST, vec![pair("uploadId", upload_id)])
        };
        let answer = self.answer(&call, body).await?;
        CompleteMultipartUploadResult::parse(&answer).map_err(|error| not_understood(&call, &error))?;
        Ok(())
    }

    /// The size of the finished object; `None` when there is none.
    pub(crate) async fn object_size(&self) -> Result<Option<u64>, UploadError> {
        let call = self.call("look at object", Method::HEAD, Vec::new());
        let call = &call;
        let send = || async move { self.send(call, Vec::new().into(), Some(ANSWER_WITHIN)).await };
        match self.retry.run(send).await {
            Ok(response) => {
                let length = response.headers().get("content-length");
                Ok(length.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok()))
            }
            Err(UploadError::Storage { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn call(&self, operation: &'static str, method: Method, query: Vec<(String, String)>) -> Call {
        Call { operation, method, key: self.session.object_key.clone(), query, headers: Vec::new() }
    }

    /// Sends `body`, again if need be, and reads the answer.
    async fn answer(&self, call: &Call, body: Vec<u8>) -> Result<Vec<u8>, UploadError> {
        let body = &body;
        self.retry
            .run(|| async move {
                let response = self.send(call, body.clone().into(), Some(ANSWER_WITHIN)).await?;
                let bytes = response.bytes().await;
                bytes
                    .map(Into::into)
                    .map_err(|source| UploadError::Transport { what: call.operation, source })
            })
            .await
    }

    /// One signed request; anything but success becomes an error.
    async fn send(
        &self,
        call: &Call,
        body: reqwest::Body,
        within: Option<Duration>,
    ) -> Result<Response, UploadError> {
        let credentials = self.session.credentials().await?;
        let target = self.endpoint.object(&self.session.bucket, &self.session.region, &call.key)?;
        let signed = Request {
            method: call.method.as_str(),
            path: &target.path,
            query: &call.query,
            headers: &call.headers,
        };
        let mut url = target.url;
        if !call.query.is_empty() {
            let query: Vec<String> = call
                .query
                .iter()
                .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
                .collect();
            url.set_query(Some(&query.join("&")));
        }
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header("authorization", credentials.signer.authorization(&signed))
            .header("x-cos-security-token", &credentials.token.0)
            .body(body);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(within) = within {
            request = request.timeout(within);
        }
        let outcome = request.send().await;
        let response = outcome.map_err(|source| UploadError::Transport { what: call.operation, source })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error = refused(call.operation, response).await;
        if error.is_expired_credential() {
            self.session.expire(&credentials).await;
        }
        Err(error)
    }
}

/// Reads an error answer; one without a body (HEAD, a proxy) has its status only.
async fn refused(operation: &'static str, response: Response) -> UploadError {
    let status = response.status();
    let header = response.headers().get("x-cos-request-id").and_then(|id| id.to_str().ok());
    let request_id = header.unwrap_or("unknown").to_owned();
    let body = response.bytes().await.unwrap_or_default();
    let error = xml::Error::parse(&body).unwrap_or_default();
    let message = if error.message.is_empty() {
        status.canonical_reason().unwrap_or("no reason given").to_owned()
    } else {
        error.message
    };
    UploadError::Storage { operation, status: status.as_u16(), code: error.code, message, request_id }
}

fn not_understood(call: &Call, detail: impl ToString) -> UploadError {
    UploadError::Unexpected { what: call.operation, detail: detail.to_string() }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
