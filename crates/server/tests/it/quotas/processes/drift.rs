//! kill -9 at random moments of Apply, Commit, revocation and expiry: what the rows of quotas say stays what sessions and
//! media say.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;

use super::cluster::{Clients, expire_all};
use super::{Engine, cluster, ledger, tell};
use crate::quotas::MIB;
use crate::upload::noise;

/// Rounds of `make test`; `make soak` says more by `REELGATE_KILL_ROUNDS`.
const ROUNDS: u32 = 10;
/// Others in each round, whose day is not used up yet.
const USERS: usize = 3;
const CLIENTS: usize = 9;
const UPLOADS: usize = 3;
const DAILY: u64 = 6;
/// Longest time from the start of a round to its kill.
const WIDTH_MS: u64 = 900;

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_two_processes_leave_no_drift() {
    rounds(Engine::Postgres, "two processes on PostgreSQL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_the_process_on_sqlite_leave_no_drift() {
    rounds(Engine::Sqlite, "one process on SQLite").await;
}

async fn rounds(engine: Engine, which: &str) {
    let count = std::env::var("REELGATE_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let policy = json!({
        "name": "day", "max_size": MIB, "daily_uploads": DAILY, "daily_bytes": 200 * MIB, "open_sessions": 2,
        "bytes_in_flight": 100 * MIB,
    });
    let Some((mut cluster, _alone)) = cluster(engine, policy).await else { return };
    let (clients, store, ahead) = (cluster.clients(), cluster.store().await, cluster.node_ahead().await);
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    let mut users = Vec::new();
    for round in 1..=count {
        let names: Vec<String> = (0..USERS).map(|number| format!("user-{round}-{number}")).collect();
        let running: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (clients, user) = (clients.clone(), names[number % USERS].clone());
                tokio::spawn(async move { client(&clients, number, &user).await })
            })
            .collect();
        users.extend(names);
        let (victim, after) = (rand::random_range(0..cluster.len()), rand::random_range(0..WIDTH_MS));
        sleep(Duration::from_millis(after)).await;
        // Half of the time another node ends everything that is open while it is being committed or revoked.
        let expire = async { if rand::random() { expire_all(&ahead).await } else { 0 } };
        let (expired, ()) = tokio::join!(expire, cluster.kill(victim));
        cluster.revive(victim).await;
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        for outcome in join_all(running).await.into_iter().flat_map(Result::unwrap) {
            *outcomes.entry(outcome.clone()).or_default() += 1;
            *all.entry(outcome).or_default() += 1;
        }
        let report = ledger::check(&store, &users, &clients.permissions()).await;
        tell(&format!(
            "{which}, round {round}: killed {victim} after {after} ms, {expired} expired, {outcomes:?}; {report}"
        ));
        for (user, amount) in report.of_users() {
            assert!(amount.uploads <= DAILY && amount.bytes <= 200 * MIB, "{user}: {amount:?}");
        }
    }
    let expired = expire_all(&ahead).await;
    let report = ledger::check(&store, &users, &clients.permissions()).await;
    let failures = clients.failures.lock().unwrap().len();
    tell(&format!(
        "{which}: {count} kills, {all:?}, {failures} answers of 500, {expired} expired at the end; {report}"
    ));
    store.close().await;
}

/// One client: some uploads with one signature, each ended in some way. Returns what became of them.
async fn client(clients: &Clients, number: usize, user: &str) -> Vec<String> {
    let issued = clients.issue(number, user, false).await;
    let mut outcomes = Vec::new();
    for upload in 0..UPLOADS {
        let turn = number + upload;
        let size = rand::random_range(1..60_000);
        let mut fields =
            json!({"videoName": format!("{number}-{upload}"), "videoType": "mp4", "videoSize": size});
        if rand::random() {
            fields.as_object_mut().unwrap().remove("videoSize");
        }
        let cover = rand::random_range(0..3) == 0;
        if cover {
            fields["coverType"] = "png".into();
        }
        let opened = clients.ugc(turn, "ApplyUploadUGC", &issued.signature, fields).await;
        if opened.code != 0 {
            outcomes.push(format!("Apply {}", opened.code));
            continue;
        }
        match rand::random_range(0..4) {
            0 | 1 => {
                let mut put = clients.put(turn, &opened.data, "video", noise(1, size)).await;
                if cover {
                    put = put.max(clients.put(turn, &opened.data, "cover", noise(2, 300)).await);
                }
                let key = json!({"vodSessionKey": opened.data["vodSessionKey"]});
                let done = clients.ugc(turn, "CommitUploadUGC", &issued.signature, key).await;
                outcomes.push(format!("PUT {put}, Commit {}", done.code));
            }
            2 => {
                clients.revoke(turn, json!({"permission_id": issued.permission})).await;
                outcomes.push("revoked".to_owned());
                return outcomes;
            }
            _ => outcomes.push("left open".to_owned()),
        }
    }
    outcomes
}
