//! `GET /v1/receiver`: how the real cloud's events reach this server.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::when::rfc3339;
use crate::app::App;
use crate::config::Mode;
use crate::events::receive;
use crate::http::{Admin, Caller, Origin, Problem};

/// The receiver.
#[derive(Serialize, ToSchema)]
pub struct ReceiverAnswer {
    /// To be set as NotificationUrl in the cloud's event configuration. Whoever knows it can write into the log unless SignKeys are
    /// configured: keep it.
    callback_url: String,
    /// Whether callbacks must be signed (`tencent.sign_keys`).
    callbacks_checked: bool,
    /// Whether events are pulled from the cloud's queue (`tencent.pull`).
    pulls: bool,
    /// Up to when the log was compared with what the cloud has. RFC 3339.
    reconciled_until: Option<String>,
}

/// Show the receiver
///
/// Only in `mode = "tencent"`.
#[utoipa::path(
    get, path = "/v1/receiver", tag = "events",
    responses(
        (status = 200, body = ReceiverAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    _caller: Caller<Admin>,
    origin: Origin,
) -> Result<Json<ReceiverAnswer>, Problem> {
    let Mode::Tencent(account) = &app.config.mode else {
        return Err(Problem::not_found("events of the real cloud are received in mode = \"tencent\" only"));
    };
    let base =
        app.config.public_url.clone().unwrap_or_else(|| format!("{}://{}", origin.scheme, origin.host));
    let until = receive::reconcile::until(&app).await.map_err(|error| Problem::internal(&error.into()))?;
    Ok(Json(ReceiverAnswer {
        callback_url: format!("{base}/callbacks/vod/{}", receive::callback_token(&app, account)),
        callbacks_checked: !account.sign_keys.is_empty(),
        pulls: account.pull,
        reconciled_until: until.map(rfc3339),
    }))
}
