//! Hints between processes: PostgreSQL's NOTIFY and LISTEN. On SQLite there is one process and nothing to relay.
//!
//! A hint leaves in a statement of its own after the commit, not inside the transaction: NOTIFY makes all commits
//! of the server take turns. Many hints in a row leave as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use sqlx::AnyPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::hints::{Board, Topic, Topics};

const CHANNEL: &str = "reelgate_hints";
/// Pause before the listener connects again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Rings the bells of this process and marks what the other processes should hear.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    pub(crate) board: Arc<Board>,
    outbox: Arc<Outbox>,
}

#[derive(Debug, Default)]
struct Outbox {
    topics: AtomicU8,
    filled: Notify,
}

impl Bells {
    pub(crate) fn ring(&self, topics: Topics) {
        if !topics.is_empty() {
            self.board.ring(topics);
            self.outbox.topics.fetch_or(topics.0, Ordering::Relaxed);
            self.outbox.filled.notify_one();
        }
    }
}

/// Starts both directions for a PostgreSQL database; they end with `tasks`.
pub(crate) fn start(bells: &Bells, url: String, pool: AnyPool, tasks: &mut JoinSet<()>) {
    let node = Uuid::new_v4().simple().to_string();
    tasks.spawn(send(Arc::clone(&bells.outbox), pool, node.clone()));
    tasks.spawn(receive(Arc::clone(&bells.board), url, node));
}

async fn send(outbox: Arc<Outbox>, pool: AnyPool, node: String) {
    loop {
        outbox.filled.notified().await;
        let topics = Topics(outbox.topics.swap(0, Ordering::Relaxed));
        for topic in topics.iter() {
            // pg_notify returns void, which the Any driver cannot read: it stands in FROM.
            let sent = sqlx::query("SELECT CAST(1 AS BIGINT) AS one FROM pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(format!("{}:{node}", topic.as_str()))
                .execute(&pool)
                .await;
            if let Err(error) = sent {
                tracing::debug!(%error, "a hint to the other processes was lost; they look at their poll floor");
            }
        }
    }
}

async fn receive(board: Arc<Board>, url: String, node: String) {
    loop {
        if let Err(error) = listen(&board, &url, &node).await {
            tracing::warn!(%error, "hints from other processes stopped; polling goes on, listening again soon");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn listen(board: &Board, url: &str, node: &str) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen(CHANNEL).await?;
    loop {
        match listener.try_recv().await? {
            Some(hint) => {
                let (word, from) = hint.payload().split_once(':').unwrap_or((hint.payload(), ""));
                if let Some(topic) = Topic::from_word(word).filter(|_| from != node) {
                    let mut topics = Topics::default();
                    topics.insert(topic);
                    board.ring(topics);
                }
            }
            // The connection was lost, and hints with it.
            None => board.ring_all(),
        }
    }
}
