//! `POST /v1/upload-signatures`: permission to upload, for an application's backend.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::Body;
use super::when::rfc3339;
use crate::app::App;
use crate::dispatch::{self, IssueError, Issued, Order};
use crate::http::{Caller, Origin, Problem, Sign};

/// What to permit. Every field may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UploadSignatureRequest {
    /// Task flow that starts when the file is there; `""`: none; left out: `dispatch.procedure`.
    #[schema(example = "ReelgateShortVideo", max_length = 20)]
    procedure: Option<String>,
    /// The application's own name for the user who will upload; shown in the file's timeline.
    #[schema(example = "user-42")]
    user: Option<String>,
    /// Comes back in `NewFileUpload`, byte for byte. At most 250 characters.
    #[schema(max_length = 250)]
    source_context: Option<String>,
    /// Comes back in `ProcedureStateChanged`, byte for byte. At most 1000 characters.
    #[schema(max_length = 1000)]
    session_context: Option<String>,
    /// Media category; 0: none.
    #[schema(minimum = 0)]
    class_id: Option<i64>,
    /// How long the signature is good, seconds; at most 7776000 (90 days).
    #[schema(minimum = 1, maximum = 7_776_000)]
    valid_seconds: Option<u64>,
    /// Whether it opens one upload only. Default: true.
    one_time: Option<bool>,
    /// Largest file in bytes; at most the server's `upload.max_size`.
    #[schema(minimum = 1)]
    max_size: Option<u64>,
    /// Allowed extensions; left out: any.
    #[schema(example = json!(["mp4", "mov"]))]
    types: Option<Vec<String>>,
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
    /// Names this permission in the file's timeline.
    permission_id: String,
    /// Task flow that will start, or `""`.
    procedure: String,
    /// What the upload doors will hold the client to.
    limits: UploadLimits,
    /// Where the client should go.
    hosts: UploadHosts,
}

/// Limits of one permission.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadLimits {
    /// Largest file in bytes.
    max_size: u64,
    /// Allowed extensions; empty: any.
    types: Vec<String>,
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
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn issue(
    State(app): State<App>,
    caller: Caller<Sign>,
    origin: Origin,
    body: Option<Body<UploadSignatureRequest>>,
) -> Result<Json<UploadSignature>, Problem> {
    let Body(request) = body.unwrap_or(Body(UploadSignatureRequest::default()));
    let issued = dispatch::issue(&app, &caller.scope, &caller.key.id, order(request)).await?;
    Ok(Json(answer(issued, &origin.public_url(&app))))
}

fn order(request: UploadSignatureRequest) -> Order {
    Order {
        procedure: request.procedure,
        user: request.user.unwrap_or_default(),
        source_context: request.source_context.unwrap_or_default(),
        session_context: request.session_context.unwrap_or_default(),
        class_id: request.class_id.unwrap_or(0),
        validity: request.valid_seconds.map(Duration::from_secs),
        one_time: request.one_time.unwrap_or(true),
        max_size: request.max_size,
        types: request.types.unwrap_or_default(),
    }
}

fn answer(issued: Issued, public_url: &str) -> UploadSignature {
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    UploadSignature {
        signature: issued.signature.expose_secret().to_owned(),
        expires_at: rfc3339(issued.expires_at),
        one_time: issued.one_time,
        permission_id: issued.permission_id,
        procedure: issued.procedure,
        limits: UploadLimits { max_size: issued.max_size, types: issued.types },
        hosts: UploadHosts { ugc: public_url.to_owned(), object: format!("{host}/cos/{{Bucket}}") },
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let sentence = error.to_string();
        match error {
            IssueError::UnknownProcedure { .. } => Self::unprocessable("procedure_unknown", sentence),
            IssueError::Validity { .. } => Self::unprocessable("validity_out_of_range", sentence),
            IssueError::ContextTooLong { .. } => Self::unprocessable("context_too_long", sentence),
            IssueError::MaxSize { .. } => Self::unprocessable("max_size_out_of_range", sentence),
            IssueError::ClassId(_) => Self::unprocessable("class_id_out_of_range", sentence),
            IssueError::Permission(_) => Self::unprocessable("permission_out_of_range", sentence),
            IssueError::NoSecretKey(_) => Self::conflict(sentence),
            IssueError::Internal(cause) => Self::internal(&cause),
        }
    }
}
