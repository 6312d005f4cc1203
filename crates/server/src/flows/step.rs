//! What the steps have in common: the rows they start from, the source they read, and how an attempt ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use reelgate_jobs::{Failure, JobContext, Outcome, Writes};
use reelgate_media::probe::{Probe, ProbeError, Unreadable, probe};
use reelgate_media::{Work, WorkError};
use reelgate_model::{MediaStatus, Scope};
use reelgate_objects::{BlobName, ObjectsError};
use reelgate_store::{
    Job, Media, ReviewFindings, StoreError, StoredFile, Subtask, SubtaskEnd, Task, Tx, unit,
};
use tokio::io::AsyncWriteExt;

use super::advance;
use super::progress::Progress;
use super::reason::{Reason, Refusal};
use super::scratch::{NoRoom, Room, Scratch};
use crate::app::App;
use crate::library::{probe as library_probe, urls};

/// Time for looking at a source that Commit or `flow.probe` has looked at before.
const LOOK: Duration = Duration::from_secs(120);
/// Scratch space for each second of the source: more than all renditions of any procedure together.
const BYTES_A_SECOND: f64 = 1_500_000.0;
/// Scratch space beside that, for pictures and playlists.
const BYTES_BESIDE: u64 = 64 << 20;
/// Length that is assumed of a source that does not say, in seconds.
const UNKNOWN_LENGTH: f64 = 600.0;

/// Why an attempt has no results.
#[derive(Debug)]
pub(super) enum StepError {
    /// Trying again gives the same.
    Refused(Refusal),
    /// Trying again may help.
    Later(String),
}

impl From<anyhow::Error> for StepError {
    fn from(error: anyhow::Error) -> Self {
        Self::Later(format!("{error:#}"))
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl From<ObjectsError> for StepError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NotFound(_) | ObjectsError::Damaged { .. } => {
                Self::Refused(Refusal::new(Reason::DownloadNotAccessible, error.to_string()))
            }
            other => anyhow::Error::from(other).into(),
        }
    }
}

impl From<NoRoom> for StepError {
    fn from(error: NoRoom) -> Self {
        match error {
            NoRoom::TooLarge { .. } => Self::Refused(Refusal::new(Reason::InternalError, error.to_string())),
            NoRoom::Busy { .. } | NoRoom::Io { .. } => anyhow::Error::from(error).into(),
        }
    }
}

impl From<WorkError> for StepError {
    fn from(error: WorkError) -> Self {
        let refused = |reason| Self::Refused(Refusal::new(reason, error.to_string()));
        match &error {
            WorkError::Failed { .. } => refused(Reason::ContentMalformed),
            WorkError::TimedOut { .. } => refused(Reason::InternalError),
            WorkError::Cancelled | WorkError::Infrastructure { .. } => Self::Later(error.to_string()),
        }
    }
}

impl From<ProbeError> for StepError {
    fn from(error: ProbeError) -> Self {
        match &error {
            ProbeError::Unreadable { reason: Unreadable::Malformed, detail } => {
                Self::Refused(Refusal::new(Reason::ContentMalformed, detail.clone()))
            }
            ProbeError::Unreadable { reason: Unreadable::Unsupported, detail } => {
                Self::Refused(Refusal::new(Reason::ContentUnsupported, detail.clone()))
            }
            ProbeError::TimedOut { .. } | ProbeError::Infrastructure { .. } => Self::Later(error.to_string()),
        }
    }
}

/// What a worker is told of an attempt.
pub(super) fn outcome(result: Result<Writes, StepError>) -> Outcome {
    match result {
        Ok(writes) => Outcome::Done(writes),
        Err(StepError::Later(error)) => Outcome::Retry { after: None, error },
        Err(StepError::Refused(Refusal { reason, message })) => {
            Outcome::Fail(Failure { code: reason.code().to_owned(), error: message })
        }
    }
}

/// A task that has ended meanwhile (its deadline) wants nothing more: no error.
pub(super) fn unless_over(result: Result<(), StoreError>) -> Result<(), StoreError> {
    match result {
        Err(StoreError::Stale) => Ok(()),
        other => other,
    }
}

/// Ends what a job that will never be done has left open, and gives up the outputs of its attempts.
pub(super) fn give_up(app: &App, job: &Job, failure: &Failure) -> Writes {
    let (app, job) = (app.clone(), job.clone());
    let refusal = Refusal::new(Reason::of_code(&failure.code), failure.error.clone());
    Box::new(move |tx| {
        Box::pin(async move {
            let (scope, task) = (Scope::system(job.app), job.task.clone().unwrap_or_default());
            abandon_attempts(tx, &scope, &job, job.attempts).await?;
            let open =
                tx.subtasks(&scope, &task).await?.into_iter().filter(|subtask| subtask.step == job.kind);
            let ends: Vec<(i64, SubtaskEnd)> = open.map(|subtask| (subtask.index, refusal.end())).collect();
            unless_over(advance::end(tx, &app, &scope, &task, &ends, "").await)
        })
    })
}

/// Gives up the outputs of the job's attempts up to `last`, which no row names.
async fn abandon_attempts(tx: &mut Tx, scope: &Scope, job: &Job, last: i64) -> Result<(), StoreError> {
    for attempt in 1..=last {
        if let Some(prefix) = prefix(job, attempt) {
            tx.abandon(scope, &format!("dir:{prefix}"), "attempt_failed").await?;
        }
    }
    Ok(())
}

/// Where an attempt publishes: a name that no other attempt of any task has.
fn prefix(job: &Job, attempt: i64) -> Option<BlobName> {
    BlobName::new(format!("{}/{}/{}", job.app, job.file?, dir(job, attempt))).ok()
}

fn dir(job: &Job, attempt: i64) -> String {
    let step = job.kind.rsplit('.').next().unwrap_or_default();
    // Job ids are UUIDs of version 7, whose random part is at the end.
    let unique: String = job.id.chars().filter(char::is_ascii_hexdigit).skip(16).collect();
    format!("{step}-{unique}-{attempt}")
}

/// One attempt of a step: the rows it starts from.
pub(super) struct Step {
    pub app: App,
    pub scope: Scope,
    pub job: Job,
    pub task: Task,
    pub media: Media,
    /// Those that are not terminal.
    pub subtasks: Vec<Subtask>,
}

/// What an attempt has brought forth.
#[derive(Default)]
pub(super) struct Results {
    pub ends: Vec<(i64, SubtaskEnd)>,
    /// Whether files were published.
    pub published: bool,
    pub review: Option<ReviewFindings>,
    /// A cover for a media that has none.
    pub cover: Option<StoredFile>,
}

impl Step {
    /// Reads the rows and marks the sub-tasks as begun; outputs of earlier attempts are given up. `None`: there is
    /// nothing to do any more.
    pub(super) async fn open(app: &App, job: Job) -> Result<Option<Self>, StepError> {
        let scope = Scope::system(job.app);
        let id = job.task.clone().unwrap_or_default();
        let mut read = app.store.read().await?;
        let Some(task) = read.task(&scope, &id).await? else { return Ok(None) };
        let Some(media) = read.media(&scope, task.file_id).await? else { return Ok(None) };
        let mut subtasks = read.subtasks(&scope, &id).await?;
        drop(read);
        subtasks.retain(|subtask| subtask.step == job.kind && !advance::is_terminal(subtask.state));
        if subtasks.is_empty() {
            return Ok(None);
        }
        if media.status == MediaStatus::Deleted {
            return Err(StepError::Refused(Refusal::new(
                Reason::DownloadNotAccessible,
                "the media was deleted",
            )));
        }
        if media.source.blob.is_empty() {
            return Err(StepError::Refused(Refusal::new(
                Reason::DownloadNotAccessible,
                "the source was deleted",
            )));
        }
        let step = Self { app: app.clone(), scope, job, task, media, subtasks };
        step.begin().await?;
        Ok(Some(step))
    }

    async fn begin(&self) -> Result<(), StoreError> {
        let (app, scope, job, task) =
            (self.app.clone(), self.scope.clone(), self.job.clone(), self.task.id.clone());
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move {
                advance::begin(tx, &app, &scope, &task, &job.kind).await?;
                abandon_attempts(tx, &scope, &job, job.attempts - 1).await
            })
        });
        self.app.store.write(unit).await
    }

    /// Scratch space for this attempt, and in it the source if it is not on a local disk.
    pub(super) async fn room(&self, scratch: &Arc<Scratch>) -> Result<(Room, PathBuf), StepError> {
        let blob = BlobName::new(&self.media.source.blob).map_err(anyhow::Error::from)?;
        let local = self.app.objects().local_path(&blob);
        let fetched = if local.is_some() { 0 } else { self.media.source_size };
        let name = format!("{}-{}", self.job.id, self.job.attempts);
        let room = scratch.room(&name, self.expected_bytes().saturating_add(fetched)).await?;
        let source = match local {
            Some(path) => path,
            None => {
                let path = room.source();
                self.fetch(&blob, &path).await?;
                path
            }
        };
        Ok((room, source))
    }

    fn expected_bytes(&self) -> u64 {
        let duration = library_probe::of_row(&self.media.probe).map_or(0.0, |probe| probe.duration);
        let seconds = if duration > 0.0 { duration } else { UNKNOWN_LENGTH };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive; `as` saturates"
        )]
        let bytes = (seconds * BYTES_A_SECOND) as u64;
        bytes.saturating_add(BYTES_BESIDE)
    }

    async fn fetch(&self, blob: &BlobName, path: &Path) -> Result<(), StepError> {
        let failed = |error: std::io::Error| {
            StepError::Later(format!("cannot bring the source to {}: {error}", path.display()))
        };
        let mut stream = self.app.objects().read(blob, None).await?.stream;
        let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
        while let Some(bytes) = stream.try_next().await? {
            file.write_all(&bytes).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)
    }

    /// What the source is, in the detail that plans need.
    pub(super) async fn probe(&self, source: &Path) -> Result<Probe, StepError> {
        Ok(probe(self.app.sandbox(), source, LOOK).await?)
    }

    /// The frame of this attempt's work with ffmpeg.
    pub(super) fn work(&self, room: &Room, source: PathBuf, context: &JobContext) -> Work {
        Work {
            sandbox: self.app.sandbox().clone(),
            source,
            scratch: room.results(),
            allowed: self.task.deadline.since(self.app.clock.now()),
            cancel: context.cancel.clone(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let (scope, task) = (self.scope.clone(), self.task.id.clone());
        Progress::start(self.app.store.clone(), scope, task, self.job.kind.clone())
    }

    /// Makes everything in the room's results durable under this attempt's own name.
    pub(super) async fn publish(&self, room: &Room) -> Result<(), StepError> {
        let prefix = prefix(&self.job, self.job.attempts)
            .ok_or_else(|| StepError::Later("the step's outputs have no valid name".to_owned()))?;
        let published =
            self.app.objects().publish_dir(&room.results(), &prefix).await.map_err(anyhow::Error::from)?;
        tracing::info!(
            task.id = self.task.id,
            flow.step = self.job.kind,
            files = published.files,
            bytes = published.bytes,
            "the outputs of a step are published"
        );
        self.must_be_wanted().await
    }

    /// Bytes of a media that was deleted meanwhile go at once: its own may have been swept already.
    async fn must_be_wanted(&self) -> Result<(), StepError> {
        let media = self.app.store.read().await?.media(&self.scope, self.media.file_id).await?;
        if media.is_some_and(|media| media.status == MediaStatus::Normal) {
            return Ok(());
        }
        let (scope, job) = (self.scope.clone(), self.job.clone());
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { abandon_attempts(tx, &scope, &job, job.attempts).await })
        });
        self.app.store.write(unit).await?;
        let refusal =
            Refusal::new(Reason::DownloadNotAccessible, "the media was deleted while it was worked on");
        Err(StepError::Refused(refusal))
    }

    /// Path of an output below its media.
    pub(super) fn path(&self, output: &str) -> String {
        format!("{}/{output}", dir(&self.job, self.job.attempts))
    }

    /// Public URL of an output.
    pub(super) fn url(&self, output: &str) -> String {
        urls::file(&self.app, self.media.app, self.media.file_id, &self.path(output))
    }

    /// An output as a file of the media.
    pub(super) fn stored(&self, output: &str, content_type: &str) -> StoredFile {
        let name = self.path(output);
        let blob = format!("{}/{}/{name}", self.media.app, self.media.file_id);
        StoredFile { name, blob, content_type: content_type.to_owned() }
    }

    /// The end of a successful attempt.
    pub(super) fn done(self, results: Results) -> Writes {
        Box::new(move |tx| Box::pin(self.write(tx, results)))
    }

    async fn write(self, tx: &mut Tx, results: Results) -> Result<(), StoreError> {
        let Self { app, scope, job, task, media, subtasks: _ } = self;
        match tx.hold_task(&scope, &task.id).await {
            // Ended by its deadline: nobody asks for the outputs any more.
            Err(StoreError::Stale) => return abandon_attempts(tx, &scope, &job, job.attempts).await,
            held => held?,
        }
        if results.published {
            tx.add_output_dir(&scope, media.file_id, &dir(&job, job.attempts), &task.id).await?;
        }
        if let Some(findings) = &results.review {
            tx.create_review(&scope, &task.id, media.file_id, findings).await?;
            tx.set_verdict(&scope, media.file_id, findings.suggestion).await?;
        }
        if let Some(cover) = &results.cover {
            let now = tx.media(&scope, media.file_id).await?.ok_or(StoreError::Dangling)?;
            if now.cover.name.is_empty() && now.status == MediaStatus::Normal {
                // Somebody who has just uploaded a cover of their own wins.
                unless_over(tx.set_cover(&scope, media.file_id, cover).await.map(drop))?;
            }
        }
        advance::end(tx, &app, &scope, &task.id, &results.ends, "").await
    }
}
