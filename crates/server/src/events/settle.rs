//! What follows from an attempt at a delivery: taken, tried again, given up; and what it says about the endpoint.

use std::time::Duration;

use reelgate_model::{Scope, Time};
use reelgate_store::{Delivery, Endpoint, StoreError, Tx};

use super::attempt::Outcome;
use super::flights::SLOWED_AFTER;
use super::{Fact, append, endpoint};
use crate::app::App;
use crate::config::Events;

/// A failing endpoint is left alone for a tenth of the time that it has been failing, within these.
const REST: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Writes what came of an attempt, and what follows from it, in one unit.
pub(super) async fn settle(
    app: &App,
    delivery: Delivery,
    endpoint: &Endpoint,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let (events, endpoint) = (app.config.events.clone(), endpoint.clone());
    let write = app.store.write(move |tx| {
        Box::pin(async move {
            tx.add_attempt(&delivery, &outcome.attempt).await?;
            if outcome.taken {
                tx.complete_delivery(&delivery).await?;
                // Also when it had no failure when this was claimed: another attempt may have failed since.
                tx.absolve_endpoint(&endpoint.id).await?;
                return Ok("delivered");
            }
            let tries = usize::try_from(delivery.tries).unwrap_or(usize::MAX);
            let word = match events.retry.get(tries) {
                Some(pause) => {
                    let next_at = next_at(tx.now(), *pause, outcome.retry_after);
                    tx.retry_delivery(&delivery, next_at, endpoint.settings.ordering == "file").await?;
                    "again"
                }
                None => {
                    bury(tx, &delivery, &outcome.attempt.error).await?;
                    "dead"
                }
            };
            blame(tx, &events, &endpoint, &outcome.attempt.error).await?;
            Ok::<_, StoreError>(word)
        })
    });
    let word = write.await?;
    metrics::counter!("reelgate_delivery_attempts_total", "outcome" => word).increment(1);
    Ok(())
}

/// Ends a delivery that cannot be sent at all.
pub(super) async fn give_up(app: &App, delivery: Delivery, reason: String) -> Result<(), StoreError> {
    app.store.write(move |tx| Box::pin(async move { bury(tx, &delivery, &reason).await })).await
}

/// Gives a delivery up and says so in the log.
async fn bury(tx: &mut Tx, delivery: &Delivery, reason: &str) -> Result<(), StoreError> {
    tx.bury_delivery(delivery, reason).await?;
    let fact = Fact::DeliveryDead {
        delivery_id: delivery.id(),
        event_id: delivery.event_id.clone(),
        endpoint_id: delivery.endpoint.clone(),
        reason: reason.to_owned(),
    };
    append(tx, &Scope::system(delivery.app), delivery.file, &fact).await.map(drop)
}

/// Counts a failure against the endpoint: one that goes on failing is tried less often, and in the end not any more.
async fn blame(tx: &mut Tx, events: &Events, before: &Endpoint, error: &str) -> Result<(), StoreError> {
    let now = tx.now();
    let Some(current) = tx.endpoint_by_id(&before.id).await? else { return Ok(()) };
    let failing_for = current.failing_since.map_or(Duration::ZERO, |since| now.since(since));
    let not_before =
        if current.failures + 1 >= SLOWED_AFTER { now + rest_after(failing_for) } else { Time(0) };
    tx.blame_endpoint(&before.id, error, not_before).await?;
    if failing_for < events.disable_after || !current.enabled || current.removed_at.is_some() {
        return Ok(());
    }
    let days = failing_for.as_secs() / 86_400;
    let reason = format!("it failed for {days} days; the last attempt met: {error}");
    endpoint::disable_in(tx, &Scope::system(before.app), &before.id, &reason).await.map(drop)
}

fn rest_after(failing_for: Duration) -> Duration {
    (failing_for / 10).clamp(*REST.start(), *REST.end())
}

/// The rule's pause and up to a tenth of it, so that what failed together does not come back together; or the longer one that
/// the endpoint asks for.
fn next_at(now: Time, pause: Duration, asked: Option<Duration>) -> Time {
    let jittered = pause.mul_f64(rand::random_range(1.0..1.1));
    now + jittered.max(asked.unwrap_or_default())
}
