//! `/v1/deliveries`: what became of each event at each endpoint.

#![expect(unused_qualifications, reason = "the code that utoipa writes for query parameters has them")]

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use reelgate_model::{DeliveryState, Scope};
use reelgate_store::{Attempt, Delivery, DeliveryQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::Query;
use super::when::rfc3339;
use crate::app::App;
use crate::events::endpoint::shown;
use crate::events::replay::{self, ReplayError};
use crate::http::{Caller, Manage, Origin, Problem, Read};

/// One event to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryAnswer {
    /// Its id.
    id: String,
    /// To whom.
    endpoint_id: String,
    /// Its address without the query.
    endpoint_url: String,
    /// The event.
    event_id: String,
    /// Its type.
    r#type: String,
    /// The file it is about.
    file_id: Option<String>,
    /// `pending`, `delivered` or `dead`.
    state: String,
    /// Attempts since it was handed over, or asked for again.
    attempts: i64,
    /// Why it is dead.
    reason: String,
    /// When it is tried next; or, while it is being sent, when it is given to somebody else. RFC 3339.
    next_at: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    finished_at: Option<String>,
}

/// A delivery with every attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryWithTries {
    /// The delivery.
    #[serde(flatten)]
    delivery: DeliveryAnswer,
    /// In order; also those before a replay.
    tries: Vec<TryAnswer>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct TryAnswer {
    /// Grows; numbers are missing where a sender died.
    number: i64,
    /// RFC 3339.
    at: String,
    /// How long it took.
    duration_ms: u64,
    /// HTTP status; null: no HTTP answer came.
    status: Option<u16>,
    /// What went wrong.
    error: String,
    /// The first 1 KiB of the answer.
    answer: String,
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryPage {
    /// The newest events first.
    deliveries: Vec<DeliveryAnswer>,
    /// To be given as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// To this endpoint.
    endpoint: Option<String>,
    /// `pending`, `delivered` or `dead`.
    state: Option<String>,
    /// Of this event type.
    r#type: Option<String>,
    /// About this file.
    file_id: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    limit: Option<u32>,
}

impl DeliveriesQuery {
    fn wanted(self) -> Result<DeliveryQuery, Problem> {
        let state = self.state.filter(|word| !word.is_empty());
        let parse = |word: String| {
            word.parse::<DeliveryState>().map_err(|_| {
                let sentence = format!("state {word:?} is none of pending, delivered, dead");
                Problem::unprocessable("delivery_state_unknown", sentence)
            })
        };
        Ok(DeliveryQuery {
            endpoint: self.endpoint.unwrap_or_default(),
            state: state.map(parse).transpose()?,
            kind: self.r#type.unwrap_or_default(),
            file: self
                .file_id
                .filter(|text| !text.is_empty())
                .map(|text| super::named_file(&text))
                .transpose()?,
            before: self.after.as_deref().map(place).transpose()?.map(|(endpoint, seq)| (seq, endpoint)),
        })
    }
}

/// List deliveries
#[utoipa::path(
    get, path = "/v1/deliveries", tag = "events", params(DeliveriesQuery),
    responses(
        (status = 200, body = DeliveryPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Read>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<DeliveryPage>, Problem> {
    let limit = super::limit(query.limit)?;
    let wanted = query.wanted()?;
    let mut read = app.store.read().await?;
    let found = read.deliveries(&caller.scope, &wanted, limit).await?;
    drop(read);
    let next = found.last().filter(|_| found.len() == limit as usize).map(Delivery::id);
    let urls = urls(&app, &found).await?;
    let deliveries = found.into_iter().map(|one| answer(&urls, one)).collect();
    Ok(Json(DeliveryPage { deliveries, next }))
}

/// Show a delivery
///
/// With every attempt.
#[utoipa::path(
    get, path = "/v1/deliveries/{id}", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = DeliveryWithTries), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller<Read>,
    Path(id): Path<String>,
) -> Result<Json<DeliveryWithTries>, Problem> {
    let found = find(&app, &caller.scope, &id).await?;
    let tries = app.store.read().await?.attempts_of(&found).await;
    let tries = tries?.into_iter().map(attempt).collect();
    let urls = urls(&app, std::slice::from_ref(&found)).await?;
    Ok(Json(DeliveryWithTries { delivery: answer(&urls, found), tries }))
}

/// Send an event again
///
/// One that was delivered or given up. With a full set of attempts, before the later ones about its file that still wait.
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/replay", tag = "events", params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 202, body = DeliveryAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
pub async fn replay(
    State(app): State<App>,
    caller: Caller<Manage>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<DeliveryAnswer>), Problem> {
    let (endpoint, seq) = place(&id)?;
    let again = replay::one(&app, &caller.scope, &endpoint, seq, origin.client.to_string()).await?;
    let urls = urls(&app, std::slice::from_ref(&again)).await?;
    Ok((StatusCode::ACCEPTED, Json(answer(&urls, again))))
}

async fn find(app: &App, scope: &Scope, id: &str) -> Result<Delivery, Problem> {
    let (endpoint, seq) = place(id)?;
    let found = app.store.read().await?.delivery(scope, &endpoint, seq).await;
    found?.ok_or_else(|| ReplayError::NoDelivery.into())
}

/// `{endpoint}.{seq}`, as [`Delivery::id`] writes it.
fn place(id: &str) -> Result<(String, i64), Problem> {
    let parse = || {
        let (endpoint, seq) = id.split_once('.')?;
        Some((endpoint.to_owned(), seq.parse().ok()?))
    };
    parse().ok_or_else(|| Problem::invalid("this is not the id of a delivery; GET /v1/deliveries has them"))
}

async fn urls(app: &App, deliveries: &[Delivery]) -> Result<HashMap<String, String>, Problem> {
    let mut urls = HashMap::new();
    let mut read = app.store.read().await?;
    for delivery in deliveries {
        if !urls.contains_key(&delivery.endpoint) {
            let found = read.endpoint_by_id(&delivery.endpoint).await?;
            let url = found.map(|found| shown(&found.settings.url).to_owned()).unwrap_or_default();
            urls.insert(delivery.endpoint.clone(), url);
        }
    }
    Ok(urls)
}

fn answer(urls: &HashMap<String, String>, one: Delivery) -> DeliveryAnswer {
    DeliveryAnswer {
        id: one.id(),
        endpoint_url: urls.get(&one.endpoint).cloned().unwrap_or_default(),
        endpoint_id: one.endpoint,
        event_id: one.event_id,
        r#type: one.event_kind,
        file_id: one.file.map(|file| file.to_string()),
        state: one.state.as_str().to_owned(),
        attempts: one.tries,
        reason: one.reason,
        next_at: (one.state == DeliveryState::Pending).then(|| rfc3339(one.next_at)),
        created_at: rfc3339(one.created_at),
        finished_at: one.finished_at.map(rfc3339),
    }
}

fn attempt(one: Attempt) -> TryAnswer {
    TryAnswer {
        number: one.number,
        at: rfc3339(one.at),
        duration_ms: one.duration_ms,
        status: one.status,
        error: one.error,
        answer: one.answer,
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Types(_) => Self::unprocessable("event_types_malformed", error.to_string()),
            ReplayError::NoEndpoint => Self::unprocessable("no_endpoint", error.to_string()),
            ReplayError::NoDelivery => Self::not_found(error.to_string()),
            ReplayError::NotEnded => Self::conflict(error.to_string()),
            ReplayError::Internal(cause) => Self::internal(&cause),
        }
    }
}
