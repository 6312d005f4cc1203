//! The queue. Rows are the truth: a job is made in the transaction of the change that causes it, claimed under a lease, and
//! ended in the transaction of the change that it makes.
//!
//! `attempts` grows with every claim and is the guard of everything a holder does: who was declared dead and comes
//! back later finds `Stale` and must roll back. The crate `jobs` runs the loop; nothing here knows a job by name.

use std::time::Duration;

use reelgate_model::{AppId, FileId, JobState, Scope, Time};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::row::{Columns, each, ensure_changed};
use crate::{Engine, Read, StoreError, Topic, Tx};

/// A job to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Which workers it waits for.
    pub queue: String,
    /// What is to be done.
    pub kind: String,
    /// Of the payload. A worker leaves versions alone that are newer than it knows.
    pub version: i64,
    /// JSON; names its inputs by id.
    pub payload: String,
    /// The file it is about.
    pub file: Option<FileId>,
    /// The task it is a step of.
    pub task: Option<String>,
    /// Higher goes first.
    pub priority: i64,
    /// How often it may be tried before it is given up.
    pub max_attempts: i64,
    /// Not before.
    pub run_at: Time,
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The application it works for.
    pub app: AppId,
    /// Which workers it waits for.
    pub queue: String,
    /// What is to be done.
    pub kind: String,
    /// Of the payload.
    pub version: i64,
    /// JSON.
    pub payload: String,
    /// The file it is about.
    pub file: Option<FileId>,
    /// The task it is a step of.
    pub task: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// Higher goes first.
    pub priority: i64,
    /// How often it has been claimed. More than `max_attempts`: its holders died, and it is to be given up.
    pub attempts: i64,
    /// How often it may be tried.
    pub max_attempts: i64,
    /// Not before.
    pub run_at: Time,
    /// Until when its holder has it.
    pub lease_until: Option<Time>,
    /// Its present or last holder.
    pub worker: String,
    /// Why the last attempt did not end well.
    pub last_error: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was done or failed.
    pub finished_at: Option<Time>,
}

impl Job {
    /// What proves that one holds this claim of the job.
    pub fn lease(&self) -> Lease {
        Lease { job: self.id.clone(), attempt: self.attempts }
    }
}

/// One claim of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    job: String,
    attempt: i64,
}

/// Whose jobs are wanted, by whom, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// From these queues.
    pub queues: Vec<String>,
    /// Of these kinds, each up to and including a version of its payload.
    pub kinds: Vec<(String, i64)>,
    /// Written into the row, for people.
    pub worker: String,
    /// Others may take the job after this, unless it is extended.
    pub lease: Duration,
    /// At most so many.
    pub limit: u32,
}

/// How many jobs of a kind are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCount {
    /// The queue.
    pub queue: String,
    /// The kind.
    pub kind: String,
    /// The state: ready or running.
    pub state: JobState,
    /// How many.
    pub count: u64,
}

impl Read {
    /// One job.
    pub async fn job(&mut self, scope: &Scope, id: &str) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query(
            "SELECT id, app, queue, kind, version, payload, file_id, task_id, state, priority, attempts,
                    max_attempts, run_at, lease_until, worker, last_error, created_at, finished_at
               FROM jobs WHERE app = $1 AND id = $2",
        )
        .bind(scope.app().0)
        .bind(id)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Up to `limit` jobs about one file with ids after `after` (empty: from the first). Ids grow with time.
    pub async fn file_jobs(
        &mut self,
        scope: &Scope,
        file: FileId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, app, queue, kind, version, payload, file_id, task_id, state, priority, attempts,
                    max_attempts, run_at, lease_until, worker, last_error, created_at, finished_at
               FROM jobs WHERE app = $1 AND file_id = $2 AND id > $3 ORDER BY id LIMIT $4",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.conn())
        .await?;
        each(&rows, decode)
    }

    /// How many jobs of all applications are unfinished, by queue, kind and state.
    pub async fn job_counts(&mut self) -> Result<Vec<JobCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT queue, kind, state, COUNT(*) AS found FROM jobs WHERE state IN ('ready', 'running')
              GROUP BY queue, kind, state ORDER BY queue, kind, state",
        )
        .fetch_all(self.conn())
        .await?;
        each(&rows, |row| {
            Ok(JobCount {
                queue: row.text("queue")?,
                kind: row.text("kind")?,
                state: row.word("state")?,
                count: row.size("found")?,
            })
        })
    }
}

impl Tx {
    /// Makes a job, wakes workers after the commit, and returns the job's id.
    pub async fn enqueue(&mut self, scope: &Scope, job: &NewJob) -> Result<String, StoreError> {
        let (id, now) = (self.new_id(), self.now());
        sqlx::query(
            "INSERT INTO jobs (id, app, queue, kind, version, payload, file_id, task_id, state, priority,
                               max_attempts, run_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ready', $9, $10, $11, $12)",
        )
        .bind(&id)
        .bind(scope.app().0)
        .bind(&job.queue)
        .bind(&job.kind)
        .bind(job.version)
        .bind(&job.payload)
        .bind(job.file.map(|file| file.0))
        .bind(job.task.as_deref())
        .bind(job.priority)
        .bind(job.max_attempts)
        .bind(job.run_at.0)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        self.hint(Topic::Jobs);
        Ok(id)
    }

    /// Takes jobs that are due, and those whose holder let its lease run out; highest priority first. Belongs into a
    /// unit of its own.
    pub async fn claim_jobs(&mut self, claim: &Claim) -> Result<Vec<Job>, StoreError> {
        if claim.queues.is_empty() || claim.kinds.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let sql = claim_sql(self.engine(), claim.queues.len(), claim.kinds.len());
        // The text varies in how many placeholders it has, and in nothing that comes from outside.
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(now.0)
            .bind((now + claim.lease).0)
            .bind(&claim.worker)
            .bind(i64::from(claim.limit));
        for queue in &claim.queues {
            query = query.bind(queue);
        }
        for (kind, version) in &claim.kinds {
            query = query.bind(kind).bind(version);
        }
        let rows = query.fetch_all(self.conn()).await?;
        let mut jobs = each(&rows, decode)?;
        jobs.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.run_at.cmp(&b.run_at)).then(a.id.cmp(&b.id)));
        Ok(jobs)
    }

    /// Extends a lease to `until`. `Stale` if it was lost.
    pub async fn extend_lease(&mut self, lease: &Lease, until: Time) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE jobs SET lease_until = $1 WHERE id = $2 AND attempts = $3 AND state = 'running'",
        )
        .bind(until.0)
        .bind(&lease.job)
        .bind(lease.attempt)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Marks a job done. `Stale` if the lease was lost: then the unit, with all that the job wrote, must roll back.
    pub async fn complete_job(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE jobs SET state = 'done', finished_at = $1, lease_until = NULL, last_error = ''
              WHERE id = $2 AND attempts = $3 AND state = 'running'",
        )
        .bind(now.0)
        .bind(&lease.job)
        .bind(lease.attempt)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Puts a job back until `run_at`. `Stale` if the lease was lost.
    pub async fn retry_job(&mut self, lease: &Lease, run_at: Time, error: &str) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE jobs SET state = 'ready', run_at = $1, lease_until = NULL, last_error = $2
              WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(run_at.0)
        .bind(printable(error))
        .bind(&lease.job)
        .bind(lease.attempt)
        .execute(self.conn())
        .await?;
        self.hint(Topic::Jobs);
        ensure_changed(&result)
    }

    /// Marks a job failed for good. `Stale` if the lease was lost.
    pub async fn fail_job(&mut self, lease: &Lease, error: &str) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE jobs SET state = 'failed', finished_at = $1, lease_until = NULL, last_error = $2
              WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(now.0)
        .bind(printable(error))
        .bind(&lease.job)
        .bind(lease.attempt)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Gives a job back unfinished, for others to take at once; the attempt does not count. `Stale` if the lease was
    /// lost.
    pub async fn release_job(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let now = self.now();
        // The limit is raised instead of the count lowered: the count must never have the same value twice.
        let result = sqlx::query(
            "UPDATE jobs SET state = 'ready', run_at = $1, lease_until = NULL, max_attempts = max_attempts + 1
              WHERE id = $2 AND attempts = $3 AND state = 'running'",
        )
        .bind(now.0)
        .bind(&lease.job)
        .bind(lease.attempt)
        .execute(self.conn())
        .await?;
        self.hint(Topic::Jobs);
        ensure_changed(&result)
    }

    /// Marks every unfinished job of one task failed, running ones included: their holders find their lease lost.
    /// Returns how many there were.
    pub async fn cancel_task_jobs(
        &mut self,
        scope: &Scope,
        task: &str,
        reason: &str,
    ) -> Result<u64, StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE jobs SET state = 'failed', finished_at = $1, lease_until = NULL, last_error = $2
              WHERE app = $3 AND task_id = $4 AND state IN ('ready', 'running')",
        )
        .bind(now.0)
        .bind(printable(reason))
        .bind(scope.app().0)
        .bind(task)
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected())
    }

    /// The same for every job of one file, those without a task included.
    pub async fn cancel_file_jobs(
        &mut self,
        scope: &Scope,
        file: FileId,
        reason: &str,
    ) -> Result<u64, StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE jobs SET state = 'failed', finished_at = $1, lease_until = NULL, last_error = $2
              WHERE app = $3 AND file_id = $4 AND state IN ('ready', 'running')",
        )
        .bind(now.0)
        .bind(printable(reason))
        .bind(scope.app().0)
        .bind(file.0)
        .execute(self.conn())
        .await?;
        Ok(result.rows_affected())
    }
}

/// `$1` now, `$2` end of the lease, `$3` worker, `$4` limit, then the queues, then kind and version in pairs.
fn claim_sql(engine: Engine, queues: usize, kinds: usize) -> String {
    let queues_end = 5 + queues;
    let queue_list: Vec<String> = (5..queues_end).map(|n| format!("${n}")).collect();
    let kind_list: Vec<String> = (0..kinds)
        .map(|n| queues_end + 2 * n)
        .map(|n| format!("(kind = ${n} AND version <= ${})", n + 1))
        .collect();
    // SQLite has one writer: nobody else can hold a row.
    let lock = match engine {
        Engine::Sqlite => "",
        Engine::Postgres => "FOR UPDATE SKIP LOCKED",
    };
    format!(
        "WITH due AS MATERIALIZED (
             SELECT id FROM jobs
              WHERE queue IN ({queues}) AND ({kinds})
                AND ((state = 'ready' AND run_at <= $1) OR (state = 'running' AND lease_until <= $1))
              ORDER BY priority DESC, run_at, id LIMIT $4 {lock}
         )
         UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_until = $2, worker = $3
          WHERE id IN (SELECT id FROM due)
         RETURNING id, app, queue, kind, version, payload, file_id, task_id, state, priority, attempts,
                   max_attempts, run_at, lease_until, worker, last_error, created_at, finished_at",
        queues = queue_list.join(", "),
        kinds = kind_list.join(" OR "),
    )
}

/// At most 2048 characters, without NUL, which PostgreSQL cannot store: the text may come from a child process.
fn printable(error: &str) -> String {
    error.chars().take(2048).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

fn decode(row: &AnyRow) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.text("id")?,
        app: row.app_id("app")?,
        queue: row.text("queue")?,
        kind: row.text("kind")?,
        version: row.int("version")?,
        payload: row.text("payload")?,
        file: row.optional_file_id("file_id")?,
        task: row.value("task_id")?,
        state: row.word("state")?,
        priority: row.int("priority")?,
        attempts: row.int("attempts")?,
        max_attempts: row.int("max_attempts")?,
        run_at: row.time("run_at")?,
        lease_until: row.optional_time("lease_until")?,
        worker: row.text("worker")?,
        last_error: row.text("last_error")?,
        created_at: row.time("created_at")?,
        finished_at: row.optional_time("finished_at")?,
    })
}
