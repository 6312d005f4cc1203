//! The app's event receiver: notes what comes and when, and takes it at a pace.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// One push.
pub(super) struct Arrival {
    /// `Reelgate-Event-Id`.
    pub(super) id: String,
    /// `Reelgate-Event-Seq`.
    pub(super) seq: u64,
    /// When its headers were read.
    pub(super) at: Instant,
}

/// A running receiver; ends with its runtime.
pub(super) struct Receiver {
    /// Where to send events.
    pub(super) url: String,
    /// What came, in order.
    pub(super) arrivals: UnboundedReceiver<Arrival>,
    pace: Pace,
}

/// Between two events that are taken; `None`: as they come.
type Pace = Arc<Mutex<Option<Arc<tokio::sync::Mutex<Interval>>>>>;

#[derive(Clone)]
struct Door {
    arrived: UnboundedSender<Arrival>,
    pace: Pace,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port for the receiver")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (arrived, arrivals) = unbounded_channel();
        let pace = Pace::default();
        let door = Door { arrived, pace: Arc::clone(&pace) };
        let router = Router::new().fallback(post(take)).with_state(door);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, arrivals, pace })
    }

    /// From now on takes one event in each `pause`.
    pub(super) fn set_pace(&self, pause: Option<Duration>) {
        let ticks = pause.map(|pause| {
            let mut ticks = interval(pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Arc::new(tokio::sync::Mutex::new(ticks))
        });
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = ticks;
    }
}

async fn take(State(door): State<Door>, headers: HeaderMap) -> StatusCode {
    let at = Instant::now();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let pace = door.pace.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(ticks) = pace {
        ticks.lock().await.tick().await;
    }
    let seq = text("reelgate-event-seq").parse().unwrap_or_default();
    // Nobody listens any more when the measurement has ended.
    let _ = door.arrived.send(Arrival { id: text("reelgate-event-id").to_owned(), seq, at });
    StatusCode::OK
}
