//! The UGC door: what the vendor's client SDKs call at `/v3/index.php` (wire reference 2).
//!
//! A refusal is HTTP 200 with a code; only a failure of ours is HTTP 500, because the web SDK then tries again.
//! Every answer, errors too, carries CORS headers, or a browser would see nothing but a network error.

mod apply;
mod commit;
mod prepare;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reelgate_wire::ugc::{Action, Answer, Code, InvalidRequest};
use serde::Serialize;

use super::Origin;
use crate::app::App;
use crate::uploads::Refusal;

/// `POST /v3/index.php?Action=…`, and its preflight.
pub(super) async fn door(
    State(app): State<App>,
    origin: Origin,
    method: Method,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let answer = match (method, body) {
        (Method::OPTIONS, _) => StatusCode::NO_CONTENT.into_response(),
        (Method::POST, Ok(body)) => {
            let action = action_of(query.as_deref().unwrap_or_default());
            dispatch(&app, &origin, &action, &body).await.into_response()
        }
        (Method::POST, Err(error)) => refused(Code::InvalidRequest, error.body_text()).into_response(),
        (other, _) => {
            refused(Code::InvalidRequest, format!("{other} is not answered here; use POST")).into_response()
        }
    };
    with_cors(answer)
}

/// `POST /ugcupload_new` at `vodreport.qcloud.com`: telemetry of the web SDK. Thanked for and not read.
pub(super) async fn telemetry() -> Response {
    with_cors(Json(serde_json::json!({ "code": 0, "message": "success" })).into_response())
}

/// Read by hand: an odd query is refused in the vendor's shape like any other mistake.
fn action_of(query: &str) -> String {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "Action").map(|(_, action)| action.into_owned()).unwrap_or_default()
}

async fn dispatch(app: &App, origin: &Origin, action: &str, body: &[u8]) -> Result<Response, Failed> {
    match Action::from_name(action) {
        Some(Action::Prepare) => {
            let _turn = app.turns.take().await;
            Ok(success(prepare::prepare(app, origin, body).await?))
        }
        Some(Action::Apply) => {
            let _turn = app.turns.take().await;
            Ok(success(apply::apply(app, origin, body).await?))
        }
        Some(Action::Commit) => Ok(success(commit::commit(app, body).await?)),
        None => {
            let shown: String = action.chars().take(64).collect();
            let sentence = format!(
                "Action {shown:?} is not known; use PrepareUploadUGC, ApplyUploadUGC or CommitUploadUGC"
            );
            Err(Failed::Refused(Code::InvalidRequest, sentence))
        }
    }
}

fn success<T: Serialize>(data: T) -> Response {
    Json(Answer::success(data)).into_response()
}

fn refused(code: Code, sentence: impl std::fmt::Display) -> Json<Answer<()>> {
    Json(Answer::refusal(code, sentence))
}

/// Why a call is not answered with data.
enum Failed {
    Refused(Code, String),
    Internal(anyhow::Error),
}

impl From<InvalidRequest> for Failed {
    fn from(error: InvalidRequest) -> Self {
        Self::Refused(Code::InvalidRequest, error.to_string())
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Signature(refusal) => Self::Refused(refusal.code(), refusal.to_string()),
            Refusal::NotPermitted(sentence) => Self::Refused(Code::InvalidSignature, sentence),
            Refusal::Invalid(sentence) => Self::Refused(Code::InvalidRequest, sentence),
            Refusal::SessionGone(sentence) => Self::Refused(Code::SessionGone, sentence),
            Refusal::Internal(cause) => Self::Internal(cause),
        }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(code, sentence) => refused(code, sentence).into_response(),
            Self::Internal(cause) => {
                tracing::error!(cause = format!("{cause:#}"), "a UGC call failed inside");
                let text = "something failed inside the server; try again";
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }
}

/// Wire reference 2.4: no credentials mode, so any origin may ask; the signature is what decides.
fn with_cors(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
