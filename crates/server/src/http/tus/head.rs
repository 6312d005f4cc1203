//! `HEAD /files/{id}`: how far an upload has come.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};

use super::refusal::Refused;
use super::{Call, signature, tell_media};
use crate::http::range::date;
use crate::uploads::tus::{TusError, find, finish, settle};

pub(super) async fn head(call: &Call, id: &str) -> Result<Response, Refused> {
    let found = find(&call.app, id).await?;
    signature::check(call, &found).await?;
    let found = settle(&call.app, id, found).await?;
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert("upload-offset", HeaderValue::from(found.upload.stored));
    headers.insert("upload-length", HeaderValue::from(found.upload.length));
    if let Ok(metadata) = HeaderValue::try_from(&found.upload.metadata)
        && !metadata.is_empty()
    {
        headers.insert("upload-metadata", metadata);
    }
    if let Some(expires) = date(found.session.request.expires_at)
        && !found.is_committed()
    {
        headers.insert("upload-expires", expires);
    }
    if found.upload.stored == found.upload.length {
        match finish::finish(&call.app, found).await {
            Ok(committed) => tell_media(response.headers_mut(), &committed),
            // The bytes are all there and stay there; why they are no media is told to whoever sent the last one.
            Err(TusError::Refused(refusal)) => tracing::debug!(%refusal, "a whole upload is no media"),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(response)
}
