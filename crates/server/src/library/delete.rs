//! Deleting a media, or some of its files: one transaction, after which nothing of it is served, nothing is made of it, and
//! nothing is told of it but that it was deleted. The sweep deletes the bytes a minute later, for whoever was reading them.

use anyhow::Context;
use reelgate_model::{FileId, MediaStatus, Scope, SubtaskState};
use reelgate_store::{Media, StoreError, Subtask, Tx, unit};

use super::urls;
use crate::app::App;
use crate::events;
use crate::events::fact::{DeletedPart, Fact};
use crate::events::outcome::{self, AdaptiveOutput, TranscodeOutput};
use crate::flows;

/// Why in the rows of jobs, tasks and bytes.
const REASON: &str = "media_deleted";
/// Tasks of one file whose outputs are looked for; a file has one or two.
const MOST_TASKS: u32 = 100;

/// Some files of a media, in the vendor's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `OriginalFiles`, `TranscodeFiles` or `AdaptiveDynamicStreamingFiles`.
    pub kind: String,
    /// Template; 0 stands for all of the kind.
    pub definition: i64,
}

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It never was, or is deleted already.
    #[error("application {0} has no media {1}; it was never committed, or it is deleted already")]
    NoSuchMedia(reelgate_model::AppId, FileId),
    /// A part that it does not have, or that cannot be deleted by itself.
    #[error("{0}")]
    NoSuchPart(String),
    /// Something failed inside.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<StoreError> for DeleteError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Deletes `parts` of a media; without any, the whole of it.
pub async fn delete(app: &App, scope: &Scope, file: FileId, parts: Vec<Part>) -> Result<(), DeleteError> {
    let scope = scope.clone();
    let unit = unit::<(), DeleteError, _>(move |tx| {
        Box::pin(async move {
            match parts.as_slice() {
                [] => whole(tx, &scope, file).await,
                parts => some(tx, &scope, file, parts).await,
            }
        })
    });
    app.store.write(unit).await
}

/// The media, if it can be deleted.
async fn present(tx: &mut Tx, scope: &Scope, file: FileId) -> Result<Media, DeleteError> {
    let media = tx.media(scope, file).await?.filter(|media| media.status == MediaStatus::Normal);
    media.ok_or(DeleteError::NoSuchMedia(scope.app(), file))
}

async fn whole(tx: &mut Tx, scope: &Scope, file: FileId) -> Result<(), DeleteError> {
    let media = present(tx, scope, file).await?;
    // In the order in which workers take rows: job, task, media.
    stop_work(tx, scope, file).await?;
    match tx.mark_deleted(scope, file).await {
        Err(StoreError::Stale) => return Err(DeleteError::NoSuchMedia(scope.app(), file)),
        marked => marked?,
    }
    // What was started between the two: from here on nothing more can be.
    stop_work(tx, scope, file).await?;
    tx.remove_output_dirs(scope, file).await?;
    tx.abandon_file(scope, file, REASON).await?;
    tell(tx, scope, &media, Vec::new()).await
}

/// Steps that run find their lease lost and are thrown away.
async fn stop_work(tx: &mut Tx, scope: &Scope, file: FileId) -> Result<(), DeleteError> {
    tx.cancel_file_jobs(scope, file, REASON).await?;
    for task in tx.open_file_tasks(scope, file).await? {
        tx.abort_task(scope, &task.id, &flows::source_deleted(), REASON).await?;
    }
    Ok(())
}

async fn tell(tx: &mut Tx, scope: &Scope, media: &Media, parts: Vec<DeletedPart>) -> Result<(), DeleteError> {
    let fact = Fact::FileDeleted { file_id: media.file_id.to_string(), name: media.name.clone(), parts };
    events::append(tx, scope, Some(media.file_id), &fact).await?;
    Ok(())
}

async fn some(tx: &mut Tx, scope: &Scope, file: FileId, parts: &[Part]) -> Result<(), DeleteError> {
    let media = present(tx, scope, file).await?;
    let mut deleted: Vec<DeletedPart> = Vec::new();
    for part in parts {
        let found = match part.kind.as_str() {
            "OriginalFiles" => original(tx, scope, &media).await?,
            "TranscodeFiles" => outputs(tx, scope, file, "Transcode", part.definition).await?,
            "AdaptiveDynamicStreamingFiles" => {
                outputs(tx, scope, file, "AdaptiveDynamicStreaming", part.definition).await?
            }
            other => {
                return Err(DeleteError::NoSuchPart(format!(
                    "{other:.64?} cannot be deleted by itself; OriginalFiles, TranscodeFiles and \
                     AdaptiveDynamicStreamingFiles can"
                )));
            }
        };
        if !found {
            return Err(DeleteError::NoSuchPart(format!(
                "media {file} has no {} of template {} (any more)",
                part.kind, part.definition
            )));
        }
        deleted.push(DeletedPart { r#type: part.kind.clone(), definition: part.definition });
    }
    tell(tx, scope, &media, deleted).await
}

/// Gives the source up. Whether there was one.
async fn original(tx: &mut Tx, scope: &Scope, media: &Media) -> Result<bool, DeleteError> {
    // While nobody has looked at it, the announcement needs it yet.
    if media.source.blob.is_empty() || media.announced_at.is_none() {
        return Ok(false);
    }
    tx.remove_source(scope, media.file_id, &media.source.blob, REASON).await?;
    Ok(true)
}

/// Gives up what was made of one kind. Whether there was anything.
async fn outputs(
    tx: &mut Tx,
    scope: &Scope,
    file: FileId,
    kind: &str,
    definition: i64,
) -> Result<bool, DeleteError> {
    let mut found = false;
    for task in tx.file_tasks(scope, file, None, MOST_TASKS).await? {
        for subtask in tx.subtasks(scope, &task.id).await? {
            let wanted = subtask.kind == kind
                && (definition == 0 || subtask.definition == definition)
                && subtask.state == SubtaskState::Success
                && !outcome::is_deleted(&subtask.output);
            if wanted {
                output(tx, scope, file, &subtask).await?;
                found = true;
            }
        }
    }
    Ok(found)
}

/// Gives up the files of one result, and says so in its record.
async fn output(tx: &mut Tx, scope: &Scope, file: FileId, subtask: &Subtask) -> Result<(), DeleteError> {
    let unreadable = || format!("the output of sub-task {} of task {}", subtask.index, subtask.task_id);
    let url = match subtask.kind.as_str() {
        "Transcode" => serde_json::from_str::<TranscodeOutput>(&subtask.output).map(|it| it.url),
        _ => serde_json::from_str::<AdaptiveOutput>(&subtask.output).map(|it| it.url),
    };
    let url = url.with_context(unreadable)?;
    let path = urls::path_of(&url, scope.app(), file).with_context(unreadable)?;
    let below = format!("{}/{file}", scope.app());
    tx.abandon(scope, &format!("blob:{below}/{path}"), REASON).await?;
    if subtask.kind != "Transcode"
        && let Some((dir, _)) = path.rsplit_once('/')
    {
        // Beside its master playlist: renditions and their segments.
        tx.abandon(scope, &format!("dir:{below}/{dir}/{}", subtask.definition), REASON).await?;
    }
    let record = outcome::deleted(&subtask.output, tx.now()).with_context(unreadable)?;
    tx.replace_output(scope, subtask, &record).await?;
    Ok(())
}
