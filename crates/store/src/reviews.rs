//! Reviews: what the machine found in a file, with the evidence it rests on.

use reelgate_model::{AppId, FileId, Scope, Suggestion, Time};
use sqlx::any::AnyRow;

use crate::row::{Columns, ensure_inserted};
use crate::{Read, StoreError, Tx};

/// One review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The task it was a step of.
    pub task_id: String,
    /// Its application.
    pub app: AppId,
    /// The file it looked at.
    pub file_id: FileId,
    /// What it found, as the flows wrote it.
    pub findings: ReviewFindings,
    /// When it was made.
    pub created_at: Time,
}

/// What a review found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewFindings {
    /// What to do.
    pub suggestion: Suggestion,
    /// What was found; empty on pass.
    pub label: String,
    /// 0 to 100.
    pub confidence: i64,
    /// JSON: name and SHA-256 of each model.
    pub models: String,
    /// JSON: every frame with its time, scores and picture.
    pub frames: String,
}

impl Read {
    /// The newest review of a file.
    pub async fn latest_review(&mut self, scope: &Scope, file: FileId) -> Result<Option<Review>, StoreError> {
        let row = sqlx::query(
            "SELECT task_id, app, file_id, suggestion, label, confidence, models, frames, created_at FROM reviews
              WHERE app = $1 AND file_id = $2 ORDER BY created_at DESC, task_id DESC LIMIT 1",
        )
        .bind(scope.app().0)
        .bind(file.0)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(decode).transpose()
    }
}

impl Tx {
    /// Keeps the review of a task. `AlreadyExists` if the task has one.
    pub async fn create_review(
        &mut self,
        scope: &Scope,
        task: &str,
        file: FileId,
        findings: &ReviewFindings,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "INSERT INTO reviews (task_id, app, file_id, suggestion, label, confidence, models, frames, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (task_id) DO NOTHING",
        )
        .bind(task)
        .bind(scope.app().0)
        .bind(file.0)
        .bind(findings.suggestion.as_str())
        .bind(&findings.label)
        .bind(findings.confidence)
        .bind(&findings.models)
        .bind(&findings.frames)
        .bind(now.0)
        .execute(self.conn())
        .await?;
        ensure_inserted(&result)
    }
}

fn decode(row: &AnyRow) -> Result<Review, StoreError> {
    Ok(Review {
        task_id: row.text("task_id")?,
        app: row.app_id("app")?,
        file_id: row.file_id("file_id")?,
        findings: ReviewFindings {
            suggestion: row.word("suggestion")?,
            label: row.text("label")?,
            confidence: row.int("confidence")?,
            models: row.text("models")?,
            frames: row.text("frames")?,
        },
        created_at: row.time("created_at")?,
    })
}
