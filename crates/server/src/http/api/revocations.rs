//! `/v1/revocations`: taking permission back.

#![expect(unused_qualifications, reason = "the code that utoipa writes for query parameters has them")]

use axum::Json;
use axum::extract::State;
use reelgate_model::RevocationKind;
use reelgate_store::Revocation;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::{Body, Query};
use super::when::rfc3339;
use crate::app::App;
use crate::dispatch::revoke::{self, RevokeError};
use crate::http::{Caller, Manage, Origin, Problem, Read};

/// What is not to be good any more: exactly one of the first three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// One permission, by its `permission_id`.
    permission_id: Option<String>,
    /// Every permission of this user that was issued up to now.
    user: Option<String>,
    /// Every permission that was issued up to now with this API key (its public id), or through this entry of
    /// `dispatch.callers`.
    key: Option<String>,
    /// Why, for people. At most 200 characters.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// A revocation.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevocationAnswer {
    /// Grows with time.
    id: String,
    /// `permission`, `user` or `key`.
    kind: &'static str,
    /// The permission's id, the user or the key.
    subject: String,
    /// What was issued up to this moment is refused. RFC 3339.
    revoked_at: String,
    /// Why.
    reason: String,
    /// Who did it.
    by: String,
    /// Upload sessions that were open and have been ended; null in a list.
    sessions_ended: Option<u64>,
}

/// A page of revocations.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevocationPage {
    /// Newest first.
    items: Vec<RevocationAnswer>,
    /// To be given as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// Which revocations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevocationsQuery {
    /// `next` of the page before.
    after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    limit: Option<u32>,
}

/// Revoke permissions
///
/// From the answer on they are refused by every upload door of every node, and the upload sessions that were opened
/// with them have ended. Signatures for the real cloud (`mode = "tencent"`) stay good there until they expire.
/// A user or a key may get new permissions; to stop a key from asking for more, revoke the key itself.
#[utoipa::path(
    post, path = "/v1/revocations", tag = "signatures", request_body = RevokeRequest,
    responses(
        (status = 200, body = RevocationAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Body(request): Body<RevokeRequest>,
) -> Result<Json<RevocationAnswer>, Problem> {
    let named = [
        (RevocationKind::Permission, request.permission_id),
        (RevocationKind::User, request.user),
        (RevocationKind::Key, request.key),
    ];
    let mut named = named.into_iter().filter_map(|(kind, subject)| Some((kind, subject?)));
    let (Some((kind, subject)), None) = (named.next(), named.next()) else {
        let sentence = "name exactly one of permission_id, user and key";
        return Err(Problem::unprocessable("subject_missing", sentence));
    };
    let order = revoke::Order { kind, subject, reason: request.reason.unwrap_or_default() };
    let done = revoke::revoke(&app, &caller.scope, order, origin.client.to_string()).await?;
    Ok(Json(answer(done.revocation, Some(done.sessions_ended))))
}

/// List revocations
///
/// Newest first. They are kept until every signature they speak of has expired.
#[utoipa::path(
    get, path = "/v1/revocations", tag = "signatures", params(RevocationsQuery),
    responses((status = 200, body = RevocationPage), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Read>,
    Query(query): Query<RevocationsQuery>,
) -> Result<Json<RevocationPage>, Problem> {
    let limit = super::limit(query.limit)?;
    let found = app.store.read().await?.revocations(&caller.scope, query.after.as_deref(), limit).await?;
    let next = (found.len() == limit as usize).then(|| found.last().map(|last| last.id.clone())).flatten();
    Ok(Json(RevocationPage { items: found.into_iter().map(|one| answer(one, None)).collect(), next }))
}

fn answer(revocation: Revocation, sessions_ended: Option<u64>) -> RevocationAnswer {
    RevocationAnswer {
        id: revocation.id,
        kind: revocation.kind.as_str(),
        subject: revocation.subject,
        revoked_at: rfc3339(revocation.revoked_at),
        reason: revocation.reason,
        by: revocation.principal,
        sessions_ended,
    }
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        let sentence = error.to_string();
        match error {
            RevokeError::Subject { .. } => Self::unprocessable("subject_out_of_range", sentence),
            RevokeError::Reason(_) => Self::unprocessable("reason_out_of_range", sentence),
            RevokeError::Internal(cause) => Self::internal(&cause),
        }
    }
}
