//! `DescribeTaskDetail` (vendor document 266/33431).

use serde::Serialize;

use super::{Fields, Refusal};
use crate::vod::ProcedureTask;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeTaskDetail {
    /// Which task.
    pub task_id: String,
}

/// What is answered: the one task object that matches the type. The members of other types are left out, as clients take
/// missing for null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskDetail {
    /// `Procedure`.
    pub task_type: String,
    /// `WAITING`, `PROCESSING`, `FINISH` or `ABORTED`.
    pub status: String,
    /// ISO 8601.
    pub create_time: String,
    /// ISO 8601; empty before it began.
    pub begin_process_time: String,
    /// ISO 8601; empty before its end.
    pub finish_time: String,
    /// As its event has it.
    pub procedure_task: ProcedureTask,
}

impl DescribeTaskDetail {
    /// Reads the parameters.
    pub fn read(mut fields: Fields) -> Result<Self, Refusal> {
        let task_id = fields.required_text("TaskId")?;
        fields.finish()?;
        Ok(Self { task_id })
    }
}
