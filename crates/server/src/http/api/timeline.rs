//! `/v1/media/{file_id}/timeline`: all that happened to one file.

use axum::Json;
use axum::extract::{Path, State};
use reelgate_model::{FileId, Scope};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::when::rfc3339;
use crate::app::App;
use crate::http::{Caller, Problem, Read};
use crate::library::timeline;

/// All that happened to a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// In the order of time.
    pub(super) entries: Vec<TimelineEntry>,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// RFC 3339 with milliseconds.
    at: String,
    /// `permission`, `session`, `part`, `object`, `media`, `task`, `subtask`, `event`, `pull` or `delivery`.
    kind: &'static str,
    /// A sentence without full stop.
    title: String,
    /// Facts by name.
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
}

/// Tell what happened to a file
///
/// From the permission to the last delivery attempt. Also for files that are not committed yet.
#[utoipa::path(
    get, path = "/v1/media/{file_id}/timeline", tag = "media",
    params(("file_id" = String, Path, description = "FileId, decimal")),
    responses(
        (status = 200, body = Timeline), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller<Read>,
    Path(file): Path<String>,
) -> Result<Json<Timeline>, Problem> {
    let file = file_id(&file)?;
    Ok(Json(of(&app, &caller.scope, file).await?))
}

pub(super) fn file_id(text: &str) -> Result<FileId, Problem> {
    text.parse().map_err(|error: reelgate_model::ParseIdError| Problem::not_found(error.to_string()))
}

pub(super) async fn of(app: &App, scope: &Scope, file: FileId) -> Result<Timeline, Problem> {
    let entries = timeline::of(app, scope, file).await?.ok_or_else(|| {
        Problem::not_found(format!("application {} has no file {file}; check the FileId", scope.app()))
    })?;
    let entry = |entry: timeline::Entry| TimelineEntry {
        at: rfc3339(entry.at),
        kind: entry.kind.as_str(),
        title: entry.title,
        detail: entry.detail,
    };
    Ok(Timeline { entries: entries.into_iter().map(entry).collect() })
}
