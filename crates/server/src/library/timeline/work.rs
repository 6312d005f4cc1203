//! The media, and the work on it.

use reelgate_model::{FileId, JobState, MediaStatus, Scope};
use reelgate_store::{Job, Media, Read, StoreError};

use super::{Entry, Kind, LIMIT};

pub(super) fn media(entries: &mut Vec<Entry>, media: &Media) {
    entries.push(
        Entry::new(media.created_at, Kind::Media, "Media exists")
            .with("name", media.name.as_str())
            .with("type", media.kind.as_str())
            .with("size", media.source_size),
    );
    if let Some(at) = media.announced_at {
        let title =
            if media.probe_error.is_empty() { "Media probed" } else { "Bytes are not readable media" };
        entries.push(
            Entry::new(at, Kind::Media, title)
                .with("content_type", media.source.content_type.as_str())
                .with("reason", media.probe_error.as_str()),
        );
    }
    if media.status == MediaStatus::Deleted {
        entries.push(Entry::new(media.updated_at, Kind::Media, "Media deleted"));
    }
}

/// Steps that did not go well at once: those that did are told by their results.
pub(super) async fn jobs(
    entries: &mut Vec<Entry>,
    read: &mut Read,
    scope: &Scope,
    file: FileId,
) -> Result<(), StoreError> {
    let jobs = read.file_jobs(scope, file, "", LIMIT).await?;
    entries.extend(jobs.iter().filter(|job| !job.last_error.is_empty()).map(job));
    Ok(())
}

fn job(job: &Job) -> Entry {
    let (at, title) = match job.state {
        JobState::Failed => (job.finished_at.unwrap_or(job.created_at), format!("{} failed", job.kind)),
        JobState::Ready => (job.created_at, format!("{} is tried again", job.kind)),
        JobState::Running | JobState::Done => (job.created_at, format!("{} was tried again", job.kind)),
    };
    Entry::new(at, Kind::Task, title)
        .with("task_id", job.task.as_deref())
        .with("attempts", job.attempts)
        .with("error", job.last_error.as_str())
}
