//! The object door: the COS XML API and S3 as far as upload clients use them (wire reference 3). Both are spoken on every
//! address; the signature says which (`dialect`).
//!
//! A request goes through the same gates in the same order: preflight, address, signature and bucket (`authenticate`),
//! key, then its operation, one file each. Whatever happens, the answer has CORS headers and a request id.

mod abort;
mod address;
mod authenticate;
mod bucket;
mod complete;
mod decorate;
mod delete;
mod dialect;
mod error;
mod get;
mod initiate;
mod list_objects;
mod list_parts;
mod list_uploads;
mod payload;
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

use self::dialect::BodyForm;
use self::error::CosError;
use self::payload::Payload;
use self::query::Query;
use crate::app::App;
use crate::listen::AccessNote;
use crate::uploads::access::{Holder, Writer};

/// One verified request, on its way to its operation.
struct Call {
    app: App,
    address: Address,
    holder: Holder,
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
    let query = Query::of(&parts.uri)?;
    let authenticated = authenticate::authenticate(&app, &address, &parts, &query).await;
    if authenticated.is_err() && parts.method == Method::HEAD && address.key.is_empty() {
        // The region race: any answer counts, unsigned too, and a private bucket says 403.
        return Err(CosError::new(ErrorCode::AccessDenied, "this bucket is private"));
    }
    let (holder, form) = authenticated?;
    let call = Call { app, address, holder, query, headers: parts.headers };
    if call.address.key.is_empty() {
        return match parts.method {
            Method::HEAD => Ok(bucket::head(&call)),
            Method::GET if call.query.has("uploads") => list_uploads::list(&call).await,
            Method::GET if call.query.has("location") => Ok(bucket::location(&call)),
            Method::GET if bucket::is_listing(&call.query) => list_objects::list(&call).await,
            _ => Err(not_offered(&parts.method, "a bucket")),
        };
    }
    if matches!(parts.method, Method::GET | Method::HEAD) && !call.query.has("uploadid") {
        if !call.holder.may_read(&call.address.key) {
            return Err(not_yours());
        }
        return get::get(&call, &parts.method).await;
    }
    let writer = call.holder.writer(&call.app, &call.address.key).await?.ok_or_else(not_yours)?;
    operation(&call, &writer, &parts.method, form, body).await
}

fn not_yours() -> CosError {
    let sentence = "the key is not one of this upload session's; use the storagePath of the Apply answer";
    CosError::new(ErrorCode::AccessDenied, sentence)
}

async fn operation(
    call: &Call,
    writer: &Writer,
    method: &Method,
    form: BodyForm,
    body: Body,
) -> Result<Response, CosError> {
    let upload_id = call.query.get("uploadid");
    match (method, upload_id) {
        (&Method::POST, None) if call.query.has("uploads") => initiate::initiate(call, writer).await,
        (&Method::PUT, _) if call.headers.contains_key("x-amz-copy-source") => Err(no_copies()),
        (&Method::PUT, _) if call.headers.contains_key("x-cos-copy-source") => Err(no_copies()),
        (&Method::PUT, Some(id)) => {
            let payload = Payload::new(&call.headers, form, body)?;
            upload_part::upload(call, writer, id, payload).await
        }
        (&Method::GET, Some(id)) => list_parts::list(call, writer, id).await,
        (&Method::POST, Some(id)) => complete::complete(call, writer, id, form, body).await,
        (&Method::DELETE, Some(id)) => abort::abort(call, writer, id).await,
        (&Method::DELETE, None) => delete::delete(call, writer).await,
        (&Method::PUT, None) => put::put(call, writer, Payload::new(&call.headers, form, body)?).await,
        _ => Err(not_offered(method, "an object")),
    }
}

fn no_copies() -> CosError {
    CosError::new(ErrorCode::NotImplemented, "objects cannot be copied here; upload the bytes")
}

fn not_offered(method: &Method, what: &str) -> CosError {
    let sentence = format!("{method} with these parameters is not offered on {what} here");
    CosError::new(ErrorCode::MethodNotAllowed, sentence)
}

/// An XML answer.
fn xml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
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
