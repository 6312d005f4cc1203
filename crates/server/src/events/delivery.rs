//! Delivery: the log is handed to every endpoint, and each event is sent until it is taken or given up.
//!
//! An endpoint is served in one unit of work: deliveries that are due are claimed under a lease, and when fewer wait than
//! can be sent, a page of the log is handed over by the endpoint's cursor. So nothing is skipped or handed over twice, and a
//! backlog stays in the log until there is room. What came of an attempt is written in another unit. A process that dies in
//! between costs time only: the lease runs out and the event is sent again.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use reelgate_model::Scope;
use reelgate_store::{Delivery, Endpoint, StoreError, Taken, Topic};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::attempt::Sender;
use super::flights::Flights;
use super::push;
use super::settle;
use super::target::Targets;
use crate::app::App;

/// Endpoints looked at, and served, in one step.
const ENDPOINTS: u32 = 500;
const SERVED_TOGETHER: usize = 32;
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

/// An endpoint as it was when its deliveries were claimed.
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    /// What its pushes are signed with, newest first; or why that is not known. The other endpoints are served all the same.
    secrets: Result<Vec<SecretString>, String>,
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

    /// Serves every endpoint for which there is something to do and room. Returns how long nothing is to be done, as far as is
    /// known.
    async fn advance(&self, flights: &mut Flights) -> Result<Duration> {
        let (mut more, mut after) = (false, String::new());
        loop {
            let now = self.0.app.clock.now();
            let mut read = self.0.app.store.read().await?;
            let waiting = read.endpoints_to_serve(now, &after, ENDPOINTS).await?;
            let held_back = read.has_held_back().await?;
            drop(read);
            let last_page = waiting.len() < ENDPOINTS as usize;
            if let Some(last) = waiting.last() {
                after.clone_from(&last.id);
            }
            let mut waiting = waiting.into_iter();
            loop {
                let asked = flights.plan(&mut waiting, SERVED_TOGETHER);
                if asked.is_empty() {
                    break;
                }
                more |= self.serve(flights, asked).await?;
            }
            if last_page {
                return Ok(match (more, held_back) {
                    (true, _) => Duration::ZERO,
                    (false, true) => HELD_BACK,
                    (false, false) => Duration::from_millis(rand::random_range(POLL_MS)),
                });
            }
        }
    }

    /// Claims for some endpoints in one unit, and sends in the background. Returns whether one of them could be given more.
    async fn serve(&self, flights: &mut Flights, asked: Vec<(Endpoint, usize)>) -> Result<bool> {
        let app = &self.0.app;
        let lease = app.config.events.timeout + LEASE_MARGIN;
        let take = app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let now = tx.now();
                let mut taken = Vec::new();
                for (endpoint, room) in asked {
                    let one = tx.take_deliveries(&endpoint, lease, room).await?;
                    let sealed = match one.deliveries.is_empty() {
                        true => Vec::new(),
                        false => tx.endpoint_secrets(&endpoint.id, now).await?,
                    };
                    taken.push((endpoint, sealed, one));
                }
                Ok(taken)
            })
        });
        let mut more = false;
        for (endpoint, sealed, Taken { deliveries, more: rest }) in
            take.await.context("deliveries cannot be claimed")?
        {
            let secrets = push::open_secrets(&app.vault, &endpoint.id, &sealed)
                .map_err(|error| format!("the endpoint's secret cannot be opened: {error:#}"));
            let target = Arc::new(Target { endpoint, secrets });
            for delivery in deliveries {
                let (courier, target) = (self.clone(), Arc::clone(&target));
                let id = target.endpoint.id.clone();
                flights.launch(id, async move { courier.deliver(delivery, target).await });
            }
            more |= rest && flights.room(&target.endpoint) > 0;
        }
        Ok(more)
    }

    async fn deliver(&self, delivery: Delivery, target: Arc<Target>) {
        let (id, endpoint) = (delivery.id(), delivery.endpoint.clone());
        match self.try_deliver(delivery, &target).await {
            Ok(()) => {}
            // The lease ran out and somebody else sends it now or has, or the endpoint is gone: that record counts.
            Err(StoreError::Stale) => {
                tracing::warn!(
                    delivery.id = id,
                    endpoint.id = endpoint,
                    "a delivery ended that was not this process's any more"
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

    async fn try_deliver(&self, delivery: Delivery, target: &Target) -> Result<(), StoreError> {
        let app = &self.0.app;
        let event = {
            let mut read = app.store.read().await?;
            read.event(&Scope::system(delivery.app), delivery.place).await?
        };
        let Some(event) = event else {
            return settle::give_up(app, delivery, "the event is not in the log any more".to_owned()).await;
        };
        let sender = &self.0.sender;
        let secrets = match &target.secrets {
            Ok(secrets) => secrets,
            // Not the event's fault, and mended by the right master key or another secret: it is tried again.
            Err(error) => {
                let outcome = sender.not_sent(&delivery, error.clone());
                return settle::settle(app, delivery, &target.endpoint, outcome).await;
            }
        };
        let settings = &target.endpoint.settings;
        match push::pack(&event, &settings.shape, secrets, app.clock.now()) {
            Ok(Some(push)) => {
                let outcome = sender.send(&settings.url, &delivery, push).await;
                settle::settle(app, delivery, &target.endpoint, outcome).await
            }
            Ok(None) => {
                let reason = "the endpoint's shape has no such event".to_owned();
                settle::give_up(app, delivery, reason).await
            }
            Err(error) => {
                tracing::error!(event.id = event.id, %error, source = ?error.source(), "an event cannot be sent");
                settle::give_up(app, delivery, error.to_string()).await
            }
        }
    }
}
