//! The life of a task: sub-tasks begin and end, the task finishes with the last of them, and whoever asked is told.
//! Everything here runs in the caller's transaction and takes the task first.

use reelgate_model::{MediaStatus, NotifyMode, Scope, SubtaskState, TaskState};
use reelgate_store::{Read, StoreError, Subtask, SubtaskEnd, Task, Tx};
use serde_json::Value;

use crate::app::App;
use crate::events;
use crate::events::fact::{Fact, SubtaskFact, TaskSnapshot};
use crate::library::{probe, urls};

/// Nothing more will happen to it.
pub(super) fn is_terminal(state: SubtaskState) -> bool {
    match state {
        SubtaskState::Waiting | SubtaskState::Processing => false,
        SubtaskState::Success | SubtaskState::Fail => true,
    }
}

/// Marks the waiting sub-tasks of `step` as begun. `Stale` if the task is terminal.
pub(super) async fn begin(
    tx: &mut Tx,
    app: &App,
    scope: &Scope,
    task: &str,
    step: &str,
) -> Result<(), StoreError> {
    tx.hold_task(scope, task).await?;
    for subtask in tx.subtasks(scope, task).await? {
        if subtask.step == step && subtask.state == SubtaskState::Waiting {
            tx.begin_subtask(scope, task, subtask.index).await?;
            tell(tx, app, scope, task, false).await?;
        }
    }
    Ok(())
}

/// Ends those of the given sub-tasks that are not terminal yet, and the task with the last one. `reason` is empty when
/// the task's own steps end it. `Stale` if the task is terminal.
pub(super) async fn end(
    tx: &mut Tx,
    app: &App,
    scope: &Scope,
    task: &str,
    ends: &[(i64, SubtaskEnd)],
    reason: &str,
) -> Result<(), StoreError> {
    tx.hold_task(scope, task).await?;
    let open: Vec<i64> = tx
        .subtasks(scope, task)
        .await?
        .into_iter()
        .filter(|subtask| !is_terminal(subtask.state))
        .map(|subtask| subtask.index)
        .collect();
    if open.is_empty() && tx.finish_task(scope, task, reason).await? {
        return tell(tx, app, scope, task, true).await;
    }
    for (index, end) in ends.iter().filter(|(index, _)| open.contains(index)) {
        tx.end_subtask(scope, task, *index, end).await?;
        let finished = tx.finish_task(scope, task, reason).await?;
        tell(tx, app, scope, task, finished).await?;
    }
    Ok(())
}

/// Writes ProcedureStateChanged if the task's notify mode wants this change to be told.
async fn tell(tx: &mut Tx, app: &App, scope: &Scope, task: &str, finished: bool) -> Result<(), StoreError> {
    let task = tx.task(scope, task).await?.ok_or(StoreError::Stale)?;
    let wanted = match task.notify_mode {
        NotifyMode::Finish => finished,
        NotifyMode::Change => true,
        NotifyMode::None => false,
    };
    if !wanted {
        return Ok(());
    }
    let file = task.file_id;
    if tx.media(scope, file).await?.is_none_or(|media| media.status == MediaStatus::Deleted) {
        // FileDeleted was the last that is told of a file.
        return Ok(());
    }
    let snapshot = TaskSnapshot { finished, ..snapshot(tx, app, scope, task).await? };
    let fact = Fact::ProcedureStateChanged(Box::new(snapshot));
    events::append(tx, scope, Some(file), &fact).await?;
    Ok(())
}

/// A task with all its results, as events and the cloud API tell of it.
pub async fn snapshot(
    read: &mut Read,
    app: &App,
    scope: &Scope,
    task: Task,
) -> Result<TaskSnapshot, StoreError> {
    let media = read.media(scope, task.file_id).await?.ok_or(StoreError::Dangling)?;
    let subtasks = read.subtasks(scope, &task.id).await?;
    Ok(TaskSnapshot {
        task_id: task.id,
        finished: matches!(task.state, TaskState::Finish | TaskState::Aborted),
        file_id: media.file_id.to_string(),
        file_name: media.name.clone(),
        file_url: urls::source(app, &media),
        probe: probe::of_row(&media.probe).unwrap_or_default(),
        results: subtasks.into_iter().map(subtask_fact).collect::<Result<_, _>>()?,
        priority: task.priority,
        notify_mode: task.notify_mode.as_str().to_owned(),
        session_context: task.session_context,
        session_id: task.session_id,
    })
}

fn subtask_fact(subtask: Subtask) -> Result<SubtaskFact, StoreError> {
    Ok(SubtaskFact {
        input: json("subtasks.input", &subtask.input)?,
        output: json("subtasks.output", &subtask.output)?,
        kind: subtask.kind,
        definition: subtask.definition,
        state: subtask.state.as_str().to_owned(),
        progress: subtask.progress,
        err_code: subtask.err_code,
        err_code_ext: subtask.err_code_ext,
        message: subtask.message,
        begun_at: subtask.begun_at.map(|time| time.0),
        finished_at: subtask.finished_at.map(|time| time.0),
    })
}

fn json(column: &str, text: &str) -> Result<Value, StoreError> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt { column: column.to_owned(), detail: error.to_string() })
}
