//! Events go when they are older than `events.retention`, with all that was kept about them. Where an endpoint had not got them yet, the log
//! says so.

use reelgate_model::Scope;
use reelgate_store::{StoreError, Unsent, unit};

use crate::app::App;
use crate::events::{Fact, append};

/// Batches of one round where events are deleted one by one: other writers get their turn in between.
const BATCHES: usize = 50;

/// Makes room for what comes, and lets go what is old.
pub(super) async fn keep(app: &App) -> anyhow::Result<()> {
    match try_keep(app).await {
        // Partitions are made and dropped when nobody reads their tables.
        Err(StoreError::Conflict) => {
            tracing::info!(
                "partitions of the event log were not looked after: somebody reads it; the next round tries again"
            );
            Ok(())
        }
        other => Ok(other?),
    }
}

async fn try_keep(app: &App) -> Result<(), StoreError> {
    let prepare = unit::<(), StoreError, _>(|tx| Box::pin(tx.prepare_event_weeks()));
    app.store.write(prepare).await?;
    let before = app.clock.now() - app.config.events.retention;
    for _ in 0..BATCHES {
        let drop = unit::<bool, StoreError, _>(move |tx| {
            Box::pin(async move {
                let dropped = tx.drop_events(before).await?;
                for Unsent { endpoint, app, events } in dropped.unsent {
                    let fact = Fact::EventsDropped { endpoint_id: endpoint, events };
                    append(tx, &Scope::system(app), None, &fact).await?;
                }
                Ok(dropped.more)
            })
        });
        if !app.store.write(drop).await? {
            break;
        }
    }
    let forget = unit::<u64, StoreError, _>(move |tx| {
        Box::pin(async move { tx.forget_received(before, 5_000).await })
    });
    app.store.write(forget).await?;
    Ok(())
}
