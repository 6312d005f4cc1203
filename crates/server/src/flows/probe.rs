//! `flow.probe`: looks at a source that Commit had no time to look at, and announces its media.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use reelgate_jobs::{Failure, Handler, JobContext, Outcome, Writes, nothing};
use reelgate_model::Scope;
use reelgate_store::{Job, StoreError, Tx};

use super::step::{StepError, outcome};
use crate::app::App;
use crate::events::fact::ProbeFact;
use crate::library::announce::{AnnounceError, announce};
use crate::library::probe::{Findings, look};

/// A file without an index is read through once: 48 GiB take some minutes.
const LIMIT: Duration = Duration::from_secs(900);
/// The media's `probe_error` when nobody could find out what it is.
const UNKNOWN: &str = "ProbeFailed";

pub(super) struct Probe {
    pub app: App,
}

#[async_trait]
impl Handler for Probe {
    async fn run(&self, job: Job, context: JobContext) -> Outcome {
        tokio::select! {
            result = self.attempt(&job) => outcome(result),
            () = context.cancel.cancelled() => Outcome::Retry { after: None, error: "the probe was stopped".to_owned() },
        }
    }

    /// Announces the media all the same: its owner waits for NewFileUpload.
    fn given_up(&self, job: &Job, failure: &Failure) -> Writes {
        tracing::warn!(media.file_id = ?job.file, error = failure.error, "a media is announced without a probe");
        let findings =
            Findings { fact: ProbeFact::default(), error: UNKNOWN, content_type: "application/octet-stream" };
        writes(&self.app, job, findings)
    }
}

impl Probe {
    async fn attempt(&self, job: &Job) -> Result<Writes, StepError> {
        let scope = Scope::system(job.app);
        let file = job.file.context("the job names no file")?;
        let media = self.app.store.read().await?.media(&scope, file).await?;
        let Some(media) = media.filter(|media| media.announced_at.is_none()) else { return Ok(nothing()) };
        let findings = look(&self.app, &media.source.blob, LIMIT).await?;
        let findings = findings.with_context(|| format!("looking at {file} took longer than {LIMIT:?}"))?;
        Ok(writes(&self.app, job, findings))
    }
}

fn writes(app: &App, job: &Job, findings: Findings) -> Writes {
    let (app, job) = (app.clone(), job.clone());
    Box::new(move |tx| Box::pin(async move { write(tx, &app, &job, &findings).await }))
}

async fn write(tx: &mut Tx, app: &App, job: &Job, findings: &Findings) -> Result<(), StoreError> {
    let file = job.file.ok_or(StoreError::Dangling)?;
    let media = tx.media(&Scope::system(job.app), file).await?.ok_or(StoreError::Dangling)?;
    let session = tx.session(&media.session_id).await?.ok_or(StoreError::Dangling)?;
    match announce(tx, app, &session, findings).await {
        Ok(()) | Err(AnnounceError::AlreadyAnnounced) => Ok(()),
        // Whatever is not the store's own is a record that could not be written as JSON.
        Err(AnnounceError::Internal(cause)) => Err(cause.downcast::<StoreError>().unwrap_or_else(|cause| {
            StoreError::Corrupt { column: "media.probe".to_owned(), detail: format!("{cause:#}") }
        })),
    }
}
