//! Answers of the play door.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reelgate_objects::ObjectsError;
use sha2::{Digest, Sha256};

use super::resolve::{Target, nothing, resolve};
use super::types;
use crate::app::App;
use crate::http::Problem;
use crate::http::range::{Part, Version, condition, content_range, date, part};

/// Nothing served here may act as a page; pictures and media may still be shown by themselves.
const POLICY: &str =
    "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'";
/// What players on other origins may read.
const EXPOSED: &str = "Accept-Ranges, Content-Length, Content-Range, Content-Type, Date, ETag, Last-Modified";

/// `GET` and `HEAD /play/{application}/{file}/{name}` and `/play/{application}/{file}/{directory}/{path}`.
pub(in crate::http) async fn file(
    State(app): State<App>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let mut response = match answer(&app, &path, &method, &headers).await {
        Ok(response) => response,
        Err(problem) => {
            let mut response = problem.into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    };
    guard(response.headers_mut());
    response
}

/// `OPTIONS`: any page may play, with ranges and conditions.
pub(in crate::http) async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    guard(headers);
    let allowed = "Range, If-Range, If-None-Match, If-Modified-Since";
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// On every answer, refusals included.
fn guard(headers: &mut HeaderMap) {
    let always: [(HeaderName, &'static str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

async fn answer(app: &App, path: &str, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let target = resolve(app, path).await?;
    let failed = |error: ObjectsError| match error {
        ObjectsError::NotFound(_) => nothing(path),
        other => Problem::internal(&other.into()),
    };
    let size = app.objects().head(&target.blob).await.map_err(failed)?;
    let version = Version { etag: etag(&target, size), modified: target.since };
    // Ranges are defined for GET alone.
    let part = match *method {
        Method::HEAD => condition(headers, &version).unwrap_or(Part::Whole),
        _ => part(headers, &version, size),
    };
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::Range(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
        Part::Failed => return Ok(StatusCode::PRECONDITION_FAILED.into_response()),
        Part::Unsatisfiable => return Ok(unsatisfiable(size)),
    };
    let length = range.end - range.start;
    let content_range = (status == StatusCode::PARTIAL_CONTENT).then(|| content_range(&range, size));
    let body = if method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        Body::from_stream(app.objects().read(&target.blob, Some(range)).await.map_err(failed)?.stream)
    };
    let mut response = (status, body).into_response();
    let answered = response.headers_mut();
    describe(answered, &target, &version);
    if status != StatusCode::NOT_MODIFIED {
        answered.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(value) = content_range.and_then(|text| HeaderValue::try_from(text).ok()) {
        answered.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, target: &Target, version: &Version) {
    let unknown = HeaderValue::from_static(types::UNKNOWN);
    let content_type = HeaderValue::try_from(&target.content_type).unwrap_or(unknown.clone());
    if content_type == unknown {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let cache = match (target.output, target.private) {
        (true, false) => "public, max-age=31536000, immutable",
        (false, false) => "public, no-cache",
        // A verdict can be taken back: every play asks again.
        (_, true) => "private, no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(etag) = HeaderValue::try_from(&version.etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(date) = date(version.modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
}

fn unsatisfiable(size: u64) -> Response {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
        format!("the wanted range lies behind the end of a file of {size} bytes"),
    );
    let mut response = problem.into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// Blobs are named once and never change, so the name stands for the bytes.
fn etag(target: &Target, size: u64) -> String {
    let digest = Sha256::digest(target.blob.as_str());
    format!("\"{}-{size:x}\"", hex::encode(&digest[..8]))
}
