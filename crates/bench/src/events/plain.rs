//! What people write themselves on PostgreSQL: a table that is inserted into, and one that is a queue with SKIP LOCKED.

use anyhow::{Context, Result};
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::appends::Writer;

const TABLES: &str = "
    CREATE TABLE plain (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app BIGINT NOT NULL, file_id BIGINT NOT NULL,
                        type TEXT NOT NULL, fact TEXT NOT NULL, recorded_at BIGINT NOT NULL);
    CREATE INDEX plain_app ON plain (app, id);
    CREATE TABLE queue (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, visible_at TIMESTAMPTZ NOT NULL DEFAULT now(),
                        payload TEXT NOT NULL);
    CREATE INDEX queue_visible ON queue (visible_at, id);";

/// A database with both tables.
pub(super) async fn open(url: &str, connections: u32) -> Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(connections).connect(url).await;
    let pool = pool.context("PostgreSQL cannot be reached")?;
    sqlx::raw_sql(TABLES).execute(&pool).await.context("the tables of the peer cannot be made")?;
    Ok(pool)
}

/// Inserts rows, each committed by itself.
pub(super) struct PlainWriter(pub(super) PgPool);

impl Writer for PlainWriter {
    async fn append(&mut self, payload: &str) -> Result<()> {
        sqlx::query("INSERT INTO plain (app, file_id, type, fact, recorded_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(1_250_000_001_i64)
            .bind(rand::random_range(1..i64::MAX))
            .bind("NewFileUpload")
            .bind(payload)
            .bind(1_780_000_000_000_i64)
            .execute(&self.0)
            .await?;
        Ok(())
    }
}

/// Fills the queue.
pub(super) async fn fill(pool: &PgPool, count: usize, payload: &str) -> Result<()> {
    sqlx::query("INSERT INTO queue (payload) SELECT $1 FROM generate_series(1, $2)")
        .bind(payload)
        .bind(i64::try_from(count)?)
        .execute(pool)
        .await?;
    Ok(())
}

/// Takes and deletes `batch` rows at a time until there are none. Returns how many there were.
pub(super) async fn drain(pool: PgPool, batch: i64) -> Result<usize> {
    let mut count = 0;
    loop {
        let taken: Vec<(i64, String)> = sqlx::query_as(
            "UPDATE queue SET visible_at = now() + interval '30 seconds'
              WHERE id IN (SELECT id FROM queue WHERE visible_at <= now() ORDER BY visible_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)
             RETURNING id, payload",
        )
        .bind(batch)
        .fetch_all(&pool)
        .await?;
        if taken.is_empty() {
            return Ok(count);
        }
        let ids: Vec<i64> = taken.iter().map(|(id, _)| *id).collect();
        sqlx::query("DELETE FROM queue WHERE id = ANY($1)").bind(ids).execute(&pool).await?;
        count += taken.len();
    }
}
