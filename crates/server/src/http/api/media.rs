//! `/v1/media`: the library.

use axum::Json;
use axum::extract::{Path, State};
use reelgate_model::{FileId, Scope, Time};

use super::input::Query;
use super::media_answer::{MediaAnswer, MediaPage, MediaQuery, summary, whole};
use super::timeline::file_id;
use crate::app::App;
use crate::http::{Caller, Problem, Read};
use crate::library::catalogue;

/// List media
///
/// Newest first.
#[utoipa::path(
    get, path = "/v1/media", tag = "media", params(MediaQuery),
    responses(
        (status = 200, body = MediaPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem),
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Read>,
    Query(query): Query<MediaQuery>,
) -> Result<Json<MediaPage>, Problem> {
    let limit = super::limit(query.limit)?;
    let before = query.after.as_deref().map(place).transpose()?;
    let found = catalogue::page(&app, &caller.scope, before, limit).await?;
    let last = found.last().filter(|_| found.len() == limit as usize);
    let next = last.map(|last| format!("{}.{}", last.media.created_at.0, last.media.file_id));
    Ok(Json(MediaPage { items: found.into_iter().map(|one| summary(&app, one)).collect(), next }))
}

/// Show a media
///
/// With what was found in it, what was made of it, and its review.
#[utoipa::path(
    get, path = "/v1/media/{file_id}", tag = "media",
    params(("file_id" = String, Path, description = "FileId, decimal")),
    responses(
        (status = 200, body = MediaAnswer), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller<Read>,
    Path(file): Path<String>,
) -> Result<Json<MediaAnswer>, Problem> {
    let file = file_id(&file)?;
    let found = of(&app, &caller.scope, file).await?;
    let sentence = || format!("application {} has no media {file}; check the FileId", caller.scope.app());
    found.map(Json).ok_or_else(|| Problem::not_found(sentence()))
}

/// The media, if it is committed.
pub(super) async fn of(app: &App, scope: &Scope, file: FileId) -> Result<Option<MediaAnswer>, Problem> {
    catalogue::whole(app, scope, file).await?.map(|found| whole(app, found)).transpose()
}

/// Where a page begins: the last entry of the page before.
fn place(cursor: &str) -> Result<(Time, FileId), Problem> {
    let parse = || {
        let (time, file) = cursor.split_once('.')?;
        Some((Time(time.parse().ok()?), file.parse().ok()?))
    };
    parse().ok_or_else(|| {
        Problem::invalid("after is not a `next` of this list; leave it out to begin at the newest")
    })
}
