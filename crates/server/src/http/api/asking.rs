//! A request to the signature service: who sent it, and its body, read by hand because an app may have to be asked
//! about both at once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use reelgate_store::ApiKey;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::dispatch::Ask;
use crate::http::{Origin, Problem, signed_in};

/// Largest body of one order, bytes: the longest contexts take a tenth of it.
pub(super) const ORDER: usize = 64 << 10;
/// Largest body of a batch, bytes.
pub(super) const BATCH: usize = 1 << 20;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Who asks.
#[derive(Debug)]
pub(super) struct Asking {
    /// Where the request came from.
    pub(super) origin: Origin,
    /// Its headers.
    pub(super) headers: HeaderMap,
    signed_in: Option<Arc<ApiKey>>,
    console_ended: bool,
}

/// The body as it came.
pub(super) struct RawBody {
    /// Its bytes.
    pub(super) bytes: Bytes,
    is_json: bool,
}

impl Asking {
    /// Reads a request to its end, whose body has at most `most` bytes.
    pub(super) async fn of(app: &App, request: Request, most: usize) -> Result<(Self, RawBody), Problem> {
        let (parts, body) = request.into_parts();
        let origin = Origin::of(app, &parts);
        let (signed_in, console_ended) = match parts.headers.contains_key(header::AUTHORIZATION) {
            true => (None, false),
            false => console_key(app, &parts).await?,
        };
        let bytes = read(body, most).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_json = kind.is_some_and(is_json);
        Ok((Self { origin, headers: parts.headers, signed_in, console_ended }, RawBody { bytes, is_json }))
    }

    /// What the signature service sees of it.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            headers: &self.headers,
            client: self.origin.client,
            signed_in: self.signed_in.clone(),
            console_ended: self.console_ended,
        }
    }
}

/// The API key of the console session, and whether the request came with one that has ended: that does not keep other
/// credentials from being looked at.
async fn console_key(app: &App, parts: &Parts) -> Result<(Option<Arc<ApiKey>>, bool), Problem> {
    match signed_in(app, &parts.method, &parts.headers).await {
        Ok(found) => Ok((found.map(|(key, _)| key), false)),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok((None, true)),
        Err(problem) => Err(problem),
    }
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

async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    use std::error::Error as _;

    match tokio::time::timeout(ARRIVAL, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error))
            if error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) =>
        {
            let sentence = format!("the body is larger than the {most} bytes that are taken; send less");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", sentence))
        }
        Ok(Err(_)) => Err(Problem::invalid("the body broke off; send it again")),
        Err(_) => {
            let sentence = format!("the body did not arrive within {} s; send it again", ARRIVAL.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", sentence))
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let begun = tokio::time::Instant::now();
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = read(never, ORDER).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (StatusCode::REQUEST_TIMEOUT, "too_slow"));
        assert_eq!(begun.elapsed(), ARRIVAL);
    }
}
