//! `POST /v1/upload-signatures`: permission to upload, for an application's backend.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asking::{Asking, ORDER};
use super::when::rfc3339;
use crate::app::App;
use crate::config::Mode;
use crate::dispatch::{self, Form, IssueError, Issued, Order};
use crate::http::Problem;

/// What to permit. Every field may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UploadSignatureRequest {
    /// Task flow that starts when the file is there; `""`: none; left out: `dispatch.procedure`.
    #[schema(example = "ReelgateShortVideo", max_length = 20)]
    procedure: Option<String>,
    /// The application's own name for the user who will upload; shown in the file's timeline, and whom limits count.
    /// Callers whose credential names the user leave it out.
    #[schema(example = "user-42")]
    user: Option<String>,
    /// What the backend knows of that user, for policies to match. Only with an API key.
    #[schema(example = json!({"plan": "pro"}))]
    tags: Option<BTreeMap<String, TagValues>>,
    /// Comes back in `NewFileUpload`, byte for byte. At most 250 characters.
    #[schema(max_length = 250)]
    source_context: Option<String>,
    /// Comes back in `ProcedureStateChanged`, byte for byte. At most 1000 characters.
    #[schema(max_length = 1000)]
    session_context: Option<String>,
    /// Media category; 0: none.
    #[schema(minimum = 0)]
    class_id: Option<i64>,
    /// How long the signature is good, seconds; at most what the policy allows, and 7776000 (90 days).
    #[schema(minimum = 1, maximum = 7_776_000)]
    valid_seconds: Option<u64>,
    /// Whether it opens one upload only. Default: true.
    one_time: Option<bool>,
    /// Largest file in bytes; at most what the policy and the server's `upload.max_size` allow.
    #[schema(minimum = 1)]
    max_size: Option<u64>,
    /// Longest video in seconds; at most what the policy allows.
    #[schema(minimum = 1)]
    max_duration: Option<u32>,
    /// Allowed extensions; left out: those that the policy allows.
    #[schema(example = json!(["mp4", "mov"]))]
    types: Option<Vec<String>>,
    /// Storage region to sign, as the vendor spells regions.
    #[schema(example = "ap-guangzhou")]
    storage_region: Option<String>,
}

/// One value or several.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TagValues {
    /// One.
    One(String),
    /// Several; a policy matches when one of them is among its own.
    Many(Vec<String>),
}

/// A signature and what it permits.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadSignature {
    /// What the client's SDK sends. Whoever holds it may upload: give it to that one user only.
    signature: String,
    /// RFC 3339.
    expires_at: String,
    /// Whether it opens one upload only.
    one_time: bool,
    /// Names this permission in the file's timeline, and in a revocation.
    permission_id: String,
    /// Policy that was applied; `""` for the built-in one.
    policy: String,
    /// Task flow that will start, or `""`.
    procedure: String,
    /// Media category.
    class_id: i64,
    /// What the client is held to.
    limits: UploadLimits,
    /// Names of the members above that hold wherever the signature is used: they are in it.
    #[schema(example = json!(["expires_at", "one_time", "procedure", "class_id", "limits.max_size"]))]
    carried: Vec<&'static str>,
    /// Names of the members above that the upload doors do not know (`mode = "tencent"`): who receives
    /// NewFileUpload compares them with what arrived.
    advisory: Vec<&'static str>,
    /// Where the client should go.
    hosts: UploadHosts,
}

/// Limits of one permission. Members that are not there do not limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadLimits {
    /// Largest file in bytes.
    max_size: u64,
    /// Allowed extensions; empty: any.
    types: Vec<String>,
    /// Longest video in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration: Option<u32>,
    /// Uploads of this user on one UTC day, over all signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_uploads: Option<u64>,
    /// Bytes of this user on one UTC day, over all signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_bytes: Option<u64>,
    /// Upload sessions that this signature may have open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_sessions: Option<u32>,
    /// Bytes that its open sessions may announce together.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in_flight: Option<u64>,
    /// Client addresses that it may be used from.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<u32>,
}

/// Addresses of the upload doors.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadHosts {
    /// Origin of the UGC door, such as `http://127.0.0.1:8300`.
    ugc: String,
    /// Object leg as the COS SDKs' `Domain` option wants it: `127.0.0.1:8300/cos/{Bucket}`.
    object: String,
}

/// Sign an upload permission
///
/// Writes nothing. The signature works with every client of the vendor's upload SDKs.
#[utoipa::path(
    post, path = "/v1/upload-signatures", tag = "signatures", request_body = Option<UploadSignatureRequest>,
    responses(
        (status = 200, body = UploadSignature),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem, headers(("Retry-After" = u64))),
        (status = 503, body = Problem),
    ),
)]
pub async fn issue(State(app): State<App>, request: Request) -> Result<Response, Refused> {
    let (asking, body) = Asking::of(&app, request, ORDER).await?;
    let request: UploadSignatureRequest = body.json_or_default()?;
    let issued = dispatch::issue(&app, &asking.ask(), order(request), Form::Own).await?;
    let answer = answer(&app, issued, &asking.origin.public_url(&app));
    // Most answers have about this length; one that grows copies what it has.
    let mut body = Vec::with_capacity(2_048);
    serde_json::to_writer(&mut body, &answer).map_err(|error| Problem::internal(&error.into()))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

pub(super) fn order(request: UploadSignatureRequest) -> Order {
    let tags = request.tags.unwrap_or_default().into_iter().map(|(name, values)| match values {
        TagValues::One(value) => (name, vec![value]),
        TagValues::Many(values) => (name, values),
    });
    Order {
        procedure: request.procedure,
        user: request.user.unwrap_or_default(),
        tags: tags.collect(),
        source_context: request.source_context.unwrap_or_default(),
        session_context: request.session_context.unwrap_or_default(),
        class_id: request.class_id,
        validity: request.valid_seconds.map(Duration::from_secs),
        one_time: request.one_time,
        max_size: request.max_size,
        max_duration: request.max_duration,
        types: request.types.unwrap_or_default(),
        storage_region: request.storage_region,
    }
}

pub(super) fn answer(app: &App, issued: Issued, public_url: &str) -> UploadSignature {
    let permission = issued.permission;
    let limits = UploadLimits {
        max_size: issued.max_size,
        types: permission.types,
        max_duration: permission.max_duration,
        daily_uploads: permission.daily_uploads,
        daily_bytes: permission.daily_bytes,
        open_sessions: permission.open_sessions,
        bytes_in_flight: permission.bytes_in_flight,
        addresses: permission.addresses,
    };
    let (carried, advisory) = held(&app.config.mode, &limits);
    UploadSignature {
        signature: issued.signature.expose_secret().to_owned(),
        expires_at: rfc3339(issued.expires_at),
        one_time: issued.one_time,
        permission_id: permission.id,
        policy: permission.policy,
        procedure: issued.procedure,
        class_id: issued.class_id,
        limits,
        carried,
        advisory,
        hosts: hosts(&app.config.mode, public_url),
    }
}

/// What is in the vendor's own parameters, in every mode.
const VENDOR: [&str; 4] = ["expires_at", "one_time", "procedure", "class_id"];

/// Which members hold by themselves, and which only our own doors can hold.
fn held(mode: &Mode, limits: &UploadLimits) -> (Vec<&'static str>, Vec<&'static str>) {
    let ours = [
        ("limits.max_size", true),
        ("limits.types", !limits.types.is_empty()),
        ("limits.max_duration", limits.max_duration.is_some()),
        ("limits.daily_uploads", limits.daily_uploads.is_some()),
        ("limits.daily_bytes", limits.daily_bytes.is_some()),
        ("limits.open_sessions", limits.open_sessions.is_some()),
        ("limits.bytes_in_flight", limits.bytes_in_flight.is_some()),
        ("limits.addresses", limits.addresses.is_some()),
    ];
    let mut carried = Vec::with_capacity(VENDOR.len() + ours.len());
    carried.extend(VENDOR);
    let ours = ours.into_iter().filter(|(_, set)| *set).map(|(name, _)| name);
    match mode {
        Mode::Local => {
            carried.extend(ours);
            (carried, Vec::new())
        }
        Mode::Tencent(_) => (carried, ours.collect()),
    }
}

fn hosts(mode: &Mode, public_url: &str) -> UploadHosts {
    match mode {
        Mode::Local => {
            let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
            UploadHosts { ugc: public_url.to_owned(), object: format!("{host}/cos/{{Bucket}}") }
        }
        Mode::Tencent(_) => UploadHosts {
            ugc: "https://vod2.qcloud.com".to_owned(),
            object: "{Bucket}.cos.{Region}.myqcloud.com".to_owned(),
        },
    }
}

/// A problem, with `Retry-After` where waiting helps.
#[derive(Debug)]
pub struct Refused {
    problem: Problem,
    retry_after: Option<u64>,
}

impl Refused {
    /// The problem alone.
    pub(super) fn into_parts(self) -> (Problem, Option<u64>) {
        (self.problem, self.retry_after)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Seconds after which an answer that was not to be had is asked for again.
const UNAVAILABLE: u64 = 5;

impl From<IssueError> for Refused {
    fn from(error: IssueError) -> Self {
        use reelgate_callers::ForwardRefusal;

        let (code, sentence) = (error.code(), error.to_string());
        let plain =
            |status| Self { problem: Problem::new(status, code, sentence.clone()), retry_after: None };
        let later = |status, seconds| Self { retry_after: Some(seconds), ..plain(status) };
        match error {
            IssueError::Unauthenticated(_) => plain(StatusCode::UNAUTHORIZED),
            IssueError::Jwt(refusal) if refusal.is_temporary() => {
                later(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
            }
            IssueError::Jwt(_) => plain(StatusCode::UNAUTHORIZED),
            IssueError::Forward(ForwardRefusal::Refused { status, .. }) => plain(status),
            IssueError::Forward(ForwardRefusal::Failed { .. }) => {
                later(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
            }
            IssueError::LacksScope { .. }
            | IssueError::OtherUser
            | IssueError::TagsNotYours
            | IssueError::NoApp(_) => plain(StatusCode::FORBIDDEN),
            IssueError::TooMany { wait, .. } => later(StatusCode::TOO_MANY_REQUESTS, wait.as_secs() + 1),
            IssueError::UnknownProcedure { .. }
            | IssueError::ProcedureNotAllowed { .. }
            | IssueError::Validity { .. }
            | IssueError::ContextTooLong { .. }
            | IssueError::MaxSize { .. }
            | IssueError::MaxDuration { .. }
            | IssueError::TypeNotAllowed { .. }
            | IssueError::NoTypeLeft { .. }
            | IssueError::ClassId(_)
            | IssueError::ClassNotAllowed { .. }
            | IssueError::Region(_)
            | IssueError::RegionNotAllowed { .. }
            | IssueError::OneTimeOnly { .. }
            | IssueError::Permission(_)
            | IssueError::Unsignable(_) => plain(StatusCode::UNPROCESSABLE_ENTITY),
            IssueError::NoSecretKey(_) => plain(StatusCode::CONFLICT),
            IssueError::Unavailable(_) => later(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
            IssueError::Internal(cause) => Problem::internal(&cause).into(),
        }
    }
}
