//! Tasks, their sub-tasks, and the output directories that they have brought into being.
//!
//! Whoever changes sub-tasks takes the task with [`Tx::hold_task`] first: two steps that end at the same time would
//! otherwise each see the other unfinished, and nobody would finish the task.

use reelgate_model::{AppId, FileId, NotifyMode, Scope, SubtaskState, TaskState, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed, ensure_inserted};
use crate::{Read, StoreError, Tx};

/// One run of a procedure on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Opaque to everyone outside.
    pub id: String,
    /// Its application.
    pub app: AppId,
    /// The file it works on.
    pub file_id: FileId,
    /// The procedure as it was asked for.
    pub procedure: String,
    /// Where it stands.
    pub state: TaskState,
    /// -10 to 10, higher first.
    pub priority: i64,
    /// When ProcedureStateChanged is sent.
    pub notify_mode: NotifyMode,
    /// From the signature, byte for byte.
    pub session_context: String,
    /// The caller's de-duplication id, or empty.
    pub session_id: String,
    /// Why it ended otherwise than by its steps, as a stable word; empty usually.
    pub reason: String,
    /// When it was made.
    pub created_at: Time,
    /// When its first step began.
    pub begun_at: Option<Time>,
    /// When its last sub-task became terminal.
    pub finished_at: Option<Time>,
    /// Unfinished at this time, it is ended.
    pub deadline: Time,
}

/// A task to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// Its id.
    pub id: String,
    /// The file it works on.
    pub file_id: FileId,
    /// The procedure as it was asked for.
    pub procedure: String,
    /// -10 to 10, higher first.
    pub priority: i64,
    /// When ProcedureStateChanged is sent.
    pub notify_mode: NotifyMode,
    /// From the signature, byte for byte.
    pub session_context: String,
    /// The caller's de-duplication id, or empty.
    pub session_id: String,
    /// When it is to be ended at the latest.
    pub deadline: Time,
}

/// One result that a task is to produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtask {
    /// Its task.
    pub task_id: String,
    /// Its place in the task, from 0.
    pub index: i64,
    /// Kind of the job that produces it.
    pub step: String,
    /// What it is.
    pub kind: String,
    /// Template.
    pub definition: i64,
    /// What was asked, JSON.
    pub input: String,
    /// Where it stands.
    pub state: SubtaskState,
    /// Percent.
    pub progress: i64,
    /// The vendor's integer code; 0 unless failed.
    pub err_code: i64,
    /// The vendor's text code; empty unless failed.
    pub err_code_ext: String,
    /// A sentence; empty unless failed.
    pub message: String,
    /// What came out, JSON; empty unless it succeeded.
    pub output: String,
    /// When its step began first.
    pub begun_at: Option<Time>,
    /// When it became terminal.
    pub finished_at: Option<Time>,
}

/// A sub-task to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubtask {
    /// Kind of the job that produces it.
    pub step: String,
    /// What it is.
    pub kind: String,
    /// Template.
    pub definition: i64,
    /// What is asked, JSON.
    pub input: String,
}

/// How a sub-task ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubtaskEnd {
    /// Its output is there.
    Success {
        /// JSON.
        output: String,
    },
    /// It will not come.
    Fail {
        /// The vendor's integer code.
        err_code: i64,
        /// The vendor's text code.
        err_code_ext: String,
        /// A sentence.
        message: String,
    },
}

const TASK: &str = "id, app, file_id, procedure_name, state, priority, notify_mode, session_context, session_id, \
    reason, created_at, begun_at, finished_at, deadline";

impl Read {
    /// One task.
    pub async fn task(&mut self, scope: &Scope, id: &str) -> Result<Option<Task>, StoreError> {
        let text = format!("SELECT {TASK} FROM tasks WHERE app = $1 AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(id)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(decode_task).transpose()
    }

    /// Up to `limit` tasks of one file, newest first; `before` is the last one of the page before.
    pub async fn file_tasks(
        &mut self,
        scope: &Scope,
        file: FileId,
        before: Option<(Time, &str)>,
        limit: u32,
    ) -> Result<Vec<Task>, StoreError> {
        let (time, id) = before.unwrap_or((Time(i64::MAX), ""));
        let text = format!(
            "SELECT {TASK} FROM tasks
              WHERE app = $1 AND file_id = $2 AND (created_at < $3 OR (created_at = $3 AND id < $4))
              ORDER BY created_at DESC, id DESC LIMIT $5"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(file.0)
            .bind(time.0)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode_task)
    }

    /// The unfinished tasks of one file: one or two.
    pub async fn open_file_tasks(&mut self, scope: &Scope, file: FileId) -> Result<Vec<Task>, StoreError> {
        let text = format!(
            "SELECT {TASK} FROM tasks WHERE app = $1 AND file_id = $2 AND state IN ('waiting', 'processing')
              ORDER BY created_at, id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(scope.app().0)
            .bind(file.0)
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode_task)
    }

    /// Up to `limit` tasks of all applications that are unfinished after their deadline.
    pub async fn tasks_overdue(&mut self, now: Time, limit: u32) -> Result<Vec<Task>, StoreError> {
        let text = format!(
            "SELECT {TASK} FROM tasks WHERE state IN ('waiting', 'processing') AND deadline <= $1
              ORDER BY deadline, id LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(now.0)
            .bind(i64::from(limit))
            .fetch_all(self.conn())
            .await?;
        each(&rows, decode_task)
    }

    /// The sub-tasks of a task in their order: a handful.
    pub async fn subtasks(&mut self, scope: &Scope, task: &str) -> Result<Vec<Subtask>, StoreError> {
        let rows = sqlx::query(
            "SELECT task_id, idx, step, kind, definition, input, s.state AS state, progress, err_code,
                    err_code_ext, message, output, s.begun_at AS begun_at, s.finished_at AS finished_at
               FROM subtasks s JOIN tasks t ON t.id = s.task_id
              WHERE t.app = $1 AND t.id = $2 ORDER BY idx",
        )
        .bind(scope.app().0)
        .bind(task)
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode_subtask)
    }

    /// When the output `below` in the directory `dir` of a file came into being; `None`: it may not be served, because the
    /// directory may not, or because it was given up by itself or with the directory below that it lies in.
    pub async fn output(
        &mut self,
        scope: &Scope,
        file: FileId,
        dir: &str,
        below: &str,
    ) -> Result<Option<Time>, StoreError> {
        let place = format!("{}/{file}/{dir}", scope.app());
        let first = below.split('/').next().unwrap_or_default();
        let row = sqlx::query(
            "SELECT created_at FROM output_dirs WHERE app = $1 AND file_id = $2 AND dir = $3
                AND NOT EXISTS (SELECT 1 FROM abandoned WHERE place IN ($4, $5))",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .bind(dir)
        .bind(format!("blob:{place}/{below}"))
        .bind(format!("dir:{place}/{first}"))
        .fetch_optional(self.conn())
        .await?;
        row.map(|row| row.time("created_at")).transpose()
    }
}

impl Tx {
    /// Makes a task and its sub-tasks, all waiting. `AlreadyExists` if the id is taken.
    pub async fn create_task(
        &mut self,
        scope: &Scope,
        new: &NewTask,
        subtasks: &[NewSubtask],
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO tasks (id, app, file_id, procedure_name, state, priority, notify_mode, session_context,
                                session_id, created_at, deadline)
             VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&new.id)
        .bind(scope.app().0)
        .bind(new.file_id.0)
        .bind(&new.procedure)
        .bind(new.priority)
        .bind(new.notify_mode.as_str())
        .bind(&new.session_context)
        .bind(&new.session_id)
        .bind(now.0)
        .bind(new.deadline.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)?;
        for (index, subtask) in (0_i64..).zip(subtasks) {
            sqlx::query(
                "INSERT INTO subtasks (task_id, idx, step, kind, definition, input, state)
                 VALUES ($1, $2, $3, $4, $5, $6, 'waiting')",
            )
            .bind(&new.id)
            .bind(index)
            .bind(&subtask.step)
            .bind(&subtask.kind)
            .bind(subtask.definition)
            .bind(&subtask.input)
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// Takes a task for the rest of this unit, and begins it if no step has begun yet. `Stale` if it is terminal.
    pub async fn hold_task(&mut self, scope: &Scope, id: &str) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE tasks SET state = 'processing', begun_at = COALESCE(begun_at, $1)
              WHERE app = $2 AND id = $3 AND state IN ('waiting', 'processing')",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Marks a held task finished if all its sub-tasks are terminal, and says whether it is now. `reason` is a stable word, or
    /// empty when its steps ended it.
    pub async fn finish_task(&mut self, scope: &Scope, id: &str, reason: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE tasks SET state = 'finish', finished_at = $1, reason = $2
              WHERE app = $3 AND id = $4 AND state = 'processing' AND NOT EXISTS
                    (SELECT 1 FROM subtasks WHERE task_id = $4 AND state IN ('waiting', 'processing'))",
        )
        .bind(now.0)
        .bind(reason)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Ends a task, and with `end` those of its sub-tasks that are not terminal, because nobody wants its results any more.
    /// `Stale` if it is terminal.
    pub async fn abort_task(
        &mut self,
        scope: &Scope,
        id: &str,
        end: &SubtaskEnd,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.hold_task(scope, id).await?;
        for subtask in self.subtasks(scope, id).await? {
            if matches!(subtask.state, SubtaskState::Waiting | SubtaskState::Processing) {
                self.end_subtask(scope, id, subtask.index, end).await?;
            }
        }
        let now = self.now();
        let result = sqlx::query(
            "UPDATE tasks SET state = 'aborted', finished_at = $1, reason = $2
              WHERE app = $3 AND id = $4 AND state = 'processing'",
        )
        .bind(now.0)
        .bind(reason)
        .bind(scope.app().0)
        .bind(id)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Marks a sub-task of a held task as begun. `Stale` if it was begun before.
    pub async fn begin_subtask(&mut self, scope: &Scope, task: &str, index: i64) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE subtasks SET state = 'processing', begun_at = $1
              WHERE task_id = $2 AND idx = $3 AND state = 'waiting'
                AND task_id IN (SELECT id FROM tasks WHERE app = $4)",
        )
        .bind(now.0)
        .bind(task)
        .bind(index)
        .bind(scope.app().0)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Writes how far the begun sub-tasks of one step are, in percent. Never goes back.
    pub async fn set_step_progress(
        &mut self,
        scope: &Scope,
        task: &str,
        step: &str,
        percent: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE subtasks SET progress = $1
              WHERE task_id = $2 AND step = $3 AND state = 'processing' AND progress < $1
                AND task_id IN (SELECT id FROM tasks WHERE app = $4)",
        )
        .bind(percent)
        .bind(task)
        .bind(step)
        .bind(scope.app().0)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Ends a sub-task of a held task. `Stale` if it is terminal already.
    pub async fn end_subtask(
        &mut self,
        scope: &Scope,
        task: &str,
        index: i64,
        end: &SubtaskEnd,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let (state, err_code, err_code_ext, message, output) = match end {
            SubtaskEnd::Success { output } => (SubtaskState::Success, 0, "", String::new(), output.as_str()),
            SubtaskEnd::Fail { err_code, err_code_ext, message } => {
                (SubtaskState::Fail, *err_code, err_code_ext.as_str(), message.replace('\0', "\u{fffd}"), "")
            }
        };
        let result = sqlx::query(
            "UPDATE subtasks SET state = $1, err_code = $2, err_code_ext = $3, message = $4, output = $5,
                    progress = 100, begun_at = COALESCE(begun_at, $6), finished_at = $6
              WHERE task_id = $7 AND idx = $8 AND state IN ('waiting', 'processing')
                AND task_id IN (SELECT id FROM tasks WHERE app = $9)",
        )
        .bind(state.as_str())
        .bind(err_code)
        .bind(err_code_ext)
        .bind(message)
        .bind(output)
        .bind(now.0)
        .bind(task)
        .bind(index)
        .bind(scope.app().0)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Says that the directory `dir` of a file's outputs may be served. `AlreadyExists` if it could before.
    pub async fn add_output_dir(
        &mut self,
        scope: &Scope,
        file: FileId,
        dir: &str,
        task: &str,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO output_dirs (file_id, dir, app, task_id, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (file_id, dir) DO NOTHING",
        )
        .bind(file.0)
        .bind(dir)
        .bind(scope.app().0)
        .bind(task)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)
    }
}

fn decode_task(row: &AnyRow) -> Result<Task, StoreError> {
    Ok(Task {
        id: row.text("id")?,
        app: row.app_id("app")?,
        file_id: row.file_id("file_id")?,
        procedure: row.text("procedure_name")?,
        state: row.word("state")?,
        priority: row.int("priority")?,
        notify_mode: row.word("notify_mode")?,
        session_context: row.text("session_context")?,
        session_id: row.text("session_id")?,
        reason: row.text("reason")?,
        created_at: row.time("created_at")?,
        begun_at: row.optional_time("begun_at")?,
        finished_at: row.optional_time("finished_at")?,
        deadline: row.time("deadline")?,
    })
}

fn decode_subtask(row: &AnyRow) -> Result<Subtask, StoreError> {
    Ok(Subtask {
        task_id: row.text("task_id")?,
        index: row.int("idx")?,
        step: row.text("step")?,
        kind: row.text("kind")?,
        definition: row.int("definition")?,
        input: row.text("input")?,
        state: row.word("state")?,
        progress: row.int("progress")?,
        err_code: row.int("err_code")?,
        err_code_ext: row.text("err_code_ext")?,
        message: row.text("message")?,
        output: row.text("output")?,
        begun_at: row.optional_time("begun_at")?,
        finished_at: row.optional_time("finished_at")?,
    })
}
