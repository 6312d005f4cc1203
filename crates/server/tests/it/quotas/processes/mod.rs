//! The same promises with real server processes: side by side on one PostgreSQL, and killed in the middle of everything.

mod cluster;
mod drift;
mod flood;
mod hundred;
mod ledger;
mod once;
mod revoked;

use std::io::Write;

use reelgate_testkit::{Database, find_program, skip};
use tokio::sync::{Mutex, MutexGuard};

use cluster::Cluster;

/// What the servers of a test share.
#[derive(Clone, Copy)]
enum Engine {
    Sqlite,
    Postgres,
}

/// Servers with `policy` on a fresh database: one on SQLite, two on PostgreSQL. `None`, having said so, where they
/// cannot run.
async fn cluster(engine: Engine, policy: serde_json::Value) -> Option<(Cluster, MutexGuard<'static, ()>)> {
    /// These tests measure and kill; two of them at once would measure each other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    if ["ffmpeg", "ffprobe"].iter().any(|name| find_program(&[name]).is_none()) {
        skip(&test, "ffmpeg or ffprobe is not installed");
        return None;
    }
    let database = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Database::postgres(&test)?),
    };
    let alone = ONE_AT_A_TIME.lock().await;
    Some((Cluster::start(database, policy).await, alone))
}

/// Straight to standard error: what a passing test prints is otherwise thrown away, and these figures are its result.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "quotas: {line}");
}
