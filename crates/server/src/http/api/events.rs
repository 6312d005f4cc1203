//! `GET /v1/events`: the log, read by cursor; as a page, or (with `Accept: text/event-stream`) as a stream.

#![expect(unused_qualifications, reason = "the code that utoipa writes for query parameters has them")]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};
use reelgate_model::{FileId, Scope};
use reelgate_store::{Cursor, LogRead};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::events_stream::{self, OpenEventStreams};
use super::input::Query;
use crate::app::App;
use crate::events::own::{self, OwnEvent};
use crate::http::{Caller, Problem, Read};
use crate::listen::Stopping;

/// Events looked at for one page of a reader that wants only some of them.
const LOOKED_AT: u32 = 2_000;
/// The word for the end of the log.
const END: &str = "end";

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// In the order of the log.
    events: Vec<OwnEvent>,
    /// To be given as `after` next time, also when there are no events.
    next: String,
    /// Whether there may be more at once.
    more: bool,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// `next` of the page before, or the `cursor` of an event; `end`: no history. Default: from the oldest event that is kept.
    after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    limit: Option<u32>,
    /// Of these types only, separated by commas.
    r#type: Option<String>,
    /// About this file only.
    file_id: Option<String>,
}

/// What a reader wants of the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    types: Vec<String>,
    file: Option<FileId>,
}

impl Filter {
    pub(super) fn of(query: &EventsQuery) -> Result<Self, Problem> {
        let types = query.r#type.as_deref().unwrap_or_default().split(',').map(str::trim);
        let file = query.file_id.as_deref().filter(|text| !text.is_empty());
        Ok(Self {
            types: types.filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            file: file.map(super::named_file).transpose()?,
        })
    }

    fn wants(&self, event: &reelgate_store::Event) -> bool {
        (self.types.is_empty() || self.types.contains(&event.kind))
            && (self.file.is_none() || event.file == self.file)
    }
}

/// A stretch of the log as one reader wants it.
pub(super) struct Stretch {
    pub(super) events: Vec<OwnEvent>,
    pub(super) next: Cursor,
    /// Whether to look again at once.
    pub(super) more: bool,
    /// Whether a slower writer holds something back.
    pub(super) held_back: bool,
}

/// Read the log
///
/// Every event of the application, once, in an order that never changes; nothing appears before a cursor later. 410 with the code
/// `cursor_reset` (the database was restored) or `cursor_expired` (the reader was away for longer than events are kept) has a
/// member `start`, from which to go on. With `Accept: text/event-stream` the answer is the stream of `/v1/events/stream`.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(EventsQuery),
    responses(
        (status = 200, body = EventPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Read>,
    streams: Extension<OpenEventStreams>,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Problem> {
    if wants_stream(&headers) {
        let stream = events_stream::follow(app, caller, streams, stopping, &headers, query).await?;
        return Ok(stream.into_response());
    }
    let (limit, filter) = (super::limit(query.limit)?, Filter::of(&query)?);
    let cursor = match query.after.as_deref() {
        None | Some("") => start(&app).await?,
        Some(END) => end(&app).await?,
        Some(text) => cursor(text)?,
    };
    match read(&app, &caller.scope, &cursor, limit, &filter).await? {
        Ok(Stretch { events, next, more, .. }) => {
            Ok(Json(EventPage { events, next: next.to_string(), more }).into_response())
        }
        Err(lost) => Ok(lost.answer()),
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|one| one.trim().starts_with("text/event-stream"))
}

/// A cursor that cannot be gone on from.
#[derive(Debug, Serialize)]
pub(super) struct Lost {
    pub(super) code: &'static str,
    pub(super) start: String,
}

impl Lost {
    fn answer(&self) -> Response {
        let detail = match self.code {
            "cursor_reset" => {
                "the database was restored since this cursor was given: events may have been lost or come again; go on from start"
            }
            _ => {
                "events after this cursor are not kept any more; go on from start, and ask for the rest elsewhere"
            }
        };
        Problem::new(StatusCode::GONE, self.code, detail).with_start(&self.start).into_response()
    }
}

/// Reads on from a cursor, past what the filter leaves out.
pub(super) async fn read(
    app: &App,
    scope: &Scope,
    cursor: &Cursor,
    limit: u32,
    filter: &Filter,
) -> Result<Result<Stretch, Lost>, Problem> {
    let (mut next, mut events, mut looked_at) = (cursor.clone(), Vec::new(), 0);
    loop {
        let page = match app.store.read().await?.events_after(scope, &next, limit).await? {
            LogRead::Page(page) => page,
            LogRead::Reset(start) => return Ok(Err(Lost { code: "cursor_reset", start: start.to_string() })),
            LogRead::Expired(start) => {
                return Ok(Err(Lost { code: "cursor_expired", start: start.to_string() }));
            }
        };
        let count = u32::try_from(page.events.len()).unwrap_or(u32::MAX);
        looked_at += count;
        for event in page.events {
            if filter.wants(&event) {
                let event =
                    own::render(&event, &next.epoch).map_err(|error| Problem::internal(&error.into()))?;
                events.push(event);
            }
            // A full page ends where its last event is, whatever the store has read beyond.
            if events.len() == limit as usize {
                let last = events.last().and_then(|last| last.cursor.parse().ok());
                let next = last.unwrap_or_else(|| page.next.clone());
                return Ok(Ok(Stretch { events, next, more: true, held_back: false }));
            }
        }
        next = page.next;
        let full = count == limit;
        if !full || !events.is_empty() || looked_at >= LOOKED_AT {
            return Ok(Ok(Stretch { events, next, more: full, held_back: page.held_back }));
        }
    }
}

pub(super) async fn start(app: &App) -> Result<Cursor, Problem> {
    Ok(app.store.read().await?.log_start().await?)
}

pub(super) async fn end(app: &App) -> Result<Cursor, Problem> {
    Ok(app.store.read().await?.log_end().await?)
}

/// Where a stream begins: after what its client has seen, or now.
pub(super) async fn place(app: &App, headers: &HeaderMap, query: &EventsQuery) -> Result<Cursor, Problem> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
    match last.or(query.after.as_deref()) {
        None | Some("" | END) => end(app).await,
        Some(text) => cursor(text),
    }
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(|error: reelgate_store::ParseCursorError| {
        Problem::unprocessable("cursor_malformed", error.to_string())
    })
}
