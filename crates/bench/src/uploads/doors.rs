//! The ways to upload a file: what has to be asked before the clock starts, and what is measured.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use http::HeaderMap;
use reelgate_wire::cos::qsign::{Request, Signer, encode};
use reelgate_wire::cos::xml::{
    CompleteMultipartUpload, CompletedPart, InitiateMultipartUploadResult, bare_etag,
};
use reelgate_wire::ugc::{Answer, ApplyData, ApplyRequest};
use reelgate_wire::upload_signature::Parameters;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connection::Connection;
use super::content::{Content, Stretch};
use super::unix_now;

/// Known to nobody else: servers live on the loopback, for one measurement.
pub(crate) const SECRET_ID: &str = "AKIDbench0bench0bench0bench0bench0bench0";
pub(crate) const SECRET_KEY: &str = "bench0bench0bench0bench0bench0be";
const VALID_SECONDS: i64 = 86_400;

/// How a server takes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// `PUT` of the whole file, without credentials.
    Put,
    /// S3 without credentials, in parts where the file has more than one.
    S3,
    /// tus without credentials: creation, then one PATCH.
    Tus,
    /// Reelgate's object leg, `PUT` of the whole file.
    CosPut,
    /// Reelgate's object leg, in parts.
    CosMultipart,
    /// Reelgate's tus.
    ReelgateTus,
}

/// Where one file goes, and by what right.
pub(crate) enum Ticket {
    /// A path that nobody guards.
    Path(String),
    /// An object of a session, or of an open bucket.
    Object(Object),
    /// A tus collection, with the header that lets us in.
    Collection(String, Option<String>),
}

/// An object to write.
#[derive(Clone)]
pub(crate) struct Object {
    path: String,
    credentials: Option<(Signer, String)>,
}

/// One file and its connections: several for the parts of one file, else one.
pub(crate) struct Lane {
    /// All are of one server.
    pub(crate) connections: Vec<Connection>,
    /// What is sent.
    pub(crate) content: Arc<Content>,
    /// Bytes of a part.
    pub(crate) part: u64,
}

impl Door {
    /// Asks for a place for file `number` of `size` bytes.
    pub(crate) async fn prepare(self, asker: &mut Connection, number: usize, size: u64) -> Result<Ticket> {
        Ok(match self {
            Self::Put => Ticket::Path(format!("/{number}.mp4")),
            Self::S3 => Ticket::Object(Object { path: format!("/bench/{number}.mp4"), credentials: None }),
            Self::Tus => Ticket::Collection("/files".to_owned(), None),
            Self::CosPut | Self::CosMultipart => Ticket::Object(apply(asker, size).await?),
            Self::ReelgateTus => {
                Ticket::Collection("/files".to_owned(), Some(format!("Reelgate {}", signature())))
            }
        })
    }

    /// Whether a file goes in parts.
    fn in_parts(self, size: u64, part: u64) -> bool {
        match self {
            Self::CosMultipart => true,
            Self::S3 => size > part,
            Self::Put | Self::Tus | Self::CosPut | Self::ReelgateTus => false,
        }
    }
}

impl Lane {
    /// Uploads a file. In parts, says how many seconds Complete took.
    pub(crate) async fn upload(&mut self, door: Door, ticket: Ticket, size: u64) -> Result<Option<f64>> {
        match ticket {
            Ticket::Path(path) => {
                let body = self.content.stretch(0, size);
                let answer = self.first()?.ask("PUT", &path, &[], body).await?;
                if let Some(etag) = text(&answer.headers, "etag") {
                    self.check(etag, 0, size)?;
                }
                Ok(None)
            }
            Ticket::Object(object) if door.in_parts(size, self.part) => {
                self.parts(&object, size).await.map(Some)
            }
            Ticket::Object(object) => {
                let body = self.content.stretch(0, size);
                let answer = ask_object(self.first()?, &object, "PUT", &[], body).await?;
                let etag = text(&answer.headers, "etag").context("the object has no ETag")?;
                self.check(etag, 0, size)?;
                Ok(None)
            }
            Ticket::Collection(path, authorization) => {
                self.tus(&path, authorization.as_deref(), size).await?;
                Ok(None)
            }
        }
    }

    fn first(&mut self) -> Result<&mut Connection> {
        self.connections.first_mut().context("there is no connection")
    }

    /// A server that stored something else would be measured for nothing.
    fn check(&self, etag: &str, offset: u64, length: u64) -> Result<()> {
        let (stored, sent) = (bare_etag(etag), self.content.md5(offset, length));
        // nginx has an ETag of another kind, with time and size.
        ensure!(stored.len() != 32 || stored == sent, "the server stored {stored} instead of {sent}");
        Ok(())
    }

    async fn parts(&mut self, object: &Object, size: u64) -> Result<f64> {
        let upload = [("uploads", String::new())];
        let answer = ask_object(self.first()?, object, "POST", &upload, Stretch::default()).await?;
        let id = InitiateMultipartUploadResult::parse(&answer.body)?.upload_id;
        let count = size.div_ceil(self.part);
        let lanes = self.connections.len() as u64;
        let mut tasks = JoinSet::new();
        for (lane, mut connection) in std::mem::take(&mut self.connections).into_iter().enumerate() {
            let (object, id, content, part) =
                (object.clone(), id.clone(), Arc::clone(&self.content), self.part);
            tasks.spawn(async move {
                let mut etags = Vec::new();
                for index in (lane as u64..count).step_by(usize::try_from(lanes)?) {
                    let body = content.stretch(index * part, part.min(size - index * part));
                    let number = u32::try_from(index + 1)?;
                    let query = [("partNumber", number.to_string()), ("uploadId", id.clone())];
                    let answer = ask_object(&mut connection, &object, "PUT", &query, body).await?;
                    let etag = text(&answer.headers, "etag").context("the part has no ETag")?;
                    etags.push(CompletedPart { number, etag: bare_etag(etag).to_owned() });
                }
                anyhow::Ok((connection, etags))
            });
        }
        let mut parts = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            let (connection, etags) = ended??;
            self.connections.push(connection);
            parts.extend(etags);
        }
        parts.sort_by_key(|part| part.number);
        for part in &parts {
            let offset = u64::from(part.number - 1) * self.part;
            self.check(&part.etag, offset, self.part.min(size - offset))?;
        }
        let body = Stretch::of(CompleteMultipartUpload { parts }.to_xml());
        let began = Instant::now();
        let answer = ask_object(self.first()?, object, "POST", &[("uploadId", id)], body).await?;
        // S3 servers may have answered 200 before they knew.
        ensure!(!answer.body.windows(7).any(|bytes| bytes == b"<Error>"), "Complete was refused");
        Ok(began.elapsed().as_secs_f64())
    }

    async fn tus(&mut self, path: &str, authorization: Option<&str>, size: u64) -> Result<()> {
        let body = self.content.stretch(0, size);
        let connection = self.first()?;
        let length = size.to_string();
        // "bench.mp4" and "video/mp4".
        let metadata = "filename YmVuY2gubXA0,filetype dmlkZW8vbXA0";
        let mut headers =
            vec![("tus-resumable", "1.0.0"), ("upload-length", &length), ("upload-metadata", metadata)];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let created = connection.ask("POST", path, &headers, Stretch::default()).await?;
        let location = text(&created.headers, "location").context("the upload has no Location")?;
        let target = match location.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => location,
        };
        let mut headers = vec![
            ("tus-resumable", "1.0.0"),
            ("upload-offset", "0"),
            ("content-type", "application/offset+octet-stream"),
        ];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let answer = connection.ask("PATCH", target, &headers, body).await?;
        let offset = text(&answer.headers, "upload-offset");
        ensure!(offset == Some(&length), "the upload ends at {offset:?} instead of {length}");
        Ok(())
    }
}

/// Opens a session for one video.
async fn apply(asker: &mut Connection, size: u64) -> Result<Object> {
    let request = ApplyRequest {
        signature: signature(),
        video_name: "bench".to_owned(),
        video_type: "mp4".to_owned(),
        video_size: Some(size),
        ..ApplyRequest::default()
    };
    let body = Stretch::of(serde_json::to_vec(&request)?);
    let json = [("content-type", "application/json")];
    let answer = asker.ask("POST", "/v3/index.php?Action=ApplyUploadUGC", &json, body).await?;
    let answer: Answer<ApplyData> = serde_json::from_slice(&answer.body)?;
    let Some(data) = answer.data else { bail!("ApplyUploadUGC was refused: {}", answer.message) };
    let video = data.video.context("ApplyUploadUGC gave no place for the video")?;
    let (given, bucket) = (data.temp_certificate, format!("{}-{}", data.storage_bucket, data.storage_app_id));
    let signer = Signer::new(given.secret_id, given.secret_key, data.timestamp, given.expired_time);
    let path = format!("/cos/{bucket}/{}", video.storage_path.trim_start_matches('/'));
    Ok(Object { path, credentials: Some((signer, given.token)) })
}

/// An upload signature, as an application's own backend makes it.
fn signature() -> String {
    let now = unix_now();
    let parameters = Parameters {
        secret_id: SECRET_ID.to_owned(),
        current_time_stamp: now,
        expire_time: now + VALID_SECONDS,
        random: u64::from(rand::random::<u32>()),
        ..Parameters::default()
    };
    parameters.sign(SECRET_KEY.as_bytes())
}

async fn ask_object(
    connection: &mut Connection,
    object: &Object,
    method: &str,
    query: &[(&str, String)],
    body: Stretch,
) -> Result<super::connection::Answer> {
    let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let pairs: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let mark = if pairs.is_empty() { "" } else { "?" };
    let target = format!("{}{mark}{}", object.path, pairs.join("&"));
    let Some((signer, token)) = &object.credentials else {
        return connection.ask(method, &target, &[], body).await;
    };
    let signed = Request { method, path: &object.path, query: &query, headers: &[] };
    let authorization = signer.authorization(&signed);
    let headers = [("authorization", authorization.as_str()), ("x-cos-security-token", token.as_str())];
    connection.ask(method, &target, &headers, body).await
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
