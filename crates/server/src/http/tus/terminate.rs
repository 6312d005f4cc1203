//! `DELETE /files/{id}`: give an upload up.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::refusal::Refused;
use super::{Call, signature};
use crate::uploads::tus::{find, finish};

pub(super) async fn terminate(call: &Call, id: &str) -> Result<Response, Refused> {
    let found = find(&call.app, id).await?;
    signature::check(call, &found).await?;
    finish::terminate(&call.app, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
