//! `/v1/event-endpoints`: where the application's events are pushed, and how that goes.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use reelgate_model::Scope;
use reelgate_store::Endpoint;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::Body;
use super::when::rfc3339;
use crate::app::App;
use crate::events::endpoint::{self, VENDOR, Wanted};
use crate::events::type_words;
use crate::http::{Caller, Manage, Origin, Problem};

/// How long the secret before stays good when the caller does not say, and at most.
const OVERLAP: u64 = 86_400;
const MAX_OVERLAP: u64 = 30 * 86_400;

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointAnswer {
    /// Its id.
    id: String,
    /// Address that events are posted to.
    url: String,
    /// `vendor3`, `vendor2` or `standard`.
    shape: String,
    /// `file`: the next event about a file waits for the one before; `none`: it does not.
    order: String,
    /// Type words: `*` all of the vendor's, `reelgate.*` all of ours, a name, or `-` and a name to leave it out.
    types: Vec<String>,
    /// Whether it is the NotificationUrl of the cloud API's ModifyEventConfig.
    vendor: bool,
    /// Whether new events are handed to it.
    enabled: bool,
    /// `ok`, `failing` or `disabled`.
    state: &'static str,
    /// Since when every attempt has failed. RFC 3339.
    failing_since: Option<String>,
    /// What the last attempt met, if it failed.
    last_error: String,
    /// RFC 3339.
    disabled_at: Option<String>,
    /// Why it is disabled.
    disabled_reason: String,
    /// What its pushes are signed with, newest first, without what they are.
    secrets: Vec<SecretAnswer>,
    /// Deliveries on their way or waiting; counted up to 10,000. What has not been handed over yet waits in the log and is not in it.
    pending: u64,
    /// Deliveries that were given up; counted up to 10,000.
    dead: u64,
    /// RFC 3339.
    created_at: String,
}

/// A secret of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretAnswer {
    /// Its id.
    id: String,
    /// RFC 3339.
    created_at: String,
    /// Until when it signs; null: until another takes its place.
    expires_at: Option<String>,
}

/// All endpoints.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointList {
    /// Oldest first.
    endpoints: Vec<EndpointAnswer>,
}

/// An endpoint, and the secret that is told this once.
#[derive(Serialize, ToSchema)]
pub struct EndpointWithSecret {
    /// The endpoint.
    endpoint: EndpointAnswer,
    /// `whsec_…` for Standard Webhooks, a SignKey for the vendor's shapes; null if its pushes are not signed.
    secret: Option<String>,
}

/// An endpoint to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEndpoint {
    /// `http` or `https` URL. It must lead to a public address, or into `events.allow_targets`.
    url: String,
    /// `vendor3` (default): the vendor's 3.0 format; `vendor2`: its old 2.0 format; `standard`: Standard Webhooks.
    shape: Option<String>,
    /// `file` (default) or `none`.
    order: Option<String>,
    /// Type words. Default: `["*"]`.
    types: Option<Vec<String>>,
    /// What pushes are signed with: `whsec_…` for Standard Webhooks (made up if left out), 1 to 32 letters and digits for the vendor's
    /// shapes (not signed if left out).
    secret: Option<String>,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEndpoint {
    /// As when it is made.
    url: Option<String>,
    /// As when it is made. Rotate the secret when the other shape needs another form.
    shape: Option<String>,
    /// As when it is made.
    order: Option<String>,
    /// As when it is made.
    types: Option<Vec<String>>,
}

/// Another secret.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotateSecret {
    /// The new one; made up if left out.
    secret: Option<String>,
    /// How long the one before stays good, 0 to 2592000. Default: 86400. Standard Webhooks are signed with both meanwhile; the vendor's
    /// shapes have room for one signature, which is the older one's until it ends.
    overlap_seconds: Option<u64>,
}

/// A test that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestAnswer {
    /// The event; its delivery is at `GET /v1/deliveries?endpoint=…`.
    event_id: String,
}

/// List the event endpoints
#[utoipa::path(
    get, path = "/v1/event-endpoints", tag = "events",
    responses((status = 200, body = EndpointList), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub async fn list(State(app): State<App>, caller: Caller<Manage>) -> Result<Json<EndpointList>, Problem> {
    let mut endpoints = Vec::new();
    for endpoint in app.store.read().await?.endpoints(&caller.scope).await? {
        // The vendor's one is there before it has an address.
        if !endpoint.settings.url.is_empty() {
            endpoints.push(answer(&app, endpoint).await?);
        }
    }
    Ok(Json(EndpointList { endpoints }))
}

/// Make an event endpoint
///
/// It gets the events from now on, at least once. Success is any 2xx in time; else the event is sent again with growing
/// pauses (`events.retry`). The headers `Reelgate-Event-Id` and `Reelgate-Event-Seq` come with every push.
#[utoipa::path(
    post, path = "/v1/event-endpoints", tag = "events", request_body = NewEndpoint,
    responses(
        (status = 201, body = EndpointWithSecret), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Body(asked): Body<NewEndpoint>,
) -> Result<(StatusCode, Json<EndpointWithSecret>), Problem> {
    let wanted = Wanted { url: Some(asked.url), shape: asked.shape, order: asked.order, types: asked.types };
    let remote = origin.client.to_string();
    let given = asked.secret.map(SecretString::from);
    let (endpoint, secret) = endpoint::create(&app, &caller.scope, wanted, given, remote).await?;
    let secret = secret.map(|secret| secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(EndpointWithSecret { endpoint: answer(&app, endpoint).await?, secret })))
}

/// Show an event endpoint
#[utoipa::path(
    get, path = "/v1/event-endpoints/{id}", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = EndpointAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller<Manage>,
    Path(id): Path<String>,
) -> Result<Json<EndpointAnswer>, Problem> {
    Ok(Json(answer(&app, endpoint::get(&app, &caller.scope, &id).await?).await?))
}

/// Change an event endpoint
///
/// What it has not taken yet goes to the new address, in the new shape.
#[utoipa::path(
    patch, path = "/v1/event-endpoints/{id}", tag = "events", request_body = ChangeEndpoint,
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = EndpointAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn change(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Path(id): Path<String>,
    Body(asked): Body<ChangeEndpoint>,
) -> Result<Json<EndpointAnswer>, Problem> {
    let wanted = Wanted { url: asked.url, shape: asked.shape, order: asked.order, types: asked.types };
    not_vendors(&app, &caller.scope, &id, wanted.url.is_some()).await?;
    let changed = endpoint::change(&app, &caller.scope, &id, wanted, origin.client.to_string()).await?;
    Ok(Json(answer(&app, changed).await?))
}

/// Remove an event endpoint
///
/// What it has not taken yet is given up.
#[utoipa::path(
    delete, path = "/v1/event-endpoints/{id}", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
pub async fn remove(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    not_vendors(&app, &caller.scope, &id, true).await?;
    endpoint::remove(&app, &caller.scope, &id, origin.client.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate an endpoint's secret
#[utoipa::path(
    post, path = "/v1/event-endpoints/{id}/rotate-secret", tag = "events", request_body = RotateSecret,
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = EndpointWithSecret), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn rotate_secret(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Path(id): Path<String>,
    asked: Option<Body<RotateSecret>>,
) -> Result<Json<EndpointWithSecret>, Problem> {
    let asked = asked.map(|Body(asked)| asked).unwrap_or_default();
    let overlap = asked.overlap_seconds.unwrap_or(OVERLAP);
    if overlap > MAX_OVERLAP {
        let sentence = format!("overlap_seconds {overlap} is more than {MAX_OVERLAP}");
        return Err(Problem::unprocessable("overlap_out_of_range", sentence));
    }
    let remote = origin.client.to_string();
    let (overlap, given) = (Duration::from_secs(overlap), asked.secret.map(SecretString::from));
    let (endpoint, secret) =
        endpoint::rotate_secret(&app, &caller.scope, &id, given, overlap, remote).await?;
    let secret = Some(secret.expose_secret().to_owned());
    Ok(Json(EndpointWithSecret { endpoint: answer(&app, endpoint).await?, secret }))
}

/// Test an endpoint
///
/// A made-up NewFileUpload, marked as a test (header `Reelgate-Event-Test`), goes to this endpoint alone.
#[utoipa::path(
    post, path = "/v1/event-endpoints/{id}/test", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 202, body = TestAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
pub async fn test(
    State(app): State<App>,
    caller: Caller<Manage>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<TestAnswer>), Problem> {
    let event_id = endpoint::test(&app, &caller.scope, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(TestAnswer { event_id })))
}

/// Enable an endpoint
///
/// It gets what happens from now on; what it missed can be replayed.
#[utoipa::path(
    post, path = "/v1/event-endpoints/{id}/enable", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = EndpointAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn enable(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Json<EndpointAnswer>, Problem> {
    not_vendors(&app, &caller.scope, &id, true).await?;
    let endpoint = endpoint::enable(&app, &caller.scope, &id, origin.client.to_string()).await?;
    Ok(Json(answer(&app, endpoint).await?))
}

/// Disable an endpoint
///
/// What it has not taken yet is given up; nothing accumulates for it.
#[utoipa::path(
    post, path = "/v1/event-endpoints/{id}/disable", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = EndpointAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn disable(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Json<EndpointAnswer>, Problem> {
    not_vendors(&app, &caller.scope, &id, true).await?;
    let endpoint = endpoint::disable(&app, &caller.scope, &id, origin.client.to_string()).await?;
    Ok(Json(answer(&app, endpoint).await?))
}

/// The NotificationUrl has one place where it is set.
async fn not_vendors(app: &App, scope: &Scope, id: &str, matters: bool) -> Result<(), Problem> {
    if matters && endpoint::get(app, scope, id).await?.role == VENDOR {
        return Err(Problem::conflict(
            "this is the NotificationUrl; address and mode are set by ModifyEventConfig of the cloud API",
        ));
    }
    Ok(())
}

async fn answer(app: &App, endpoint: Endpoint) -> Result<EndpointAnswer, Problem> {
    let counts = app.store.read().await?.delivery_counts(&endpoint.id).await?;
    let secrets = endpoint::secrets(app, &endpoint.id).await?.into_iter().map(|secret| SecretAnswer {
        id: secret.id,
        created_at: rfc3339(secret.created_at),
        expires_at: secret.expires_at.map(rfc3339),
    });
    Ok(EndpointAnswer {
        state: match (endpoint.enabled, endpoint.failing_since) {
            (false, _) => "disabled",
            (true, Some(_)) => "failing",
            (true, None) => "ok",
        },
        url: endpoint.settings.url,
        shape: endpoint.settings.shape,
        order: endpoint.settings.ordering,
        types: type_words(&endpoint.settings.types),
        vendor: endpoint.role == VENDOR,
        enabled: endpoint.enabled,
        failing_since: endpoint.failing_since.map(rfc3339),
        last_error: endpoint.last_error,
        disabled_at: endpoint.disabled_at.map(rfc3339),
        disabled_reason: endpoint.disabled_reason,
        secrets: secrets.collect(),
        pending: counts.pending,
        dead: counts.dead,
        created_at: rfc3339(endpoint.created_at),
        id: endpoint.id,
    })
}
