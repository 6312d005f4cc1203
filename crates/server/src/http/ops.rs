//! What operators and their machines ask: is it alive, is it ready, how is it doing.

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::app::App;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder; later calls do nothing. Returns the task-free handle that renders it.
pub fn install_metrics() {
    if let Ok(handle) = PrometheusBuilder::new().install_recorder() {
        let _ = METRICS.set(handle);
    }
}

/// `GET /healthz`: the process answers.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers too; 503 with a sentence otherwise.
pub(super) async fn ready(State(app): State<App>) -> impl IntoResponse {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

/// `GET /metrics`: Prometheus text.
pub(super) async fn metrics() -> impl IntoResponse {
    let text = METRICS.get().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default())
}
