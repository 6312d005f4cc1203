//! `/v1/events/stream`: the log as it grows (server-sent events, WHATWG HTML section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use reelgate_model::Scope;
use reelgate_store::{Cursor, Topic};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::events::{EventsQuery, Filter, Lost, place, read};
use super::input::Query;
use crate::app::App;
use crate::events::own::OwnEvent;
use crate::http::{Caller, Problem, Read};
use crate::listen::Stopping;

/// Streams that one process keeps open.
const MOST: usize = 256;
/// Events read at once.
const PAGE: u32 = 100;
/// Looks without a hint come so often.
const FLOOR: Duration = Duration::from_secs(1);
/// The next look when a slower writer holds events back.
const HELD_BACK: Duration = Duration::from_millis(20);
/// The next look after the database refused something.
const AFTER_ERROR: Duration = Duration::from_secs(2);
/// A comment goes out so often, so that proxies keep the connection and a client that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Places for streams of this process.
#[derive(Clone, Debug)]
pub struct OpenEventStreams(Arc<Semaphore>);

impl Default for OpenEventStreams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

/// What a stream sends.
type Events = Sse<KeepAliveStream<BoxStream<'static, Result<Event, Infallible>>>>;

struct Follower {
    app: App,
    scope: Scope,
    filter: Filter,
    cursor: Cursor,
    /// Read and not sent yet.
    waiting: VecDeque<OwnEvent>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

/// Follow the log
///
/// Server-sent events: the id is the cursor, the name the type, the data the event as in `/v1/events`. It begins after
/// `Last-Event-ID` or `after`, without either now, and goes on there without a gap when a client comes back. An event named `reelgate.reset`
/// (data: `code` and `start`) ends a stream whose cursor cannot be gone on from.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events", params(EventsQuery),
    responses(
        (status = 200, body = OwnEvent, content_type = "text/event-stream"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem),
    ),
)]
pub async fn stream(
    State(app): State<App>,
    caller: Caller<Read>,
    streams: Extension<OpenEventStreams>,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Events, Problem> {
    follow(app, caller, streams, stopping, &headers, query).await
}

pub(super) async fn follow(
    app: App,
    caller: Caller<Read>,
    Extension(streams): Extension<OpenEventStreams>,
    stopping: Option<Extension<Stopping>>,
    headers: &HeaderMap,
    query: EventsQuery,
) -> Result<Events, Problem> {
    let filter = Filter::of(&query)?;
    let cursor = place(&app, headers, &query).await?;
    let place = streams.0.try_acquire_owned().map_err(|_| {
        let sentence = format!("{MOST} streams are open already; read /v1/events page by page instead");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", sentence)
    })?;
    let waiting = VecDeque::new();
    let follower =
        Follower { app, scope: caller.scope, filter, cursor, waiting, ended: false, _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    let stop = stopping.map(|Extension(stopping)| stopping).unwrap_or_default();
    let events = events.take_until(stop.0.cancelled_owned()).boxed();
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

impl Follower {
    /// The next event, as soon as there is one.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(event) = self.waiting.pop_front() {
                let data = serde_json::to_string(&event).expect("an event has text keys only");
                return Some(Event::default().id(event.cursor).event(event.r#type).data(in_one_line(data)));
            }
            let hint = self.app.store.hints(Topic::Events).listen();
            let pause = match read(&self.app, &self.scope, &self.cursor, PAGE, &self.filter).await {
                Ok(Ok(stretch)) => {
                    self.cursor = stretch.next;
                    self.waiting.extend(stretch.events);
                    match (stretch.more || !self.waiting.is_empty(), stretch.held_back) {
                        (true, _) => continue,
                        (false, true) => HELD_BACK,
                        (false, false) => FLOOR,
                    }
                }
                Ok(Err(lost)) => return Some(self.end_with(&lost)),
                Err(_) => AFTER_ERROR,
            };
            hint.or_after(pause).await;
        }
    }

    fn end_with(&mut self, lost: &Lost) -> Event {
        self.ended = true;
        let data = serde_json::to_string(lost).expect("two texts");
        Event::default().event("reelgate.reset").data(data)
    }
}

/// JSON without line breaks, which are syntax in a stream. What came from the cloud is kept as it was written and may have them, always
/// between values: inside of a text they are escaped.
fn in_one_line(json: String) -> String {
    if json.contains(['\r', '\n']) { json.replace(['\r', '\n'], " ") } else { json }
}
