//! The application's backend: a real HTTP server that gets the events and keeps them as they came.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use reelgate_wire::vod::{Event, EventContent};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Largest event accepted, bytes.
const LARGEST: usize = 16 << 20;

/// A listening receiver; it ends when this is dropped.
pub(super) struct Receiver {
    url: String,
    arrived: watch::Receiver<Vec<Arrived>>,
    serving: JoinHandle<()>,
}

/// One request with an event in it.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// Header `Reelgate-Event-Id`.
    pub(super) id: String,
    /// Header `Reelgate-Event-Seq`.
    pub(super) seq: String,
    /// Bytes of the body.
    pub(super) length: usize,
    /// The body, read as the vendor's 3.0 event.
    pub(super) event: Event,
}

impl Receiver {
    /// Listens on a free port of the loopback.
    pub(super) async fn start() -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the receiver has no port")?;
        let address = listener.local_addr().context("the receiver has no address")?;
        let (keep, arrived) = watch::channel(Vec::new());
        let router = Router::new()
            .route("/events", post(receive))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(keep);
        let serving = tokio::spawn(async move {
            // Ends with this process; a receiver that fails shows as an event that never arrives.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url: format!("http://{address}/events"), arrived, serving })
    }

    /// Where events are to be posted.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The first event that `pick` takes, waited for at most `limit`. An event that is delivered again under the id
    /// it had before is the same event; another id for the same thing is an error.
    pub(super) async fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        pick: impl Fn(&Event) -> Option<T>,
    ) -> Result<(Arrived, T)> {
        let mut arrived = self.arrived.clone();
        let found =
            timeout(limit, arrived.wait_for(|all| all.iter().any(|one| pick(&one.event).is_some()))).await;
        let all = match found {
            Ok(Ok(all)) => all.clone(),
            Ok(Err(_)) => return Err(anyhow!("the receiver stopped before {what} arrived")),
            Err(_) => {
                let count = self.arrived.borrow().len();
                return Err(anyhow!(
                    "{what} did not arrive within {} s; {count} other events did",
                    limit.as_secs()
                ));
            }
        };
        let mut picked = all.iter().filter_map(|one| Some((one, pick(&one.event)?)));
        let (first, content) = picked.next().expect("one was found a moment ago");
        match picked.find(|(other, _)| other.id != first.id) {
            Some((other, _)) => Err(anyhow!("{what} arrived as two events, {} and {}", first.id, other.id)),
            None => Ok((first.clone(), content)),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(
    State(keep): State<watch::Sender<Vec<Arrived>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let content: EventContent = serde_json::from_slice(&body).map_err(|error| {
        (StatusCode::BAD_REQUEST, format!("this is not an event of the vendor's form: {error}"))
    })?;
    let (id, seq) = (text("Reelgate-Event-Id"), text("Reelgate-Event-Seq"));
    if id.is_empty() {
        return Err((StatusCode::BAD_REQUEST, "the header Reelgate-Event-Id is missing".to_owned()));
    }
    keep.send_modify(|all| all.push(Arrived { id, seq, length: body.len(), event: content.event }));
    Ok(StatusCode::NO_CONTENT)
}
