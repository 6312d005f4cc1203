//! The end of tasks that do not end by themselves (design promise 4).

use reelgate_model::Scope;
use reelgate_store::{StoreError, SubtaskEnd, Task, Tx, unit};

use super::advance;
use super::reason::{Reason, Refusal};
use crate::app::App;

/// Tasks ended in one go.
const BATCH: u32 = 100;
/// The reason in the task's row.
const REASON: &str = "deadline";

/// Ends what is over its deadline: unfinished sub-tasks fail, jobs are cancelled, the task finishes and is told of.
/// Returns how many tasks were looked at; call again while it is not zero. Belongs to upkeep.
pub async fn enforce(app: &App) -> anyhow::Result<usize> {
    let overdue = app.store.read().await?.tasks_overdue(app.clock.now(), BATCH).await?;
    let count = overdue.len();
    for task in overdue {
        let (app_in, id) = (app.clone(), task.id.clone());
        let unit =
            unit::<(), StoreError, _>(move |tx| Box::pin(async move { end(tx, &app_in, &task).await }));
        match app.store.write(unit).await {
            Ok(()) => {
                tracing::warn!(task.id = id, "the task was not finished by its deadline and has been ended")
            }
            // Its last step was faster.
            Err(StoreError::Stale) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}

async fn end(tx: &mut Tx, app: &App, task: &Task) -> Result<(), StoreError> {
    let scope = Scope::system(task.app);
    // First the jobs, in the order in which their workers take rows: job, then task.
    tx.cancel_task_jobs(&scope, &task.id, "the task's deadline has passed").await?;
    tx.hold_task(&scope, &task.id).await?;
    let refusal = Refusal::new(Reason::InternalError, "the task was not finished by its deadline");
    let subtasks = tx.subtasks(&scope, &task.id).await?;
    let ends: Vec<(i64, SubtaskEnd)> =
        subtasks.into_iter().map(|subtask| (subtask.index, refusal.end())).collect();
    advance::end(tx, app, &scope, &task.id, &ends, REASON).await
}
