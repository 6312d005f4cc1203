//! `/v1`: the JSON API of backends, of the console and of the command line. Errors are RFC 9457 problem details.

pub mod apps;
mod asking;
pub mod console_session;
pub mod deliveries;
pub mod event_endpoint;
pub mod event_endpoints;
pub mod event_replays;
pub mod events;
pub mod events_stream;
pub mod explain_signature;
mod input;
pub mod issue_signature;
pub mod issue_signatures;
pub mod keys;
pub mod media;
pub mod media_answer;
mod openapi;
pub mod procedures;
pub mod receiver;
pub mod revocations;
pub mod sample_signature;
mod sign_in_limit;
pub mod signature_log;
pub mod timeline;
pub mod timeline_stream;
mod when;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use reelgate_model::FileId;

pub use openapi::document;
pub use when::rfc3339;

use super::Problem;
use crate::app::App;
use sign_in_limit::SignInLimit;

/// Routes of the role `api`. Those of the signature service are in `http/router.rs`, with its role.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/apps", get(apps::list).post(apps::create))
        .route("/v1/apps/{id}/revoke", post(apps::revoke))
        .route("/v1/console/session", get(console_session::session))
        .route("/v1/console/sign-in", post(console_session::sign_in).layer(Extension(SignInLimit::default())))
        .route("/v1/console/sign-out", post(console_session::sign_out))
        .route(
            "/v1/event-endpoint",
            get(event_endpoint::show).put(event_endpoint::set).delete(event_endpoint::remove),
        )
        .route("/v1/event-endpoints", get(event_endpoints::list).post(event_endpoints::create))
        .route(
            "/v1/event-endpoints/{id}",
            get(event_endpoints::show).patch(event_endpoints::change).delete(event_endpoints::remove),
        )
        .route("/v1/event-endpoints/{id}/rotate-secret", post(event_endpoints::rotate_secret))
        .route("/v1/event-endpoints/{id}/test", post(event_endpoints::test))
        .route("/v1/event-endpoints/{id}/enable", post(event_endpoints::enable))
        .route("/v1/event-endpoints/{id}/disable", post(event_endpoints::disable))
        .route("/v1/deliveries", get(deliveries::list))
        .route("/v1/deliveries/{id}", get(deliveries::show))
        .route("/v1/deliveries/{id}/replay", post(deliveries::replay))
        .route("/v1/events", get(events::list))
        .route("/v1/events/stream", get(events_stream::stream))
        .layer(Extension(events_stream::OpenEventStreams::default()))
        .route("/v1/events/replay", post(event_replays::replay))
        .route("/v1/events/trigger", post(event_replays::trigger))
        .route("/v1/keys", get(keys::list).post(keys::create))
        .route("/v1/keys/{id}/revoke", post(keys::revoke))
        .route("/v1/keys/{id}/rotate", post(keys::rotate))
        .route("/v1/media", get(media::list))
        .route("/v1/media/{file_id}", get(media::show))
        .route("/v1/media/{file_id}/timeline", get(timeline::show))
        .route(
            "/v1/media/{file_id}/timeline/stream",
            get(timeline_stream::stream).layer(Extension(timeline_stream::OpenStreams::default())),
        )
        .route("/v1/openapi.json", get(openapi::serve))
        .route("/v1/procedures", get(procedures::list))
        .route("/v1/receiver", get(receiver::show))
        .route("/v1/revocations", get(revocations::list).post(revocations::revoke))
        .route("/v1/signature-log", get(signature_log::list))
        .route_layer(from_fn(refuse_nul))
}

/// Paths and queries name rows, and PostgreSQL does not even look for a text with NUL in it.
async fn refuse_nul(request: Request, next: Next) -> Result<Response, Problem> {
    let uri = request.uri();
    if uri.path_and_query().is_some_and(|text| text.as_str().contains("%00")) {
        return Err(Problem::invalid("the address holds %00, which is in no name here; leave it out"));
    }
    Ok(next.run(request).await)
}

/// Entries of a page when the caller does not say, and at most.
const PAGE: std::ops::RangeInclusive<u32> = 1..=200;
const DEFAULT_PAGE: u32 = 50;

fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(DEFAULT_PAGE);
    if PAGE.contains(&limit) {
        return Ok(limit);
    }
    let sentence = format!("limit {limit} is outside {} to {}", PAGE.start(), PAGE.end());
    Err(Problem::unprocessable("limit_out_of_range", sentence))
}

/// A FileId that a query or a body names.
fn named_file(text: &str) -> Result<FileId, Problem> {
    let malformed = |_| {
        let short: String = text.chars().take(80).collect();
        let sentence = format!("file_id {short:?} is not decimal digits below 2^63");
        Problem::unprocessable("file_id_malformed", sentence)
    };
    text.parse().map_err(malformed)
}
