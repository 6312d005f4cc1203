//! The tus door: resumable uploads by offset at `/files` (tus 1.0), for everybody who does not use the vendor's SDKs.
//!
//! Creation takes an upload signature; whoever then knows the upload's URL may go on with it, as tus clients expect, and a
//! signature that comes along must be good for it. Every answer carries CORS headers, or a browser would see nothing.

mod create;
mod head;
mod patch;
mod refusal;
mod signature;
mod terminate;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reelgate_wire::tus;

use self::refusal::Refused;
use super::Origin;
use crate::app::App;
use crate::uploads::commit::Committed;

/// What pages on other origins may read.
const EXPOSED: &str = "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Tus-Version, Tus-Resumable, \
    Tus-Max-Size, Tus-Extension, Tus-Checksum-Algorithm, Retry-After, Reelgate-File-Id, Reelgate-Media-Url";
/// What they may send, when they do not ask by name.
const ALLOWED: &str = "Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, \
    Upload-Checksum, X-HTTP-Method-Override, X-Requested-With, X-Request-ID";

/// One request of this door.
struct Call {
    app: App,
    origin: Origin,
    headers: HeaderMap,
}

impl Call {
    /// A header as text.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// `/files`.
pub(super) async fn collection(State(app): State<App>, origin: Origin, request: Request) -> Response {
    door(app, origin, None, request).await
}

/// `/files/{id}`.
pub(super) async fn upload(
    State(app): State<App>,
    origin: Origin,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    door(app, origin, Some(id), request).await
}

async fn door(app: App, origin: Origin, id: Option<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let wanted = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let method = method_of(&parts.method, &parts.headers);
    let call = Call { app, origin, headers: parts.headers };
    let mut response = if method == Method::OPTIONS {
        options(&call.app)
    } else {
        answer(&call, &method, id, body).await.unwrap_or_else(IntoResponse::into_response)
    };
    finish(response.headers_mut(), wanted);
    if method == Method::HEAD {
        let (parts, _) = response.into_parts();
        return Response::from_parts(parts, Body::empty());
    }
    response
}

/// Clients behind old proxies send POST and say what they mean.
fn method_of(method: &Method, headers: &HeaderMap) -> Method {
    let meant = headers.get("x-http-method-override").filter(|_| method == Method::POST);
    meant.and_then(|value| Method::from_bytes(value.as_bytes()).ok()).unwrap_or_else(|| method.clone())
}

async fn answer(call: &Call, method: &Method, id: Option<String>, body: Body) -> Result<Response, Refused> {
    let version = call.header("tus-resumable");
    // GET is no part of the protocol, so it says no version either.
    if version != Some(tus::VERSION) && method != Method::GET {
        return Err(Refused::version());
    }
    match (method, id) {
        (&Method::POST, None) => create::create(call, body).await,
        (&Method::HEAD, Some(id)) => head::head(call, &id).await,
        (&Method::PATCH, Some(id)) => patch::patch(call, &id, body).await,
        (&Method::DELETE, Some(id)) => terminate::terminate(call, &id).await,
        (method, _) => Err(Refused::method(method)),
    }
}

fn options(app: &App) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert("tus-version", HeaderValue::from_static(tus::VERSION));
    headers.insert("tus-extension", HeaderValue::from_static(tus::EXTENSIONS));
    headers.insert("tus-checksum-algorithm", HeaderValue::from_static(tus::CHECKSUMS));
    headers.insert("tus-max-size", HeaderValue::from(app.config.upload.max_size));
    response
}

fn finish(headers: &mut HeaderMap, wanted: Option<HeaderValue>) {
    for (name, value) in [
        (HeaderName::from_static("tus-resumable"), tus::VERSION),
        (header::CACHE_CONTROL, "no-store"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, HEAD, PATCH, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        wanted.unwrap_or_else(|| HeaderValue::from_static(ALLOWED)),
    );
}

/// Adds what a finished upload has become.
fn tell_media(headers: &mut HeaderMap, committed: &Committed) {
    if let Ok(file_id) = HeaderValue::try_from(&committed.file_id) {
        headers.insert("reelgate-file-id", file_id);
    }
    if let Some(url) = committed.video_url.as_ref().and_then(|url| HeaderValue::try_from(url).ok()) {
        headers.insert("reelgate-media-url", url);
    }
}

/// A body as uploads take it.
fn stream_of(
    body: Body,
) -> impl futures_util::Stream<Item = Result<bytes::Bytes, crate::uploads::BytesError>> + Unpin + Send {
    use futures_util::StreamExt;
    body.into_data_stream()
        .map(|next| next.map_err(|error| crate::uploads::BytesError::CutShort(error.to_string())))
}
