//! An in-memory server: verifies every request's signature as the reference says, keeps what it acknowledges, logs
//! what it was asked, and fails where a test wants it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use md5::{Digest, Md5};
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::cos::qsign::{self, Authorization};
use reelgate_wire::cos::xml::{
    CompleteMultipartUpload, CompleteMultipartUploadResult, Error, InitiateMultipartUploadResult,
    ListMultipartUploadsResult, ListPartsResult, ListedPart, ListedUpload,
};
use reelgate_wire::ugc::{
    Answer, ApplyData, ApplyMode, ApplyRequest, Code, CommitData, CommitRequest, StorageObject, StoredFile,
    TemporaryCertificate,
};
use reelgate_wire::upload_signature::{Parameters, Unverified};

pub(crate) const KEY: &[u8] = b"test-secret-key";
const NOW: i64 = 1_700_000_000;

/// Everything the server knows.
#[derive(Default)]
pub(crate) struct Inner {
    /// One line a request: method, action or operation, part number.
    pub(crate) log: Vec<String>,
    /// Each of these lines fails once with 503 when it is about to be logged.
    pub(crate) fail_once: Vec<String>,
    /// Each of these lines is carried out, but its first answer is replaced by 503.
    pub(crate) lose_answer_once: Vec<String>,
    /// The next part gets a wrong ETag.
    pub(crate) damage_next_part: bool,
    /// From now on every credential issued so far is answered `Request has expired`.
    pub(crate) expired_before: u32,
    /// Life of a credential, seconds.
    pub(crate) credential_life: i64,
    pub(crate) signatures_seen: Vec<String>,
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    pub(crate) announced: Option<ApplyRequest>,
    forgotten: Vec<String>,
    credentials: u32,
    sessions: u32,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) inner: Arc<Mutex<Inner>>,
    pub(crate) base: String,
}

type Reply = Result<Response, Response>;

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner { credential_life: 7200, ..Inner::default() };
        let server = Self { inner: Arc::new(Mutex::new(inner)), base };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap());
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.inner.lock().unwrap().log.clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.log().iter().filter(|logged| logged.starts_with(line)).count()
    }

    /// The only object there is.
    pub(crate) fn object(&self) -> Vec<u8> {
        let inner = self.inner.lock().unwrap();
        assert_eq!(inner.objects.len(), 1);
        inner.objects.values().next().unwrap().clone()
    }
}

/// A signature as an application's backend would issue it, different each time.
pub(crate) fn signature(random: u64) -> String {
    let parameters = Parameters {
        secret_id: "AKID".to_owned(),
        current_time_stamp: NOW,
        expire_time: NOW + 600,
        random,
        ..Parameters::default()
    };
    parameters.sign(KEY)
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 << 20).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let query: Vec<(String, String)> = url_pairs(parts.uri.query().unwrap_or_default());
    let path = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8().unwrap().into_owned();
    let line = line(&parts.method, &path, &query);
    let mut inner = server.inner.lock().unwrap();
    inner.log.push(line.clone());
    if take(&mut inner.fail_once, &line) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let reply = if path == "/v3/index.php" {
        inner.ugc(&line, &body)
    } else {
        inner
            .check(&parts.method, &path, &query, &parts.headers)
            .and_then(|()| inner.cos(&line, &path, &query, &body))
    };
    if take(&mut inner.lose_answer_once, &line) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    reply.unwrap_or_else(|refusal| refusal)
}

fn take(lines: &mut Vec<String>, line: &str) -> bool {
    let found = lines.iter().position(|wanted| wanted == line);
    found.map(|at| lines.remove(at)).is_some()
}

fn url_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn line(method: &Method, path: &str, query: &[(String, String)]) -> String {
    if path == "/v3/index.php" {
        return value(query, "Action").unwrap_or_default().to_owned();
    }
    match (method.as_str(), value(query, "partNumber"), value(query, "uploadId"), value(query, "uploads")) {
        ("PUT", Some(number), Some(_), _) => format!("part {number}"),
        ("POST", _, Some(_), _) => "complete".to_owned(),
        ("POST", _, _, Some(_)) => "initiate".to_owned(),
        ("GET", _, Some(_), _) => "list parts".to_owned(),
        ("GET", _, _, Some(_)) => "list uploads".to_owned(),
        ("HEAD", ..) => "head".to_owned(),
        _ => format!("{method} {path}"),
    }
}

fn json(answer: &impl serde::Serialize) -> Response {
    ([("content-type", "application/json")], serde_json::to_string(answer).unwrap()).into_response()
}

fn xml(body: String) -> Response {
    ([("content-type", "application/xml")], body).into_response()
}

fn refuse(code: ErrorCode, message: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, xml(Error::new(code, message, "/", "req-1").to_xml())).into_response()
}

impl Inner {
    /// From now on the session is answered 10005.
    pub(crate) fn forget_session(&mut self, key: &str) {
        self.forgotten.push(key.to_owned());
    }

    /// Replaces a stored part by other bytes of the same length.
    pub(crate) fn alter_part(&mut self, number: u32) {
        for upload in self.uploads.values_mut() {
            upload.get_mut(&number).unwrap().fill(7);
        }
    }

    fn ugc(&mut self, action: &str, body: &Bytes) -> Reply {
        let invalid =
            |error: &dyn std::fmt::Display| json(&Answer::<()>::refusal(Code::InvalidRequest, error));
        if action == "CommitUploadUGC" {
            let request = CommitRequest::parse(body).map_err(|error| invalid(&error))?;
            self.check_signature(&request.signature)?;
            self.check_session(&request.vod_session_key)?;
            let url = "https://media.example/v.mp4".to_owned();
            let video = Some(StoredFile { url, verify_content: String::new() });
            return Ok(json(&Answer::success(CommitData { video, cover: None, file_id: "42".to_owned() })));
        }
        let request = ApplyRequest::parse(body).map_err(|error| invalid(&error))?;
        self.check_signature(&request.signature)?;
        let session = match request.mode().map_err(|error| invalid(&error))? {
            ApplyMode::Resume { session_key } => {
                self.check_session(session_key)?;
                session_key.to_owned()
            }
            ApplyMode::New { .. } | ApplyMode::CoverOnly { .. } => {
                self.announced = Some(request.clone());
                self.sessions += 1;
                format!("session-{}", self.sessions)
            }
        };
        Ok(json(&Answer::success(self.apply_data(session))))
    }

    fn apply_data(&mut self, session: String) -> ApplyData {
        self.credentials += 1;
        ApplyData {
            video: Some(StorageObject {
                storage_signature: String::new(),
                storage_path: format!("/1/{session}/视 频.mp4"),
            }),
            storage_app_id: 125,
            storage_bucket: "vod".to_owned(),
            storage_region_v5: "ap-guangzhou".to_owned(),
            vod_session_key: session,
            timestamp: NOW,
            temp_certificate: TemporaryCertificate {
                secret_id: format!("tmp-{}", self.credentials),
                secret_key: "tmp-secret".to_owned(),
                token: format!("token-{}", self.credentials),
                expired_time: NOW + self.credential_life,
            },
            ..ApplyData::default()
        }
    }

    fn check_signature(&mut self, text: &str) -> Result<(), Response> {
        self.signatures_seen.push(text.to_owned());
        let verified = Unverified::decode(text).and_then(|read| read.verify(KEY));
        verified.map(|_| ()).map_err(|refusal| json(&Answer::<()>::refusal(refusal.code(), &refusal)))
    }

    fn check_session(&self, key: &str) -> Result<(), Response> {
        if self.forgotten.iter().any(|forgotten| forgotten == key) || !key.starts_with("session-") {
            return Err(json(&Answer::<()>::refusal(Code::SessionGone, "no such session")));
        }
        Ok(())
    }

    /// The request signature, the token, and whether the credential still lives.
    fn check(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        headers: &HeaderMap,
    ) -> Result<(), Response> {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let request = qsign::Request { method: method.as_str(), path, query, headers: &headers };
        let authorization = Authorization::from_header(value(&headers, "authorization").unwrap_or_default());
        let refused = |refusal: qsign::Refusal| refuse(refusal.code(), &refusal.to_string());
        let authorization = authorization.map_err(refused)?;
        authorization
            .check_window(NOW)
            .and_then(|()| authorization.verify("tmp-secret", &request))
            .map_err(refused)?;
        let number = authorization.access_key.trim_start_matches("tmp-").to_owned();
        if value(&headers, "x-cos-security-token") != Some(&format!("token-{number}")) {
            return Err(refuse(ErrorCode::AccessDenied, "wrong token"));
        }
        if number.parse::<u32>().unwrap() <= self.expired_before {
            return Err(refuse(ErrorCode::AccessDenied, "Request has expired"));
        }
        Ok(())
    }

    fn cos(&mut self, line: &str, path: &str, query: &[(String, String)], body: &Bytes) -> Reply {
        let key = path.strip_prefix("/cos/vod-125/").unwrap().to_owned();
        let upload_id = value(query, "uploadId").unwrap_or_default().to_owned();
        match line.split(' ').next().unwrap() {
            "initiate" => {
                let upload_id = format!("{key}#{}", self.uploads.len() + 1);
                self.uploads.insert(upload_id.clone(), BTreeMap::new());
                let bucket = "vod-125".to_owned();
                Ok(xml(InitiateMultipartUploadResult { bucket, key, upload_id }.to_xml()))
            }
            "part" => {
                let number = value(query, "partNumber").unwrap().parse().unwrap();
                let mut etag = hex::encode(Md5::digest(body));
                if std::mem::take(&mut self.damage_next_part) {
                    etag = hex::encode([0; 16]);
                }
                self.upload(&upload_id)?.insert(number, body.to_vec());
                Ok([("etag", format!("\"{etag}\""))].into_response())
            }
            "list" if upload_id.is_empty() => {
                Ok(self.list_uploads(value(query, "prefix").unwrap_or_default()))
            }
            "list" => {
                let marker = value(query, "part-number-marker").unwrap_or("0").parse().unwrap();
                self.list_parts(&upload_id, marker)
            }
            "complete" => {
                let named = CompleteMultipartUpload::parse(body).unwrap().parts;
                let parts = self.upload(&upload_id)?;
                assert!(named.iter().map(|part| part.number).eq(parts.keys().copied()), "{named:?}");
                let bytes: Vec<u8> = parts.values().flatten().copied().collect();
                self.uploads.remove(&upload_id);
                self.objects.insert(key.clone(), bytes);
                Ok(xml(CompleteMultipartUploadResult { key, ..CompleteMultipartUploadResult::default() }
                    .to_xml()))
            }
            "head" => match self.objects.get(&key) {
                Some(bytes) => Ok([("content-length", bytes.len().to_string())].into_response()),
                None => Err(refuse(ErrorCode::NoSuchKey, "no such key")),
            },
            _ => Err(refuse(ErrorCode::MethodNotAllowed, line)),
        }
    }

    fn upload(&mut self, upload_id: &str) -> Result<&mut BTreeMap<u32, Vec<u8>>, Response> {
        self.uploads.get_mut(upload_id).ok_or_else(|| refuse(ErrorCode::NoSuchUpload, "upload not found"))
    }

    fn list_uploads(&self, prefix: &str) -> Response {
        let uploads = self.uploads.keys().filter(|id| id.starts_with(prefix)).map(|id| ListedUpload {
            key: id.split('#').next().unwrap().to_owned(),
            upload_id: id.clone(),
            initiated: String::new(),
        });
        let result = ListMultipartUploadsResult {
            uploads: uploads.collect(),
            ..ListMultipartUploadsResult::default()
        };
        xml(result.to_xml())
    }

    /// Pages of two, so that paging is exercised.
    fn list_parts(&mut self, upload_id: &str, marker: u32) -> Reply {
        let after = self.upload(upload_id)?.range(marker + 1..);
        let mut parts: Vec<ListedPart> = after
            .take(3)
            .map(|(number, bytes)| ListedPart {
                number: *number,
                last_modified: String::new(),
                etag: hex::encode(Md5::digest(bytes)),
                size: bytes.len() as u64,
            })
            .collect();
        let more = parts.len() > 2;
        parts.truncate(2);
        let next_part_number_marker = parts.last().filter(|_| more).map(|part| part.number);
        Ok(xml(ListPartsResult { parts, next_part_number_marker, ..ListPartsResult::default() }.to_xml()))
    }
}
