//! Sweeping: deletes exactly the bytes that a row has marked abandoned, then the mark (design promise 1).

use std::time::Duration;

use reelgate_objects::BlobName;
use reelgate_store::{StoreError, unit};

use crate::app::App;

/// How long abandoned bytes stay: a request that was reading them when they were given up can finish.
const REST: Duration = Duration::from_secs(60);
const BATCH: u32 = 100;

/// Deletes one batch and returns how many places it freed.
pub(super) async fn sweep(app: &App) -> anyhow::Result<usize> {
    let due = app.store.read().await?.abandoned(app.clock.now() - REST, BATCH).await?;
    let mut freed = 0;
    for one in due {
        if let Err(error) = delete(app, &one.place).await {
            tracing::warn!(
                place = one.place,
                cause = format!("{error:#}"),
                "abandoned bytes cannot be deleted yet"
            );
            continue;
        }
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { tx.forget_abandoned(&one.place).await })
        });
        app.store.write(unit).await?;
        freed += 1;
    }
    Ok(freed)
}

async fn delete(app: &App, place: &str) -> anyhow::Result<()> {
    match place.split_once(':') {
        Some(("blob", name)) => Ok(app.objects().delete(&BlobName::new(name)?).await?),
        Some(("dir", name)) => Ok(app.objects().delete_dir(&BlobName::new(name)?).await?),
        Some(("staging", multipart)) => Ok(app.objects().discard(multipart).await?),
        _ => anyhow::bail!("the mark {place:?} is of a kind that this version does not know"),
    }
}

/// Forgets rows whose time is over and that nobody asks for any more.
pub(super) async fn forget(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let log_from = now - app.config.dispatch.log_for;
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.forget_signature_uses(now, 1_000).await?;
            tx.sweep_console_sessions().await?;
            tx.forget_quotas(now, 1_000).await?;
            tx.forget_revocations(now, 1_000).await?;
            tx.rotate_signature_log(now, log_from, 5_000).await?;
            Ok(())
        })
    });
    app.store.write(unit).await?;
    pack(app).await
}

/// Segments of the signature log younger than this may get neighbours yet.
const SETTLED: Duration = Duration::from_secs(60);

/// Packs what is worth packing of the signature log.
async fn pack(app: &App) -> anyhow::Result<()> {
    let before = app.clock.now() - SETTLED;
    loop {
        let work = unit::<usize, StoreError, _>(move |tx| {
            Box::pin(async move { tx.pack_signature_log(before).await })
        });
        match app.store.write(work).await {
            // Another node packs the same segments.
            Ok(0) | Err(StoreError::Stale) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
