//! `/v1/apps`: the account's applications.

#![expect(unused_qualifications, reason = "the code that utoipa writes for query parameters has them")]

use axum::Json;
use axum::extract::{Path, State};
use reelgate_model::AppId;
use reelgate_store::App as Application;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::{Body, Query};
use super::when::rfc3339;
use crate::app::App;
use crate::http::{Admin, Caller, Origin, Problem};
use crate::library::apps::{self, AppsError, NewApplication};

/// One application (the vendor's SubAppId).
#[derive(Debug, Serialize, ToSchema)]
pub struct AppAnswer {
    /// Its id, decimal.
    id: String,
    /// What people call it.
    name: String,
    /// Whether its media stay private until the verdict.
    private: bool,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null while it is enabled.
    revoked_at: Option<String>,
}

/// A page of applications.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppPage {
    /// By id.
    items: Vec<AppAnswer>,
    /// What to give as `after` for the next page; null at the end.
    next: Option<String>,
}

/// An application to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApp {
    /// Its id; left out: drawn.
    #[serde(default)]
    id: Option<String>,
    /// What people call it.
    name: String,
    /// Whether its media stay private until the verdict. Default: false.
    #[serde(default)]
    private: bool,
}

/// Where a page begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AppsQuery {
    /// `next` of the page before.
    after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    limit: Option<u32>,
}

/// List applications
#[utoipa::path(
    get, path = "/v1/apps", tag = "account", params(AppsQuery),
    responses((status = 200, body = AppPage), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Admin>,
    Query(query): Query<AppsQuery>,
) -> Result<Json<AppPage>, Problem> {
    let limit = super::limit(query.limit)?;
    let after = query.after.map(|after| app_id(&after)).transpose()?;
    let found = apps::list(&app, &caller.scope, after, limit).await?;
    let next =
        (found.len() == limit as usize).then(|| found.last().map(|last| last.id.to_string())).flatten();
    Ok(Json(AppPage { items: found.into_iter().map(answer).collect(), next }))
}

/// Create an application
#[utoipa::path(
    post, path = "/v1/apps", tag = "account", request_body = CreateApp,
    responses(
        (status = 200, body = AppAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<Admin>,
    origin: Origin,
    Body(request): Body<CreateApp>,
) -> Result<Json<AppAnswer>, Problem> {
    let id = request.id.map(|id| app_id(&id)).transpose()?;
    let new = NewApplication { id, name: request.name, private: request.private };
    let made = apps::create(&app, &caller.scope, new, origin.client.to_string()).await?;
    Ok(Json(answer(made)))
}

/// Revoke an application
///
/// Nothing is accepted for it from then on; its media stay.
#[utoipa::path(
    post, path = "/v1/apps/{id}/revoke", tag = "account", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = AppAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller<Admin>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Json<AppAnswer>, Problem> {
    let revoked = apps::revoke(&app, &caller.scope, app_id(&id)?, origin.client.to_string()).await?;
    Ok(Json(answer(revoked)))
}

/// An application id as callers write it.
pub(super) fn app_id(text: &str) -> Result<AppId, Problem> {
    text.parse().map_err(|error: reelgate_model::ParseIdError| Problem::invalid(error.to_string()))
}

fn answer(app: Application) -> AppAnswer {
    AppAnswer {
        id: app.id.to_string(),
        name: app.name,
        private: app.private,
        created_at: rfc3339(app.created_at),
        revoked_at: app.revoked_at.map(rfc3339),
    }
}

impl From<AppsError> for Problem {
    fn from(error: AppsError) -> Self {
        let sentence = error.to_string();
        match error {
            AppsError::NotMain { .. } => Self::forbidden(sentence),
            AppsError::Name(_) => Self::unprocessable("name_out_of_range", sentence),
            AppsError::Exists(_) | AppsError::Main(_) => Self::conflict(sentence),
            AppsError::NotFound(_) => Self::not_found(sentence),
            AppsError::Store(cause) => cause.into(),
        }
    }
}
