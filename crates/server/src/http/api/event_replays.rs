//! `POST /v1/events/replay` and `/v1/events/trigger`: events that somebody asks for.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use reelgate_model::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::Body;
use crate::app::App;
use crate::events::replay::{self, Wanted};
use crate::events::sample;
use crate::http::{Caller, Manage, Origin, Problem};

/// Which events are to be sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// To this endpoint. Default: to all that are enabled.
    endpoint_id: Option<String>,
    /// Recorded from then on. RFC 3339. Default: all that is kept.
    since: Option<String>,
    /// Recorded until then. RFC 3339. Default: until now.
    until: Option<String>,
    /// Type words, as an endpoint has them. Default: those of the endpoint.
    types: Option<Vec<String>>,
    /// About this file.
    file_id: Option<String>,
    /// `dead`: only what was given up; `all` (default): also what was delivered, or never handed over.
    state: Option<String>,
}

/// What was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplaysAnswer {
    /// One for each endpoint.
    replays: Vec<ReplayAnswer>,
}

/// A replay.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayAnswer {
    /// Its id.
    id: String,
    /// To whom.
    endpoint_id: String,
}

/// A made-up event to be recorded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerRequest {
    /// `NewFileUpload`.
    r#type: String,
}

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriggerAnswer {
    /// The event.
    event_id: String,
    /// The file, which does not exist.
    file_id: String,
}

/// Send events again
///
/// In the order of each file, at the pace that the endpoint takes them. A receiver knows a repeat by `Reelgate-Event-Id`.
#[utoipa::path(
    post, path = "/v1/events/replay", tag = "events", request_body = ReplayRequest,
    responses(
        (status = 202, body = ReplaysAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn replay(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Body(asked): Body<ReplayRequest>,
) -> Result<(StatusCode, Json<ReplaysAnswer>), Problem> {
    let dead_only = match asked.state.as_deref() {
        None | Some("all") => false,
        Some("dead") => true,
        Some(other) => {
            let sentence = format!("state {other:?} is neither all nor dead");
            return Err(Problem::unprocessable("delivery_state_unknown", sentence));
        }
    };
    let wanted = Wanted {
        endpoint: asked.endpoint_id,
        since: asked.since.as_deref().map(|text| time("since", text)).transpose()?,
        until: asked.until.as_deref().map(|text| time("until", text)).transpose()?,
        types: asked.types,
        file: asked.file_id.as_deref().map(super::named_file).transpose()?,
        dead_only,
    };
    let started = replay::start(&app, &caller.scope, wanted, origin.client.to_string()).await?;
    let replays = started.into_iter().map(|(id, endpoint_id)| ReplayAnswer { id, endpoint_id }).collect();
    Ok((StatusCode::ACCEPTED, Json(ReplaysAnswer { replays })))
}

/// Record a made-up event
///
/// Every reader gets it, marked as a test: the header `Reelgate-Event-Test`, `"test": true`, and the name `reelgate-test`.
#[utoipa::path(
    post, path = "/v1/events/trigger", tag = "events", request_body = TriggerRequest,
    responses(
        (status = 202, body = TriggerAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn trigger(
    State(app): State<App>,
    caller: Caller<Manage>,
    Body(asked): Body<TriggerRequest>,
) -> Result<(StatusCode, Json<TriggerAnswer>), Problem> {
    if asked.r#type != "NewFileUpload" {
        let sentence = format!("type {:?} cannot be made up; NewFileUpload can", asked.r#type);
        return Err(Problem::unprocessable("event_type_unknown", sentence));
    }
    let (recorded, file) = sample::trigger(&app, &caller.scope).await?;
    Ok((StatusCode::ACCEPTED, Json(TriggerAnswer { event_id: recorded.id, file_id: file.to_string() })))
}

fn time(name: &str, text: &str) -> Result<Time, Problem> {
    let stamp: Timestamp = text.parse().map_err(|_| {
        let sentence = format!("{name} {text:?} is no time such as 2026-05-28T20:26:40Z");
        Problem::unprocessable("time_malformed", sentence)
    })?;
    Ok(Time(stamp.as_millisecond()))
}
