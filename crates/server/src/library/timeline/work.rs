//! The media, and the work on it.

use reelgate_model::{FileId, JobState, MediaStatus, Scope, SubtaskState, TaskState, Time};
use reelgate_store::{Job, Media, Read, StoreError, Subtask, Task};

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

/// Runs of procedures with their results.
pub(super) async fn tasks(
    entries: &mut Vec<Entry>,
    read: &mut Read,
    scope: &Scope,
    file: FileId,
) -> Result<(), StoreError> {
    let mut tasks = read.file_tasks(scope, file, None, LIMIT).await?;
    tasks.reverse();
    for one in tasks {
        task_begin(entries, &one);
        for result in read.subtasks(scope, &one.id).await? {
            subtask(entries, &result);
        }
        task_end(entries, &one);
    }
    Ok(())
}

fn task_begin(entries: &mut Vec<Entry>, task: &Task) {
    entries.push(
        Entry::new(task.created_at, Kind::Task, format!("{} asked for", task.procedure))
            .with("task_id", task.id.as_str())
            .with("priority", task.priority)
            .with("notify_mode", task.notify_mode.as_str()),
    );
    if let Some(at) = task.begun_at {
        let title = format!("{} begun", task.procedure);
        entries.push(Entry::new(at, Kind::Task, title).with("task_id", task.id.as_str()));
    }
}

fn task_end(entries: &mut Vec<Entry>, task: &Task) {
    let Some(at) = task.finished_at else { return };
    let word = match task.state {
        TaskState::Aborted => "aborted",
        TaskState::Waiting | TaskState::Processing | TaskState::Finish => "finished",
    };
    entries.push(
        Entry::new(at, Kind::Task, format!("{} {word}", task.procedure))
            .with("task_id", task.id.as_str())
            .with("reason", task.reason.as_str()),
    );
}

fn subtask(entries: &mut Vec<Entry>, result: &Subtask) {
    let about = |at: Time, word: &str| {
        Entry::new(at, Kind::Subtask, format!("{} {word}", result.kind))
            .with("task_id", result.task_id.as_str())
            .with("definition", result.definition)
    };
    if let Some(at) = result.begun_at {
        let percent = (result.state == SubtaskState::Processing).then_some(result.progress);
        entries.push(about(at, "begun").with("progress", percent));
    }
    if let Some(at) = result.finished_at {
        let word = match result.state {
            SubtaskState::Success => "made",
            SubtaskState::Waiting | SubtaskState::Processing | SubtaskState::Fail => "failed",
        };
        entries.push(
            about(at, word)
                .with("err_code_ext", result.err_code_ext.as_str())
                .with("message", result.message.as_str()),
        );
    }
}

/// What the newest review says, and by which models.
pub(super) async fn review(
    entries: &mut Vec<Entry>,
    read: &mut Read,
    scope: &Scope,
    file: FileId,
) -> Result<(), StoreError> {
    let Some(review) = read.latest_review(scope, file).await? else { return Ok(()) };
    let found = review.findings;
    let frames: Vec<serde::de::IgnoredAny> = serde_json::from_str(&found.frames).unwrap_or_default();
    let models: serde_json::Value = serde_json::from_str(&found.models).unwrap_or_default();
    entries.push(
        Entry::new(review.created_at, Kind::Media, format!("Verdict: {}", found.suggestion.as_str()))
            .with("task_id", review.task_id)
            .with("label", found.label)
            .with("confidence", found.confidence)
            .with("frames", frames.len())
            .with("models", models),
    );
    Ok(())
}
