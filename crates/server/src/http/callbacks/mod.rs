//! `POST /callbacks/vod/{token}`: the real cloud's callbacks (wire reference 5.1). Open in `mode = "tencent"` only.
//!
//! 200 means that the log has the event, or had it. Anything else makes the cloud try again, or leaves the event to the
//! puller and the reconciler.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use reelgate_model::Scope;
use reelgate_wire::vod::callback_sign;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::Problem;
use crate::app::App;
use crate::config::{Mode, Tencent};
use crate::events::receive;

/// Takes one event.
pub(super) async fn take(
    State(app): State<App>,
    Path(token): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let Mode::Tencent(account) = &app.config.mode else { return Err(unknown()) };
    if !bool::from(receive::callback_token(&app, account).as_bytes().ct_eq(token.as_bytes())) {
        return Err(unknown());
    }
    let body = body.map_err(unreadable)?;
    check_sign(&app, account, &body)?;
    let event = receive::prepare(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    let scope = Scope::system(app.main_app());
    receive::record(&app, &scope, vec![event]).await.map_err(|error| Problem::internal(&error.into()))?;
    Ok(Json(json!({"code": 0})))
}

fn check_sign(app: &App, account: &Tencent, body: &[u8]) -> Result<(), Problem> {
    if account.sign_keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = account.sign_keys.iter().map(ExposeSecret::expose_secret).collect();
    callback_sign::verify(body, &keys, app.clock.now().seconds()).map_err(|refusal| {
        tracing::warn!(%refusal, "a callback was refused");
        Problem::new(StatusCode::FORBIDDEN, "callback_not_signed", refusal.to_string())
    })
}

/// Too large, or cut off. The cloud's queue may still bring the event.
fn unreadable(rejection: BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "an event of more than 1 MiB is not taken",
        ),
        _ => Problem::invalid(rejection.body_text()),
    }
}

fn unknown() -> Problem {
    Problem::not_found("this is not the callback address; GET /v1/receiver says what it is")
}
