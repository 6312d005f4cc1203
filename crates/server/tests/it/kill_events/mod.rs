//! SIGKILL of any process while events are made, handed over, sent, pulled and confirmed: every committed change has exactly
//! one event in the log, and every reader gets each (design promises 2 and 3). Ids are compared, not counts.
//!
//! On SQLite one process does everything. On PostgreSQL the doors are in one process and delivery in two more, and any of
//! them is killed. Receivers and consumer live on in this process.

mod readers;
mod scene;

use std::collections::BTreeMap;
use std::io::Write;

use reelgate_testkit::Database;

use scene::Scene;

/// Rounds of `make test` on each engine; `make soak` says more by `REELGATE_KILL_ROUNDS`.
const ROUNDS: u32 = 20;

/// What a kill is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// CommitUploadUGC, from request to answer: the upload's event is written.
    Commit,
    /// DeleteMedia, from request to answer: the deletion's event is written.
    Delete,
    /// From an event's commit until an endpoint has its request: it is handed over and claimed.
    HandOver,
    /// From the request at an endpoint until the endpoint answers.
    Deliver,
    /// Just after the endpoint has answered: what came of it is written.
    Settle,
    /// PullEvents, from request to answer.
    Pull,
    /// ConfirmEvents, from request to answer.
    Confirm,
}

impl Phase {
    const ALL: [Self; 7] =
        [Self::Commit, Self::Delete, Self::HandOver, Self::Deliver, Self::Settle, Self::Pull, Self::Confirm];

    /// Each as likely as the others.
    fn drawn() -> Self {
        Self::ALL[rand::random_range(0..Self::ALL.len())]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_outlives_kills_on_sqlite() {
    kill_and_compare(Database::sqlite(), "SQLite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_outlives_kills_on_postgres() {
    let Some(database) = Database::postgres("every_event_outlives_kills_on_postgres") else { return };
    kill_and_compare(database, "PostgreSQL").await;
}

async fn kill_and_compare(database: Database, engine: &str) {
    let rounds = std::env::var("REELGATE_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut scene = Scene::open(database).await;
    let mut hits: BTreeMap<Phase, u32> = BTreeMap::new();
    for round in 1..=rounds {
        let phase = Phase::drawn();
        let (whom, cut) = scene.strike(phase).await;
        tell(&format!("{engine}, round {round}: aimed at {phase:?}; {whom} died; cut: {cut}"));
        if cut {
            *hits.entry(phase).or_default() += 1;
        }
    }
    let (events, uploads, deletions) = scene.check_all().await;
    tell(&format!(
        "{engine}: {rounds} kills cut {hits:?}; {events} events of {uploads} uploads and {deletions} deletions, each once in \
         the log, each at both endpoints and at the consumer"
    ));
    assert!(!hits.is_empty(), "no kill of {rounds} met what it was aimed at");
}

/// Straight to standard error: what a passing test prints is otherwise thrown away, and these figures are its result.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "kill events: {line}");
}
