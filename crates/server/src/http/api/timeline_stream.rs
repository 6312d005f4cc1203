//! `/v1/media/{file_id}/timeline/stream`: the timeline as it grows (server-sent events, WHATWG HTML section 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use http::StatusCode;
use reelgate_model::{FileId, Scope};
use reelgate_store::Topic;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use super::media_answer::MediaAnswer;
use super::{media, timeline};
use crate::app::App;
use crate::http::{Caller, Problem, Read};
use crate::listen::Stopping;

/// Streams that one process keeps open. Each looks at the rows of its file about once a second.
const MOST: usize = 64;
/// Looks without a hint come so often: parts arrive without one.
const FLOOR: Duration = Duration::from_secs(1);
/// Hints that come in quick succession cause one look.
const PAUSE: Duration = Duration::from_millis(200);
/// A comment goes out so often, so that proxies keep the connection and a client that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Places for streams of this process.
#[derive(Clone, Debug)]
pub struct OpenStreams(Arc<Semaphore>);

impl Default for OpenStreams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

/// One event of the stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineMessage {
    /// All that happened so far.
    #[serde(flatten)]
    timeline: timeline::Timeline,
    /// The media as it is now; null until it is committed.
    media: Option<MediaAnswer>,
}

struct Follower {
    app: App,
    scope: Scope,
    file: FileId,
    /// What was sent last.
    told: String,
    _place: OwnedSemaphorePermit,
}

/// Follow what happens to a file
///
/// Server-sent events named `timeline`, each with the whole timeline and the media: one at once, and one whenever something changed.
#[utoipa::path(
    get, path = "/v1/media/{file_id}/timeline/stream", tag = "media",
    params(("file_id" = String, Path, description = "FileId, decimal")),
    responses(
        (status = 200, body = TimelineMessage, content_type = "text/event-stream"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem),
    ),
)]
pub async fn stream(
    State(app): State<App>,
    caller: Caller<Read>,
    Extension(streams): Extension<OpenStreams>,
    stopping: Option<Extension<Stopping>>,
    Path(file): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let file = timeline::file_id(&file)?;
    let place = streams.0.try_acquire_owned().map_err(|_| {
        let sentence =
            format!("{MOST} timelines are being followed already; ask for the plain timeline instead");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", sentence)
    })?;
    // The first look decides whether there is anything to follow; what it finds is sent by the stream.
    timeline::of(&app, &caller.scope, file).await?;
    let follower = Follower { app, scope: caller.scope, file, told: String::new(), _place: place };
    let changes = stream::unfold(follower, |mut follower| async move {
        let text = follower.change().await?;
        Some((Ok(Event::default().event("timeline").data(text)), follower))
    });
    let stop = stopping.map(|Extension(stopping)| stopping).unwrap_or_default();
    let changes = changes.take_until(stop.0.cancelled_owned());
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

impl Follower {
    /// The timeline, as soon as it is not what was sent last. `None` ends the stream: the client comes again and is
    /// then told why.
    async fn change(&mut self) -> Option<String> {
        if !self.told.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let events = self.app.store.hints(Topic::Events).listen();
            let jobs = self.app.store.hints(Topic::Jobs).listen();
            let now = timeline::of(&self.app, &self.scope, self.file).await.ok()?;
            let media = media::of(&self.app, &self.scope, self.file).await.ok()?;
            let now = TimelineMessage { timeline: now, media };
            let text = serde_json::to_string(&now).expect("a timeline and a media have text keys only");
            if text != self.told {
                self.told.clone_from(&text);
                return Some(text);
            }
            tokio::select! {
                () = events.or_after(FLOOR) => {}
                () = jobs.or_after(FLOOR) => {}
            }
        }
    }
}
