//! A request to the signature service: who sent it, and its body, read by hand because an app may have to be asked
//! about both at once.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use reelgate_store::ApiKey;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::config::CallerSettings;
use crate::dispatch::Ask;
use crate::http::{Origin, Problem, signed_in};

/// Largest body, bytes: a batch of orders with long contexts.
const BODY: usize = 1 << 20;

/// Who asks.
#[derive(Debug)]
pub(super) struct Asking {
    /// Where the request came from.
    pub(super) origin: Origin,
    /// Its headers.
    pub(super) headers: HeaderMap,
    signed_in: Option<Arc<ApiKey>>,
}

/// The body as it came.
pub(super) struct RawBody {
    /// Its bytes.
    pub(super) bytes: Bytes,
    is_json: bool,
}

impl Asking {
    /// Reads a request to its end.
    pub(super) async fn of(app: &App, request: Request) -> Result<(Self, RawBody), Problem> {
        let (parts, body) = request.into_parts();
        let origin = Origin::of(app, &parts);
        let signed_in = match parts.headers.contains_key(header::AUTHORIZATION) {
            true => None,
            false => console_key(app, &parts).await?,
        };
        let bytes = to_bytes(body, BODY).await.map_err(|error| unread(&error))?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_json = kind.is_some_and(is_json);
        Ok((Self { origin, headers: parts.headers, signed_in }, RawBody { bytes, is_json }))
    }

    /// What the signature service sees of it.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask { headers: &self.headers, client: self.origin.client, signed_in: self.signed_in.clone() }
    }
}

/// The API key of the console session. One that has ended does not keep others from being looked at.
async fn console_key(app: &App, parts: &Parts) -> Result<Option<Arc<ApiKey>>, Problem> {
    match signed_in(app, &parts.method, &parts.headers).await {
        Ok(found) => Ok(found.map(|(key, _)| key)),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED && others_may_ask(app) => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn others_may_ask(app: &App) -> bool {
    app.config.dispatch.callers.iter().any(|one| !matches!(one, CallerSettings::ApiKey))
}

impl RawBody {
    /// The body as JSON; the default when there is none.
    pub(super) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.bytes.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// The body as JSON. Refused with a sentence that names the field.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !self.is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body is not announced as JSON; send `Content-Type: application/json`",
            ));
        }
        serde_json::from_slice(&self.bytes)
            .map_err(|error| Problem::invalid(format!("the body is not the JSON that is wanted: {error}")))
    }
}

/// `application/json`, or another type with that structure.
fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unread(error: &axum::Error) -> Problem {
    use std::error::Error as _;

    let too_large = error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>());
    if too_large {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body is larger than 1 MiB; send less",
        );
    }
    Problem::invalid("the body broke off; send it again")
}
