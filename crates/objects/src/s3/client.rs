//! Requests to the store: signed URLs, retries where a request may be repeated, and errors that say what was wanted.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::{Method, StatusCode, header};
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2, S3Action, UploadPart};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use url::Url;

use super::S3Config;
use crate::{ByteStream, ObjectsError};

/// How long a signed URL is good: longer than the slowest part takes.
const SIGNED_FOR: Duration = Duration::from_secs(6 * 3600);
/// How long the store may take to answer a request without a large body.
const PATIENCE: Duration = Duration::from_secs(60);
/// Attempts of a request that may be repeated.
const ATTEMPTS: u32 = 4;

/// A bucket, below a prefix.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
}

/// A part in a completion.
pub(super) type Numbered = (u16, String);

/// What the store answered.
struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Bytes,
}

/// What is sent.
enum Body {
    Small(Bytes),
    Stream(reqwest::Body, u64),
}

impl Client {
    pub(super) fn new(config: &S3Config) -> Result<Self, ObjectsError> {
        let invalid =
            |error: String| ObjectsError::io("use the configured S3 store", io::Error::other(error));
        let style = if config.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let bucket =
            Bucket::new(config.endpoint.clone(), style, config.bucket.clone(), config.region.clone());
        let bucket = bucket.map_err(|error| invalid(error.to_string()))?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        let credentials = Credentials::new(config.access_key.clone(), config.secret_key.clone());
        Ok(Self { http, bucket, credentials, prefix: config.prefix.clone() })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// A URL that is good for one method on one key, for whoever holds it.
    pub(super) fn grant(&self, key: &str, for_how_long: Duration) -> Url {
        self.bucket.put_object(Some(&self.credentials), &self.key(key)).sign(for_how_long)
    }

    /// Puts a small object.
    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectsError> {
        let url = self.bucket.put_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let answer = self.small("put", key, Method::PUT, url, &[], bytes).await?;
        self.expect("put", key, &answer, &[StatusCode::OK]).map(drop)
    }

    /// Puts a small object unless there is one of that key. Whether it was put.
    pub(super) async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, ObjectsError> {
        let url = self.bucket.put_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let only_new = [("if-none-match", "*".to_owned())];
        let answer = self.small("put", key, Method::PUT, url, &only_new, bytes).await?;
        self.expect("put", key, &answer, &[StatusCode::OK, StatusCode::PRECONDITION_FAILED])?;
        Ok(answer.status == StatusCode::OK)
    }

    /// Puts an object of `length` bytes from a stream, once.
    pub(super) async fn put_stream(
        &self,
        key: &str,
        body: reqwest::Body,
        length: u64,
    ) -> Result<(), ObjectsError> {
        let url = self.bucket.put_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let answer = self.once("put", key, Method::PUT, url, &[], Body::Stream(body, length)).await?;
        self.expect("put", key, &answer, &[StatusCode::OK]).map(drop)
    }

    /// A small object, if it is there.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, ObjectsError> {
        let url = self.bucket.get_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let answer = self.small("get", key, Method::GET, url, &[], Bytes::new()).await?;
        self.expect("get", key, &answer, &[StatusCode::OK, StatusCode::NOT_FOUND])?;
        Ok((answer.status == StatusCode::OK).then_some(answer.body))
    }

    /// Size of an object, if it is there.
    pub(super) async fn head(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        let url = self.bucket.head_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let answer = self.small("look at", key, Method::HEAD, url, &[], Bytes::new()).await?;
        self.expect("look at", key, &answer, &[StatusCode::OK, StatusCode::NOT_FOUND])?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let length = answer.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Ok(length.and_then(|text| text.parse().ok()))
    }

    /// The bytes of `range`, which is not empty and lies within the object.
    pub(super) async fn read(
        &self,
        key: &str,
        range: std::ops::Range<u64>,
    ) -> Result<ByteStream, ObjectsError> {
        let url = self.bucket.get_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let wanted = format!("bytes={}-{}", range.start, range.end - 1);
        let sent = self.http.get(url).header(header::RANGE, wanted).send().await;
        let answer = sent.map_err(|error| self.failed("read", key, &error))?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::NOT_FOUND => return Err(ObjectsError::NotFound(format!("object {key}"))),
            other => return Err(self.refused("read", key, other, "")),
        }
        let (key, length) = (key.to_owned(), range.end - range.start);
        let stream = answer.bytes_stream().map_err(move |error| {
            ObjectsError::io(format!("read object {key}"), io::Error::other(error.without_url()))
        });
        Ok(whole(stream.boxed(), length))
    }

    /// Removes an object; gone already is fine.
    pub(super) async fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        let url = self.bucket.delete_object(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let answer = self.small("delete", key, Method::DELETE, url, &[], Bytes::new()).await?;
        let fine = [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NOT_FOUND];
        self.expect("delete", key, &answer, &fine).map(drop)
    }

    /// Up to `limit` (1000 at most) keys below `prefix` that come after `after`, with sizes.
    pub(super) async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, ObjectsError> {
        let mut action = ListObjectsV2::new(&self.bucket, Some(&self.credentials));
        action.with_prefix(self.key(prefix));
        action.with_max_keys(limit.min(1000));
        if !after.is_empty() {
            action.with_start_after(self.key(after));
        }
        let url = action.sign(SIGNED_FOR);
        let answer = self.small("list", prefix, Method::GET, url, &[], Bytes::new()).await?;
        self.expect("list", prefix, &answer, &[StatusCode::OK])?;
        let text = String::from_utf8_lossy(&answer.body);
        let listed = ListObjectsV2::parse_response(&text).map_err(|error| {
            ObjectsError::io(format!("read the listing of {prefix:?}"), io::Error::other(error))
        })?;
        let own = |key: String| key.strip_prefix(&self.prefix).map(str::to_owned);
        let one =
            |one: rusty_s3::actions::list_objects_v2::ListObjectsContent| Some((own(one.key)?, one.size?));
        Ok(listed.contents.into_iter().filter_map(one).collect())
    }

    /// Begins a multipart upload.
    pub(super) async fn begin(&self, key: &str) -> Result<String, ObjectsError> {
        let url =
            self.bucket.create_multipart_upload(Some(&self.credentials), &self.key(key)).sign(SIGNED_FOR);
        let answer = self.small("begin", key, Method::POST, url, &[], Bytes::new()).await?;
        self.expect("begin a multipart upload of", key, &answer, &[StatusCode::OK])?;
        let text = String::from_utf8_lossy(&answer.body);
        let begun = CreateMultipartUpload::parse_response(&text).map_err(|error| {
            ObjectsError::io(format!("read the upload id of {key}"), io::Error::other(error))
        })?;
        Ok(begun.upload_id().to_owned())
    }

    /// Sends a part from a stream, once; its ETag. `NotFound`: the upload is gone.
    pub(super) async fn part(
        &self,
        (key, upload, number): (&str, &str, u16),
        body: reqwest::Body,
        length: u64,
    ) -> Result<String, ObjectsError> {
        let whole = self.key(key);
        let url =
            UploadPart::new(&self.bucket, Some(&self.credentials), &whole, number, upload).sign(SIGNED_FOR);
        let answer =
            self.once("send a part of", key, Method::PUT, url, &[], Body::Stream(body, length)).await?;
        self.etag_of("send a part of", key, &answer)
    }

    /// Sends a part that is in memory; its ETag.
    pub(super) async fn small_part(
        &self,
        (key, upload, number): (&str, &str, u16),
        bytes: Bytes,
    ) -> Result<String, ObjectsError> {
        let whole = self.key(key);
        let url =
            UploadPart::new(&self.bucket, Some(&self.credentials), &whole, number, upload).sign(SIGNED_FOR);
        let answer = self.small("send a part of", key, Method::PUT, url, &[], bytes).await?;
        self.etag_of("send a part of", key, &answer)
    }

    /// Makes a part of another object inside the store; its ETag.
    pub(super) async fn copied_part(
        &self,
        (key, upload, number): (&str, &str, u16),
        source: &str,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<String, ObjectsError> {
        let (whole, source) = (self.key(key), self.key(source));
        let mut headers = vec![("x-amz-copy-source", format!("{}/{source}", self.bucket.name()))];
        headers.extend(range.map(|range| {
            ("x-amz-copy-source-range", format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
        }));
        let mut action = UploadPart::new(&self.bucket, Some(&self.credentials), &whole, number, upload);
        for (name, value) in &headers {
            action.headers_mut().insert(*name, value.clone());
        }
        let url = action.sign(SIGNED_FOR);
        let answer = self.small("copy a part of", key, Method::PUT, url, &headers, Bytes::new()).await?;
        self.expect("copy a part of", key, &answer, &[StatusCode::OK])?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        element(&text, "ETag")
            .map(|etag| etag.replace("&quot;", "\"").trim_matches('"').to_owned())
            .ok_or_else(|| {
                ObjectsError::io(
                    format!("copy a part of {key}"),
                    io::Error::other(format!("no ETag in {text:?}")),
                )
            })
    }

    /// Makes one object of the parts. `NotFound`: there is no such upload (any more).
    pub(super) async fn complete(
        &self,
        key: &str,
        upload: &str,
        parts: &[Numbered],
    ) -> Result<(), ObjectsError> {
        let whole = self.key(key);
        let none: [&str; 0] = [];
        let action =
            self.bucket.complete_multipart_upload(Some(&self.credentials), &whole, upload, none.into_iter());
        let url = action.sign(SIGNED_FOR);
        let mut body =
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
        for (number, etag) in parts {
            body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>"));
        }
        body.push_str("</CompleteMultipartUpload>");
        let answer = self.small("complete", key, Method::POST, url, &[], body.into()).await?;
        self.expect("complete", key, &answer, &[StatusCode::OK])?;
        // A store may have begun its answer before it failed.
        let text = String::from_utf8_lossy(&answer.body);
        if text.contains("<Error>") {
            Err(self.refused("complete", key, answer.status, &text))
        } else {
            Ok(())
        }
    }

    /// Gives a multipart upload up; gone already is fine.
    pub(super) async fn abort(&self, key: &str, upload: &str) -> Result<(), ObjectsError> {
        let whole = self.key(key);
        let url =
            self.bucket.abort_multipart_upload(Some(&self.credentials), &whole, upload).sign(SIGNED_FOR);
        let answer = self.small("abort", key, Method::DELETE, url, &[], Bytes::new()).await?;
        let fine = [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NOT_FOUND];
        self.expect("abort the upload of", key, &answer, &fine).map(drop)
    }

    fn etag_of(&self, what: &str, key: &str, answer: &Answer) -> Result<String, ObjectsError> {
        self.expect(what, key, answer, &[StatusCode::OK])?;
        let etag = answer.headers.get(header::ETAG).and_then(|value| value.to_str().ok());
        etag.map(|etag| etag.trim_matches('"').to_owned()).ok_or_else(|| {
            ObjectsError::io(format!("{what} {key}"), io::Error::other("the store answered without an ETag"))
        })
    }

    /// A request that may be sent again: after a broken connection, and when the store says so.
    async fn small(
        &self,
        what: &str,
        key: &str,
        method: Method,
        url: Url,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Answer, ObjectsError> {
        let mut pause = Duration::from_millis(100);
        for attempt in 1.. {
            let sent =
                self.once(what, key, method.clone(), url.clone(), headers, Body::Small(body.clone())).await;
            let again = match &sent {
                Ok(answer) => answer.status.is_server_error() || answer.status == StatusCode::CONFLICT,
                Err(_) => true,
            };
            if !again || attempt == ATTEMPTS {
                return sent;
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        unreachable!("the loop ends by returning")
    }

    async fn once(
        &self,
        what: &str,
        key: &str,
        method: Method,
        url: Url,
        headers: &[(&str, String)],
        body: Body,
    ) -> Result<Answer, ObjectsError> {
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request = match body {
            Body::Small(bytes) => {
                request.timeout(PATIENCE).header(header::CONTENT_LENGTH, bytes.len()).body(bytes)
            }
            Body::Stream(stream, length) => request.header(header::CONTENT_LENGTH, length).body(stream),
        };
        let failed = |error: reqwest::Error| self.failed(what, key, &error);
        let answer = request.send().await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.bytes().await.map_err(failed)? })
    }

    fn expect(
        &self,
        what: &str,
        key: &str,
        answer: &Answer,
        fine: &[StatusCode],
    ) -> Result<(), ObjectsError> {
        if fine.contains(&answer.status) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status == StatusCode::NOT_FOUND {
            return Err(ObjectsError::NotFound(format!("{key} in bucket {}", self.bucket.name())));
        }
        Err(self.refused(what, key, answer.status, &text))
    }

    fn refused(&self, what: &str, key: &str, status: StatusCode, text: &str) -> ObjectsError {
        let code = element(text, "Code").unwrap_or_default();
        let bucket = self.bucket.name();
        ObjectsError::io(
            format!("{what} {key} in bucket {bucket}"),
            io::Error::other(format!("the store answered {status} {code}")),
        )
    }

    /// Without the URL, which has a signature in it.
    fn failed(&self, what: &str, key: &str, error: &reqwest::Error) -> ObjectsError {
        let mut sentence = String::new();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(one) = cause {
            sentence = one.to_string();
            cause = one.source();
        }
        let bucket = self.bucket.name();
        ObjectsError::io(format!("{what} {key} in bucket {bucket}"), io::Error::other(sentence))
    }
}

/// The text of the first element of that name. Enough for the few words that are looked for.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}

/// Ends with an error if fewer than `length` bytes come.
fn whole(stream: ByteStream, length: u64) -> ByteStream {
    let state = (stream, length);
    futures_util::stream::try_unfold(state, |(mut stream, left)| async move {
        match stream.try_next().await? {
            Some(bytes) => {
                let left = left.saturating_sub(bytes.len() as u64);
                Ok(Some((bytes, (stream, left))))
            }
            None if left == 0 => Ok(None),
            None => Err(ObjectsError::io(
                "read an object to its end",
                io::Error::new(io::ErrorKind::UnexpectedEof, format!("{left} bytes are missing")),
            )),
        }
    })
    .boxed()
}
