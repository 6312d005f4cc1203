//! `/v1/keys`: API keys, and the SecretIds that signatures are made with.

#![expect(unused_qualifications, reason = "the code that utoipa writes for query parameters has them")]

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use reelgate_model::{ApiScope, AppId};
use reelgate_store::{ApiKey, KeyApps, SecretKey};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::apps::app_id;
use super::input::{Body, Query};
use super::when::rfc3339;
use crate::app::App;
use crate::http::{Admin, Caller, Origin, Problem};
use crate::library::keys::{self, KeysError, Pair};

/// What a key is for.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Speaks to `/v1`.
    #[default]
    Api,
    /// A SecretId with its SecretKey: signs uploads.
    Secret,
}

/// One key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyAnswer {
    /// Public id; a SecretId for `secret`.
    id: String,
    /// What it is for.
    kind: KeyKind,
    /// Applications it is good for, decimal; null: all of the account.
    apps: Option<Vec<String>>,
    /// What people call it.
    name: String,
    /// What it may do; empty for `secret`.
    scopes: Vec<&'static str>,
    /// RFC 3339.
    created_at: String,
    /// When it ends by rotation, RFC 3339; null while it was not rotated.
    expires_at: Option<String>,
    /// RFC 3339; null while it is enabled.
    revoked_at: Option<String>,
}

/// A new key with its secret, which is never shown again.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    #[serde(flatten)]
    key: KeyAnswer,
    /// The API key itself, or the SecretKey; not there for a pair that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyPage {
    /// By id.
    items: Vec<KeyAnswer>,
    /// What to give as `after` for the next page; null at the end.
    next: Option<String>,
}

/// A key to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// What it is for. Default: `api`.
    #[serde(default)]
    kind: KeyKind,
    /// What people call it.
    name: String,
    /// For `api`: what it may do, of `sign`, `read`, `manage`, `review`, `admin`. Default: `sign` and `read`.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// Application it is good for. Default: the caller's for `api`, all for `secret`.
    #[serde(default)]
    app: Option<String>,
    /// For `secret`: a pair that exists elsewhere, such as the vendor's console; both or neither. It is not shown again.
    #[serde(default)]
    secret_id: Option<String>,
    /// See `secret_id`.
    #[serde(default)]
    secret_key: Option<String>,
}

/// How a key is followed by another.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotateKey {
    /// How long the old key stays good, seconds; at most 7776000 (90 days). Default: 86400 for an API key, 7776000 for a
    /// SecretId, so that no signature made with it fails before its time.
    overlap_seconds: Option<u64>,
    /// For a SecretId: a pair that exists elsewhere; both or neither.
    secret_id: Option<String>,
    /// See `secret_id`.
    secret_key: Option<String>,
}

/// Which keys.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KeysQuery {
    /// `api` (default) or `secret`.
    kind: Option<KeyKind>,
    /// For `api`: application whose keys are wanted. Default: the caller's.
    app: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    limit: Option<u32>,
}

/// List keys
#[utoipa::path(
    get, path = "/v1/keys", tag = "account", params(KeysQuery),
    responses((status = 200, body = KeyPage), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Admin>,
    Query(query): Query<KeysQuery>,
) -> Result<Json<KeyPage>, Problem> {
    let limit = super::limit(query.limit)?;
    let after = query.after.unwrap_or_default();
    let items: Vec<KeyAnswer> = match query.kind.unwrap_or_default() {
        KeyKind::Api => {
            let of = query.app.map(|of| app_id(&of)).transpose()?.unwrap_or(caller.scope.app());
            let found = keys::list_api(&app, &caller.scope, of, &after, limit).await?;
            found.into_iter().map(api_key).collect()
        }
        KeyKind::Secret => {
            let found = keys::list_secret(&app, &caller.scope, &after, limit).await?;
            found.into_iter().map(secret_key).collect()
        }
    };
    let next = (items.len() == limit as usize).then(|| items.last().map(|last| last.id.clone())).flatten();
    Ok(Json(KeyPage { items, next }))
}

/// Create a key
///
/// The secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", tag = "account", request_body = CreateKey,
    responses(
        (status = 200, body = CreatedKey), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<Admin>,
    origin: Origin,
    Body(request): Body<CreateKey>,
) -> Result<Json<CreatedKey>, Problem> {
    let of = request.app.as_deref().map(app_id).transpose()?;
    let remote = origin.client.to_string();
    let scope = &caller.scope;
    let was_given = request.secret_key.is_some();
    let (key, secret) = match request.kind {
        KeyKind::Api if request.secret_id.is_some() || request.secret_key.is_some() => {
            return Err(pair_out_of_place());
        }
        KeyKind::Api => {
            let (of, scopes) = (of.unwrap_or(scope.app()), scopes(request.scopes)?);
            let made = keys::create_api(&app, scope, of, request.name, scopes, remote).await?;
            (api_key(made.key), made.secret)
        }
        KeyKind::Secret if request.scopes.is_some() => {
            let sentence = "a SecretId has no scopes: it signs uploads; leave them out";
            return Err(Problem::unprocessable("scopes_out_of_place", sentence));
        }
        KeyKind::Secret => {
            let apps = of.map_or(KeyApps::All, |of| KeyApps::Listed(vec![of]));
            let made = keys::create_secret(
                &app,
                scope,
                apps,
                request.name,
                pair(request.secret_id, request.secret_key)?,
                remote,
            )
            .await?;
            (secret_key(made.key), made.secret)
        }
    };
    Ok(Json(created(key, &secret, was_given)))
}

/// Rotate a key
///
/// Makes another like it and lets this one end after an overlap. The secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys/{id}/rotate", tag = "account", params(("id" = String, Path, description = "Its public id")),
    request_body = Option<RotateKey>,
    responses(
        (status = 200, body = CreatedKey), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn rotate(
    State(app): State<App>,
    caller: Caller<Admin>,
    origin: Origin,
    Path(id): Path<String>,
    body: Option<Body<RotateKey>>,
) -> Result<Json<CreatedKey>, Problem> {
    const DAY: u64 = 86_400;

    let Body(request) = body.unwrap_or(Body(RotateKey::default()));
    let (scope, remote) = (&caller.scope, origin.client.to_string());
    let was_given = request.secret_key.is_some();
    let is_secret_id = app.store.read().await?.secret_key(&id).await?.is_some();
    let usual = if is_secret_id { keys::MAX_OVERLAP } else { DAY };
    let overlap = Duration::from_secs(request.overlap_seconds.unwrap_or(usual));
    let (key, secret) = if is_secret_id {
        let pair = pair(request.secret_id, request.secret_key)?;
        let made = keys::rotate_secret(&app, scope, &id, pair, overlap, remote).await?;
        (secret_key(made.key), made.secret)
    } else {
        if request.secret_id.is_some() || request.secret_key.is_some() {
            return Err(pair_out_of_place());
        }
        let made = keys::rotate_api(&app, scope, &id, overlap, remote).await?;
        (api_key(made.key), made.secret)
    };
    Ok(Json(created(key, &secret, was_given)))
}

fn pair(id: Option<String>, key: Option<String>) -> Result<Pair, Problem> {
    match (id, key) {
        (None, None) => Ok(Pair::New),
        (Some(id), Some(key)) => Ok(Pair::Given(id, SecretString::from(key))),
        _ => Err(Problem::unprocessable(
            "pair_incomplete",
            "secret_id and secret_key belong together; give both",
        )),
    }
}

fn pair_out_of_place() -> Problem {
    let sentence = "secret_id and secret_key are for the kind `secret`; leave them out";
    Problem::unprocessable("pair_out_of_place", sentence)
}

/// Revoke a key
///
/// An API key's console sessions end with it; signatures made with a revoked SecretId are refused.
#[utoipa::path(
    post, path = "/v1/keys/{id}/revoke", tag = "account", params(("id" = String, Path, description = "Its public id")),
    responses(
        (status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller<Admin>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    keys::revoke(&app, &caller.scope, &caller.key.id, &id, origin.client.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn scopes(words: Option<Vec<String>>) -> Result<Vec<ApiScope>, Problem> {
    let Some(words) = words else { return Ok(vec![ApiScope::Sign, ApiScope::Read]) };
    let parse = |word: &String| {
        word.parse().map_err(|_| {
            let known = ApiScope::ALL.map(ApiScope::as_str).join(", ");
            let sentence = format!("scope {word:?} is not known; scopes are {known}");
            Problem::unprocessable("scope_unknown", sentence)
        })
    };
    words.iter().map(parse).collect()
}

fn api_key(key: ApiKey) -> KeyAnswer {
    KeyAnswer {
        id: key.id,
        kind: KeyKind::Api,
        apps: Some(vec![key.app.to_string()]),
        name: key.name,
        scopes: key.scopes.into_iter().map(ApiScope::as_str).collect(),
        created_at: rfc3339(key.created_at),
        expires_at: key.expires_at.map(rfc3339),
        revoked_at: key.revoked_at.map(rfc3339),
    }
}

fn secret_key(key: SecretKey) -> KeyAnswer {
    let apps = match key.apps {
        KeyApps::All => None,
        KeyApps::Listed(apps) => Some(apps.iter().map(AppId::to_string).collect()),
    };
    KeyAnswer {
        id: key.secret_id,
        kind: KeyKind::Secret,
        apps,
        name: key.name,
        scopes: Vec::new(),
        created_at: rfc3339(key.created_at),
        expires_at: key.expires_at.map(rfc3339),
        revoked_at: key.revoked_at.map(rfc3339),
    }
}

fn created(key: KeyAnswer, secret: &SecretString, was_given: bool) -> CreatedKey {
    CreatedKey { key, secret: (!was_given).then(|| secret.expose_secret().to_owned()) }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        let sentence = error.to_string();
        match error {
            KeysError::NotMain { .. } => Self::forbidden(sentence),
            KeysError::Name(_) => Self::unprocessable("name_out_of_range", sentence),
            KeysError::NoScopes => Self::unprocessable("scopes_missing", sentence),
            KeysError::NoApp(_) => Self::unprocessable("app_unknown", sentence),
            KeysError::NotFound(_) | KeysError::NotRotated(_) => Self::not_found(sentence),
            KeysError::Overlap(_) => Self::unprocessable("overlap_out_of_range", sentence),
            KeysError::NotOurs => Self::unprocessable("pair_missing", sentence),
            KeysError::Pair => Self::unprocessable("pair_out_of_range", sentence),
            KeysError::Exists(_) => Self::conflict(sentence),
            KeysError::Own(_) => Self::conflict(sentence),
            KeysError::Internal(cause) => Self::internal(&cause),
        }
    }
}
