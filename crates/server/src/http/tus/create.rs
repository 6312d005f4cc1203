//! `POST /files`: create an upload, with its first bytes if the client likes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use reelgate_wire::tus::{Metadata, bytes};
use sha2::{Digest, Sha256};

use super::refusal::Refused;
use super::{Call, patch, signature, tell_media};
use crate::http::range::date;
use crate::uploads::Permit;
use crate::uploads::tus::create::{self as uploads, New};

pub(super) async fn create(call: &Call, body: Body) -> Result<Response, Refused> {
    if call.headers.contains_key("upload-defer-length") || call.headers.contains_key("upload-concat") {
        let detail = "Upload-Defer-Length and Upload-Concat are not offered; send Upload-Length";
        return Err(Refused::new(StatusCode::BAD_REQUEST, "not_offered", detail));
    }
    let length = bytes("Upload-Length", call.header("upload-length"))?;
    if length == 0 {
        let detail = "Upload-Length is 0; a video has bytes";
        return Err(Refused::new(StatusCode::BAD_REQUEST, "upload_refused", detail));
    }
    let sent = call.header("upload-metadata").unwrap_or_default();
    let metadata = Metadata::parse(sent)?;
    let permit = Permit::verify(&call.app, &signature::of(call, &metadata)?).await?;
    if length > permit.max_size {
        let most = permit.max_size;
        let detail = format!("Upload-Length {length} is more than the {most} bytes this permission allows");
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let hash = hex::encode(Sha256::digest(format!("tus {length} {sent}")));
    let file_name = metadata.text("filename").or_else(|| metadata.text("name")).unwrap_or_default();
    let metadata = metadata.without(signature::KEY).to_header();
    let new = New { file_name, length, metadata };
    let _turn = call.app.turns.take().await;
    let (id, found) = uploads::create(&call.app, &permit, new, call.origin.client.to_string(), hash).await?;
    drop(_turn);

    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    let location = format!("{}/files/{id}", call.origin.public_url(&call.app));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(expires) = date(found.session.request.expires_at) {
        headers.insert("upload-expires", expires);
    }
    let mut stored = found.upload.stored;
    if patch::has_bytes(call) && stored == 0 {
        // Whatever becomes of them, the upload is created: the client asks for the offset and goes on.
        match patch::append(call, &id, 0, body).await {
            Ok(appended) => {
                stored = appended.stored;
                if let Some(committed) = &appended.committed {
                    tell_media(headers, committed);
                }
            }
            Err(error) => tracing::debug!(%error, "the first bytes of a new upload did not all arrive"),
        }
    }
    headers.insert("upload-offset", HeaderValue::from(stored));
    Ok(response)
}
