//! Deleting media and what was made of them: rows stay for those who ask what became of a file, bytes are given up. The work
//! on a file ends with [`Tx::cancel_file_jobs`] and [`Tx::abort_task`].

use reelgate_model::{FileId, Scope};

use crate::listings::Keys;
use crate::row::ensure_changed;
use crate::tasks::Subtask;
use crate::{StoreError, Tx};

impl Tx {
    /// Gives up the source of a media and the objects that it came by. `Stale` if it has none, or another.
    pub async fn remove_source(
        &mut self,
        scope: &Scope,
        file: FileId,
        blob: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE media SET source_blob = '', updated_at = $1
              WHERE app = $2 AND file_id = $3 AND status = 'normal' AND source_blob = $4 AND source_blob <> ''",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(file.0)
        .bind(blob)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)?;
        sqlx::query("DELETE FROM objects WHERE app = $1 AND blob = $2")
            .bind(scope.app().0)
            .bind(blob)
            .execute(self.conn())
            .await?;
        self.abandon(scope, &format!("blob:{blob}"), reason).await
    }

    /// Marks a media deleted; the row stays for those who ask what became of it, and names no bytes any more. `Stale` if
    /// it is unknown or deleted already.
    pub async fn mark_deleted(&mut self, scope: &Scope, file: FileId) -> Result<(), StoreError> {
        let now = self.now();
        let result = sqlx::query(
            "UPDATE media SET status = 'deleted', source_blob = '', cover_blob = '', updated_at = $1
              WHERE app = $2 AND file_id = $3 AND status = 'normal'",
        )
        .bind(now.0)
        .bind(scope.app().0)
        .bind(file.0)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Writes another record of what came out of `subtask`. `Stale` if it is not as it was read.
    pub async fn replace_output(
        &mut self,
        scope: &Scope,
        subtask: &Subtask,
        output: &str,
    ) -> Result<(), StoreError> {
        let result = sqlx::query(
            "UPDATE subtasks SET output = $1 WHERE task_id = $2 AND idx = $3 AND output = $4
                AND task_id IN (SELECT id FROM tasks WHERE app = $5)",
        )
        .bind(output)
        .bind(&subtask.task_id)
        .bind(subtask.index)
        .bind(&subtask.output)
        .bind(scope.app().0)
        .execute(self.conn())
        .await?;
        ensure_changed(&result)
    }

    /// Nothing of a file's outputs may be served from now on.
    pub async fn remove_output_dirs(&mut self, scope: &Scope, file: FileId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM output_dirs WHERE app = $1 AND file_id = $2")
            .bind(scope.app().0)
            .bind(file.0)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// Gives up everything that lies below a file: sources, covers, and outputs of any attempt, those that no row names
    /// included. No object is behind its keys any more.
    pub async fn abandon_file(
        &mut self,
        scope: &Scope,
        file: FileId,
        reason: &str,
    ) -> Result<(), StoreError> {
        let place = format!("{}/{file}", scope.app());
        let below = format!("{place}/");
        sqlx::query("DELETE FROM objects WHERE app = $1 AND object_key >= $2 AND object_key < $3")
            .bind(scope.app().0)
            .bind(&below)
            .bind(Keys { prefix: &below, after: "" }.end())
            .execute(self.conn())
            .await?;
        self.abandon(scope, &format!("dir:{place}"), reason).await
    }
}
