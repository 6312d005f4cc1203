//! `reelgate doctor --verify` and `--reconcile`: the stored bytes beside their rows.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use reelgate_model::{AppId, Clock, FileId};
use reelgate_objects::{Disk, Objects, S3, S3Config};
use reelgate_store::Store;

use super::doctor::Arguments;
use super::exit::Failure;
use super::tell;
use crate::config::Config;
use crate::upkeep::reconcile::reconcile;
use crate::upkeep::verify::{Wanted, verify};

pub(super) async fn look(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    if config.mode.is_tencent() {
        return Err(Failure::usage(anyhow!("in mode \"tencent\" no bytes are stored here")));
    }
    let opened = Store::open(&config.database_url, Clock::machine()).await;
    let store = opened.context("the database cannot be opened").map_err(Failure::unavailable)?;
    let outcome = compare(arguments, config, &store).await;
    store.close().await;
    outcome
}

fn open(config: &Config) -> Result<Box<dyn Objects>> {
    if let Some(bucket) = &config.storage_bucket {
        return Ok(Box::new(S3::new(bucket)?));
    }
    let disk = Disk::look(&config.storage_dir)
        .with_context(|| format!("storage directory {} cannot be opened", config.storage_dir.display()))?;
    Ok(Box::new(disk))
}

/// Whether the bucket can be used, for the report on this machine.
pub(super) async fn bucket(config: &S3Config) -> Result<String> {
    let (bucket, endpoint) = (&config.bucket, &config.endpoint);
    let checked = S3::new(config)?.check().await;
    checked.with_context(|| format!("bucket {bucket} of {endpoint} cannot be used"))?;
    Ok(format!("bucket {bucket} of {endpoint} takes an object, once, and gives it up again"))
}

async fn compare(arguments: &Arguments, config: &Config, store: &Store) -> Result<(), Failure> {
    store.check_migrated().await.map_err(|error| Failure::unavailable(error.into()))?;
    let objects = open(config).map_err(Failure::unavailable)?;
    // On standard error and only on a terminal: what was found goes to standard output.
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let say = |sentence: String| bar.suspend(|| tell::line(&tell::plain(&sentence))).unwrap_or_default();
    if arguments.verify {
        let wanted = Wanted { app: arguments.app.map(AppId), file: arguments.file.map(FileId) };
        let progress = |looked: crate::upkeep::verify::Looked| {
            bar.set_message(format!("{} objects, {}", looked.objects, HumanBytes(looked.bytes)));
            bar.tick();
        };
        let looked = verify(store, &*objects, wanted, say, progress).await?;
        bar.finish_and_clear();
        tell::line(&format!("{} objects with {} bytes read again", looked.objects, looked.bytes))?;
        return match looked.damaged {
            0 => Ok(tell::line("all of them are what was stored")?),
            count => Err(Failure::data(anyhow!("{count} of them are not what was stored; see above"))),
        };
    }
    bar.set_message("comparing rows and bytes");
    let now = u64::try_from(Clock::machine().now().0).unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now);
    let found = reconcile(store, &*objects, now, say).await?;
    bar.finish_and_clear();
    tell::line(&format!(
        "{} rows and {} blobs compared: {} rows without their bytes, {} blobs with {} bytes and {} staging areas without a row",
        found.rows, found.blobs, found.lost, found.strays, found.stray_bytes, found.stray_areas
    ))?;
    if found.young > 0 {
        tell::line(&format!(
            "{} younger than an hour have no row yet and may be of uploads under way",
            found.young
        ))?;
    }
    tell::line("nothing was changed")?;
    match found.lost + found.strays + found.stray_areas {
        0 => Ok(()),
        count => Err(Failure::data(anyhow!("{count} differences; see above"))),
    }
}
