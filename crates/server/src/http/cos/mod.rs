//! The object door: the COS XML API as far as official upload clients use it (wire reference 3).
//!
//! A request goes through the same gates in the same order: preflight, address, signature (`authenticate`), bucket
//! and key, then its operation, one file each. Whatever happens, the answer has CORS headers and a request id.

mod abort;
mod address;
mod authenticate;
mod complete;
mod decorate;
mod error;
mod head;
mod initiate;
mod list_parts;
mod list_uploads;
mod put;
mod query;
mod upload_part;

pub(super) use address::Address;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use reelgate_wire::cos::ErrorCode;
use serde_json::Value;

use self::error::CosError;
use self::query::Query;
use crate::app::App;
use crate::listen::AccessNote;
use crate::uploads::access::Writer;

/// One verified request, on its way to its operation.
struct Call {
    app: App,
    address: Address,
    writer: Writer,
    query: Query,
    headers: HeaderMap,
}

/// `/cos/{bucket}/{key}` on any host: for deployments without wildcard names.
pub(super) async fn path_style(State(app): State<App>, request: Request) -> Response {
    match Address::by_path(request.uri().path()) {
        Some(address) => serve(app, address, request).await,
        None => decorate::finish(
            request.headers(),
            CosError::new(ErrorCode::InvalidUri, "the path is not UTF-8 when percent-decoded")
                .into_response(),
        ),
    }
}

/// Answers a request of the object leg.
pub(super) async fn serve(app: App, address: Address, request: Request) -> Response {
    let asked = request.headers().clone();
    if request.method() == Method::OPTIONS {
        return decorate::finish(&asked, StatusCode::NO_CONTENT.into_response());
    }
    let head_only = request.method() == Method::HEAD;
    let (path, key) = (address.path.clone(), address.key.clone());
    let part = Query::of(request.uri()).ok().and_then(|query| query.get("partnumber").map(str::to_owned));
    let mut response = match route(app, address, request).await {
        Ok(response) => response,
        Err(error) => error.about(&path).into_response(),
    };
    if head_only {
        let (parts, _) = response.into_parts();
        response = Response::from_parts(parts, Body::empty());
    }
    let mut note = vec![("object", Value::from(key))];
    note.extend(part.map(|part| ("part", part.parse::<u32>().map_or(Value::Null, Value::from))));
    response.extensions_mut().insert(AccessNote(note));
    decorate::finish(&asked, response)
}

async fn route(app: App, address: Address, request: Request) -> Result<Response, CosError> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::HEAD && address.key.is_empty() {
        // The region race: any answer counts, unsigned too, and a private bucket says 403.
        return Err(CosError::new(ErrorCode::AccessDenied, "this bucket is private"));
    }
    let query = Query::of(&parts.uri)?;
    let writer = authenticate::authenticate(&app, &address, &parts, &query).await?;
    let bucket = format!("{}-{}", app.config.upload.bucket, writer.session.app);
    if address.bucket != bucket {
        let sentence = format!("the bucket of these credentials is {bucket}");
        return Err(CosError::new(ErrorCode::NoSuchBucket, sentence));
    }
    let call = Call { app, address, writer, query, headers: parts.headers };
    if call.address.key.is_empty() {
        return match parts.method {
            Method::GET if call.query.has("uploads") => list_uploads::list(&call).await,
            _ => Err(not_offered(&parts.method, "a bucket")),
        };
    }
    if !call.writer.may_write(&call.address.key) {
        let sentence = "the key is not one of this upload session's; use the storagePath of the Apply answer";
        return Err(CosError::new(ErrorCode::AccessDenied, sentence));
    }
    operation(&call, &parts.method, body).await
}

async fn operation(call: &Call, method: &Method, body: Body) -> Result<Response, CosError> {
    let upload_id = call.query.get("uploadid");
    match (method, upload_id) {
        (&Method::POST, None) if call.query.has("uploads") => initiate::initiate(call).await,
        (&Method::PUT, Some(id)) => upload_part::upload(call, id, body).await,
        (&Method::GET, Some(id)) => list_parts::list(call, id).await,
        (&Method::POST, Some(id)) => complete::complete(call, id, body).await,
        (&Method::DELETE, Some(id)) => abort::abort(call, id).await,
        (&Method::PUT, None) => put::put(call, body).await,
        (&Method::HEAD, None) => head::head(call).await,
        _ => Err(not_offered(method, "an object")),
    }
}

fn not_offered(method: &Method, what: &str) -> CosError {
    let sentence = format!("{method} with these parameters is not offered on {what} here");
    CosError::new(ErrorCode::MethodNotAllowed, sentence)
}

/// An XML answer.
fn xml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

/// The length that a body announces; the object leg takes none without (wire reference 3.5).
fn content_length(headers: &HeaderMap) -> Result<u64, CosError> {
    let value = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|text| text.parse().ok()).ok_or_else(|| {
        CosError::new(
            ErrorCode::MissingContentLength,
            "Content-Length is missing; send the length of the body",
        )
    })
}

/// `Content-MD5` as hex, if it is there.
fn content_md5(headers: &HeaderMap) -> Result<Option<String>, CosError> {
    use base64::Engine;
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_bytes()).unwrap_or_default();
    if bytes.len() == 16 {
        return Ok(Some(hex::encode(bytes)));
    }
    Err(CosError::new(ErrorCode::InvalidDigest, "Content-MD5 is not the base64 of 16 bytes"))
}
