//! Delivery: the log is handed to every endpoint, and each event is sent until it is taken or given up.
//!
//! Two steps. *Fan-out* follows the log by each endpoint's cursor and writes deliveries and the moved cursor in one unit, so
//! that no event is skipped and none is handed over twice. *Sending* claims due deliveries under a lease, posts them, and
//! writes what came of it. A process that dies in between costs time only: the lease runs out and the event is sent again.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use reelgate_model::{Scope, Time};
use reelgate_store::{Cursor, Delivery, Endpoint, Event, LogRead, StoreError, Topic, Tx};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{Outcome, Sender};
use super::target::Targets;
use super::{Fact, append, render};
use crate::app::App;

/// Events handed to one endpoint in one unit.
const PAGE: u32 = 100;
/// Endpoints looked at in one step.
const ENDPOINTS: u32 = 1000;
/// Requests on their way at once, to all endpoints together and to one.
const IN_FLIGHT: usize = 64;
const IN_FLIGHT_EACH: usize = 8;
/// How long a delivery stays with a sender that says nothing, beyond the time the endpoint has to answer.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// Looks without a hint come at least so often (milliseconds, drawn anew each time).
const POLL_MS: std::ops::Range<u64> = 750..1250;
/// The next look when a slower writer holds events back: its commit may come without a hint.
const HELD_BACK: Duration = Duration::from_millis(20);
/// The next look after the database refused something.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// Role `delivery`: runs until `stop`, then waits for the requests on their way.
pub async fn run(app: App, stop: CancellationToken) {
    let courier = match Courier::new(app) {
        Ok(courier) => courier,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "events are not delivered by this process");
            return;
        }
    };
    let hints = courier.0.app.store.hints(Topic::Events);
    let mut flights = Flights::default();
    while !stop.is_cancelled() {
        let hint = hints.listen();
        let pause = match courier.advance(&mut flights).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "handing events to endpoints failed; trying again"
                );
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = hint.or_after(pause) => {}
            () = flights.landing() => {}
            () = stop.cancelled() => {}
        }
    }
    flights.land_all().await;
}

/// Who hands over and sends. Any number of them may work on one database.
#[derive(Clone)]
pub struct Courier(Arc<Parts>);

struct Parts {
    app: App,
    sender: Sender,
}

impl Courier {
    /// A courier with an HTTP client of its own.
    pub fn new(app: App) -> Result<Self> {
        let events = &app.config.events;
        let sender = Sender::new(Targets::new(&events.allow_targets), app.clock.clone(), events.timeout)?;
        Ok(Self(Arc::new(Parts { app, sender })))
    }

    /// Hands over what the log has, sends what is due, and waits for it: everything that [`run`] does, once.
    /// Returns how many deliveries were sent, or given up unsent.
    pub async fn step(&self) -> Result<usize> {
        let mut flights = Flights::default();
        self.advance(&mut flights).await?;
        Ok(flights.land_all().await)
    }

    /// Returns how long nothing is to be done, as far as is known.
    async fn advance(&self, flights: &mut Flights) -> Result<Duration> {
        let more = self.fan_out().await?;
        self.take_off(flights).await?;
        Ok(match more {
            More::Now => Duration::ZERO,
            More::HeldBack => HELD_BACK,
            More::Nothing => Duration::from_millis(rand::random_range(POLL_MS)),
        })
    }

    async fn fan_out(&self) -> Result<More> {
        let behind = self.0.app.store.read().await?.endpoints_behind(ENDPOINTS).await?;
        let mut full = behind.len() == ENDPOINTS as usize;
        for endpoint in behind {
            full |= self.hand_over(&endpoint).await? == PAGE as usize;
        }
        if full {
            return Ok(More::Now);
        }
        let mut read = self.0.app.store.read().await?;
        let end = read.log_end().await?;
        match read.log_after(&end, 1).await? {
            LogRead::Page(page) if page.held_back => Ok(More::HeldBack),
            LogRead::Page(page) if page.events.is_empty() => Ok(More::Nothing),
            LogRead::Page(_) | LogRead::Reset(_) => Ok(More::Now),
        }
    }

    /// One page of the log to one endpoint. Returns how many events it held.
    async fn hand_over(&self, endpoint: &Endpoint) -> Result<usize> {
        let scope = Scope::system(endpoint.app);
        let mut read = self.0.app.store.read().await?;
        let cursor =
            Cursor { epoch: read.epoch().await?, txid: endpoint.cursor_txid, seq: endpoint.cursor_seq };
        let LogRead::Page(page) = read.events_after(&scope, &cursor, PAGE).await? else { return Ok(0) };
        drop(read);
        let (count, endpoint) = (page.events.len(), endpoint.clone());
        let handed = self.0.app.store.write(move |tx| {
            Box::pin(async move {
                for event in page.events.iter().filter(|event| render::is_vendor_kind(&event.kind)) {
                    tx.create_delivery(&endpoint, event).await?;
                }
                tx.move_endpoint(&endpoint, &page.next).await
            })
        });
        match handed.await {
            // Another process was first, or the endpoint has gone.
            Ok(()) | Err(StoreError::Stale) => Ok(count),
            Err(error) => Err(error).context("events cannot be handed to an endpoint"),
        }
    }

    /// Claims what is due, as far as there is room, and sends it in the background.
    async fn take_off(&self, flights: &mut Flights) -> Result<()> {
        let app = &self.0.app;
        let due = app.store.read().await?.endpoints_due(app.clock.now(), ENDPOINTS).await?;
        let lease = app.config.events.timeout + LEASE_MARGIN;
        for endpoint in due {
            let room = flights.room(&endpoint);
            if room == 0 {
                continue;
            }
            let claimed = app
                .store
                .write::<_, StoreError, _>(move |tx| {
                    Box::pin(async move { tx.claim_deliveries(&endpoint, lease, room).await })
                })
                .await?;
            for delivery in claimed {
                let courier = self.clone();
                flights.launch(delivery.endpoint.clone(), async move { courier.deliver(delivery).await });
            }
        }
        Ok(())
    }

    async fn deliver(&self, delivery: Delivery) {
        let (id, endpoint) = (delivery.id.clone(), delivery.endpoint.clone());
        match self.try_deliver(delivery).await {
            Ok(()) => {}
            // The lease ran out and somebody else sends it now, or has: that record counts.
            Err(StoreError::Stale) => {
                tracing::warn!(
                    delivery.id = id,
                    endpoint.id = endpoint,
                    "a delivery took longer than its lease"
                );
            }
            Err(error) => tracing::error!(
                delivery.id = id,
                endpoint.id = endpoint,
                %error,
                "a delivery could not be recorded; it is sent again when its lease has run out"
            ),
        }
    }

    async fn try_deliver(&self, delivery: Delivery) -> Result<(), StoreError> {
        let (endpoint, event) = {
            let mut read = self.0.app.store.read().await?;
            let endpoint = read.endpoint_by_id(&delivery.endpoint).await?;
            let scope = Scope::system(delivery.app);
            (endpoint, read.event(&scope, delivery.event_txid, delivery.event_seq).await?)
        };
        let Some(endpoint) = endpoint.filter(|endpoint| endpoint.removed_at.is_none()) else {
            return self.give_up(delivery, "the endpoint was removed").await;
        };
        let Some(event) = event else {
            return self.give_up(delivery, "the event is not in the log any more").await;
        };
        let body = match body_of(&event) {
            Ok(Some(body)) => body,
            Ok(None) => return self.give_up(delivery, "the endpoint's shape has no such event").await,
            Err(error) => {
                tracing::error!(event.id = event.id, %error, source = ?error.source(), "an event cannot be rendered");
                return self.give_up(delivery, "the event cannot be rendered in the endpoint's shape").await;
            }
        };
        let outcome = self.0.sender.send(&endpoint.url, &delivery, &event, body).await;
        self.settle(delivery, outcome).await
    }

    /// Writes what came of an attempt, and what follows from it, in one unit.
    async fn settle(&self, delivery: Delivery, outcome: Outcome) -> Result<(), StoreError> {
        let retry = self.0.app.config.events.retry.clone();
        let write = self.0.app.store.write(move |tx| {
            Box::pin(async move {
                let made = tx.attempts_made(&delivery).await?;
                tx.add_attempt(&delivery, &outcome.attempt).await?;
                if outcome.taken {
                    tx.complete_delivery(&delivery).await?;
                    return Ok("delivered");
                }
                match retry.get(made) {
                    Some(pause) => {
                        let next_at = next_at(tx.now(), *pause, outcome.retry_after);
                        tx.retry_delivery(&delivery, next_at).await?;
                        Ok("again")
                    }
                    None => bury(tx, &delivery, &outcome.attempt.error).await.map(|()| "dead"),
                }
            })
        });
        let word = write.await?;
        metrics::counter!("reelgate_delivery_attempts_total", "outcome" => word).increment(1);
        Ok(())
    }

    /// Ends a delivery that cannot be sent at all.
    async fn give_up(&self, delivery: Delivery, reason: &'static str) -> Result<(), StoreError> {
        let store = &self.0.app.store;
        store.write(move |tx| Box::pin(async move { bury(tx, &delivery, reason).await })).await
    }
}

enum More {
    Now,
    HeldBack,
    Nothing,
}

/// Gives a delivery up and says so in the log.
async fn bury(tx: &mut Tx, delivery: &Delivery, reason: &str) -> Result<(), StoreError> {
    tx.bury_delivery(delivery).await?;
    let fact = Fact::DeliveryDead {
        delivery_id: delivery.id.clone(),
        event_id: delivery.event_id.clone(),
        endpoint_id: delivery.endpoint.clone(),
        reason: reason.to_owned(),
    };
    append(tx, &Scope::system(delivery.app), delivery.file, &fact).await.map(drop)
}

fn body_of(event: &Event) -> Result<Option<Vec<u8>>, render::RenderError> {
    match serde_json::from_str(&event.fact) {
        Ok(fact) => render::vendor3(&fact),
        Err(error) => Err(render::RenderError::Unreadable { part: "fact", source: error }),
    }
}

/// The rule's pause, or the longer one that the endpoint asks for.
fn next_at(now: Time, pause: Duration, asked: Option<Duration>) -> Time {
    now + pause.max(asked.unwrap_or_default())
}

/// Deliveries on their way, counted by endpoint so that a slow one leaves room for the others.
#[derive(Default)]
struct Flights {
    tasks: JoinSet<String>,
    each: HashMap<String, usize>,
}

impl Flights {
    fn room(&self, endpoint: &str) -> usize {
        let own = IN_FLIGHT_EACH - self.each.get(endpoint).copied().unwrap_or(0);
        own.min(IN_FLIGHT - self.tasks.len())
    }

    fn launch(&mut self, endpoint: String, flight: impl Future<Output = ()> + Send + 'static) {
        *self.each.entry(endpoint.clone()).or_default() += 1;
        self.tasks.spawn(async move {
            // A task of its own: a panic must neither end the role nor keep the endpoint's place taken.
            if let Err(error) = tokio::spawn(flight).await {
                tracing::error!(endpoint.id = endpoint, %error, "a delivery broke off; its lease will run out");
            }
            endpoint
        });
    }

    /// Waits until one has ended; for ever when there is none.
    async fn landing(&mut self) {
        match self.tasks.join_next().await {
            Some(ended) => self.landed(ended),
            None => std::future::pending().await,
        }
    }

    async fn land_all(&mut self) -> usize {
        let mut count = 0;
        while let Some(ended) = self.tasks.join_next().await {
            self.landed(ended);
            count += 1;
        }
        count
    }

    fn landed(&mut self, ended: Result<String, tokio::task::JoinError>) {
        let Ok(endpoint) = ended else { return };
        if let Some(count) = self.each.get_mut(&endpoint) {
            *count -= 1;
            if *count == 0 {
                self.each.remove(&endpoint);
            }
        }
    }
}
