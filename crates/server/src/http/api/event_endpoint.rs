//! `/v1/event-endpoint`: the short form for applications that need one endpoint and no choices. All of them are at
//! [`super::event_endpoints`].

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use reelgate_store::Endpoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::Body;
use super::when::rfc3339;
use crate::app::App;
use crate::events::endpoint::{self, EndpointError};
use crate::events::target::TargetError;
use crate::http::{Caller, Manage, Origin, Problem};

/// Where events are pushed.
#[derive(Debug, Serialize, ToSchema)]
pub struct MainEndpointAnswer {
    /// Address that events are posted to.
    url: String,
    /// Whether new events are sent to it.
    enabled: bool,
    /// RFC 3339.
    created_at: String,
}

/// Where events are to be pushed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetEndpoint {
    /// `http` or `https` URL. It must lead to a public address, or into `events.allow_targets`.
    url: String,
}

/// Show the event endpoint
#[utoipa::path(
    get, path = "/v1/event-endpoint", tag = "events",
    responses(
        (status = 200, body = MainEndpointAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller<Manage>,
) -> Result<Json<MainEndpointAnswer>, Problem> {
    Ok(Json(answer(endpoint::get_main(&app, &caller.scope).await?)))
}

/// Set the event endpoint
///
/// A new one gets the events from now on, in the vendor's 3.0 format with the headers `Reelgate-Event-Id` and
/// `Reelgate-Event-Seq`, at least once and in the order of each file. One that moves gets what it has not taken yet.
#[utoipa::path(
    put, path = "/v1/event-endpoint", tag = "events", request_body = SetEndpoint,
    responses(
        (status = 200, body = MainEndpointAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn set(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Body(request): Body<SetEndpoint>,
) -> Result<Json<MainEndpointAnswer>, Problem> {
    let endpoint = endpoint::set_main(&app, &caller.scope, &request.url, origin.client.to_string()).await?;
    Ok(Json(answer(endpoint)))
}

/// Remove the event endpoint
///
/// What it has not taken yet is given up.
#[utoipa::path(
    delete, path = "/v1/event-endpoint", tag = "events",
    responses(
        (status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn remove(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
) -> Result<StatusCode, Problem> {
    let main = endpoint::get_main(&app, &caller.scope).await?;
    endpoint::remove(&app, &caller.scope, &main.id, origin.client.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(endpoint: Endpoint) -> MainEndpointAnswer {
    MainEndpointAnswer {
        url: endpoint.settings.url,
        enabled: endpoint.enabled,
        created_at: rfc3339(endpoint.created_at),
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Target(target) => {
                let code = match target {
                    TargetError::Malformed(_) => "endpoint_url_malformed",
                    TargetError::Private { .. } => "endpoint_not_public",
                    TargetError::Unresolved { .. } => "endpoint_not_resolved",
                };
                Self::unprocessable(code, target.to_string())
            }
            EndpointError::NotFound => Self::not_found(error.to_string()),
            EndpointError::Types(_) => Self::unprocessable("event_types_malformed", error.to_string()),
            EndpointError::Shape(_) => Self::unprocessable("endpoint_shape_unknown", error.to_string()),
            EndpointError::Order(_) => Self::unprocessable("endpoint_order_unknown", error.to_string()),
            EndpointError::Secret(_) => Self::unprocessable("endpoint_secret_malformed", error.to_string()),
            EndpointError::TooMany => Self::unprocessable("too_many_endpoints", error.to_string()),
            EndpointError::Conflict(_) => Self::conflict(error.to_string()),
            EndpointError::Internal(cause) => Self::internal(&cause),
        }
    }
}
