//! `DescribeTaskDetail`.

use reelgate_model::TaskState;
use reelgate_wire::cloudapi::{Code, DescribeTaskDetail, Refusal, TaskDetail};
use serde_json::Value;

use super::actions::{Call, content};
use super::failed::Failed;
use crate::events::render;
use crate::flows;

/// The only type of task that there is.
const PROCEDURE: &str = "Procedure";

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    let DescribeTaskDetail { task_id } = DescribeTaskDetail::read(fields)?;
    let mut read = app.store.read().await?;
    let task = read.task(&scope, &task_id).await?.ok_or_else(|| {
        let sentence = format!("application {} has no task {task_id:.128?}", scope.app());
        Refusal::new(Code::InvalidTaskId, sentence)
    })?;
    let (state, created, begun, finished) = (task.state, task.created_at, task.begun_at, task.finished_at);
    let snapshot = flows::snapshot(&mut read, &app, &scope, task).await?;
    content(&TaskDetail {
        task_type: PROCEDURE.to_owned(),
        status: status(state).to_owned(),
        create_time: render::iso8601(created.0),
        begin_process_time: begun.map(|time| render::iso8601(time.0)).unwrap_or_default(),
        finish_time: finished.map(|time| render::iso8601(time.0)).unwrap_or_default(),
        procedure_task: render::procedure(&snapshot)?,
    })
}

fn status(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "WAITING",
        TaskState::Processing => "PROCESSING",
        TaskState::Finish => "FINISH",
        TaskState::Aborted => "ABORTED",
    }
}
