//! How flows begin: always inside somebody else's transaction.

use anyhow::{Context, Result};
use reelgate_model::{NotifyMode, Scope};
use reelgate_store::{Media, NewJob, NewSubtask, NewTask, Tx};
use uuid::Uuid;

use super::conclude::{Conclusion, Refused};
use super::plan::{self, Item};
use super::{ATTEMPTS, CONCLUDE, PAYLOAD_VERSION, PROBE, QUEUE};
use crate::app::App;

/// What a task is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartTask {
    /// Name of a procedure, or a call expression (wire reference 6.4). One that nobody knows makes a task that fails.
    pub procedure: String,
    /// -10 to 10, higher first.
    pub priority: i64,
    /// When ProcedureStateChanged is sent.
    pub notify_mode: NotifyMode,
    /// Returned in ProcedureStateChanged, byte for byte.
    pub session_context: String,
}

/// Starts a procedure on a probed media and returns the task's id (wire reference 6.6). No event is written here, so
/// that the caller's own comes first.
pub async fn start(tx: &mut Tx, app: &App, scope: &Scope, media: &Media, start: StartTask) -> Result<String> {
    let id = format!("{}-procedurev2-{}t0", scope.app(), Uuid::new_v4().simple());
    let items = plan::items(&app.config.procedures, &start.procedure, &media.probe_error);
    let task = NewTask {
        id: id.clone(),
        file_id: media.file_id,
        procedure: start.procedure,
        priority: start.priority,
        notify_mode: start.notify_mode,
        session_context: start.session_context,
        session_id: String::new(),
        deadline: tx.now() + app.config.media.task_deadline,
    };
    let subtasks: Vec<NewSubtask> = items.iter().map(new_subtask).collect();
    tx.create_task(scope, &task, &subtasks).await?;
    for (kind, payload) in steps(&items)? {
        let job =
            NewJob { task: Some(id.clone()), priority: start.priority, ..job(tx, media, kind, payload) };
        tx.enqueue(scope, &job).await?;
    }
    Ok(id)
}

/// Leaves the look at a new media to a worker, which then announces it.
pub async fn enqueue_probe(tx: &mut Tx, scope: &Scope, media: &Media) -> Result<()> {
    let job = job(tx, media, PROBE, "{}".to_owned());
    tx.enqueue(scope, &job).await.context("the probe of the media cannot be enqueued")?;
    Ok(())
}

fn new_subtask(item: &Item) -> NewSubtask {
    NewSubtask {
        step: item.step().to_owned(),
        kind: item.kind.as_str().to_owned(),
        definition: item.definition.into(),
        input: item.input.to_string(),
    }
}

/// One job for each step that has something to do. A task without any is concluded too, or it would never end.
fn steps(items: &[Item]) -> Result<Vec<(&'static str, String)>> {
    let mut kinds: Vec<&'static str> = Vec::new();
    for item in items {
        if !kinds.contains(&item.step()) {
            kinds.push(item.step());
        }
    }
    if kinds.is_empty() {
        kinds.push(CONCLUDE);
    }
    let refused = (0..)
        .zip(items)
        .filter_map(|(index, item)| item.refusal.clone().map(|refusal| Refused { index, refusal }));
    let conclusion = serde_json::to_string(&Conclusion { refused: refused.collect() })?;
    let payload = |kind| if kind == CONCLUDE { conclusion.clone() } else { "{}".to_owned() };
    Ok(kinds.into_iter().map(|kind| (kind, payload(kind))).collect())
}

fn job(tx: &Tx, media: &Media, kind: &str, payload: String) -> NewJob {
    NewJob {
        queue: QUEUE.to_owned(),
        kind: kind.to_owned(),
        version: PAYLOAD_VERSION,
        payload,
        file: Some(media.file_id),
        task: None,
        priority: 0,
        max_attempts: ATTEMPTS,
        run_at: tx.now(),
    }
}
