//! A thousand uploads of one user at once, of whom a hundred are allowed.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::cluster::{
    Answered, Clients, Cluster, Issued, PATIENCE, a_day_that_lasts, expire_all, open, used,
};
use super::{Engine, cluster, ledger, tell};
use crate::quotas::{SIZE, amount, uploads_full};
use crate::upload::noise;

const UPLOADS: usize = 1_000;
const ALLOWED: u64 = 100;
/// These begin before the kill, which so comes while places are left; the others just before it.
const FIRST: usize = 90;
const USER: &str = "alice";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_uploads_at_two_processes_are_a_hundred() {
    whole(Engine::Postgres, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_uploads_are_a_hundred_when_one_of_two_processes_is_killed() {
    whole(Engine::Postgres, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_uploads_are_a_hundred_when_the_process_on_sqlite_is_killed() {
    whole(Engine::Sqlite, true).await;
}

async fn whole(engine: Engine, killed: bool) {
    let policy = json!({"name": "day", "daily_uploads": ALLOWED, "open_sessions": 1});
    let Some((mut cluster, _alone)) = cluster(engine, policy).await else { return };
    a_day_that_lasts().await;
    let clients = cluster.clients();
    let issued: Vec<Issued> = join_all((0..UPLOADS).map(|number| clients.issue(number, USER, true))).await;
    let began = Instant::now();
    let gate = watch::Sender::new(!killed);
    let applies: Vec<_> = issued
        .iter()
        .enumerate()
        .map(|(number, issued)| {
            let (clients, signature, mut open) =
                (clients.clone(), issued.signature.clone(), gate.subscribe());
            tokio::spawn(async move {
                if number >= FIRST {
                    open.wait_for(|open| *open).await.unwrap();
                }
                apply(&clients, number, &signature).await
            })
        })
        .collect();
    let killed_at = if killed { Some(kill_in_between(&mut cluster, &gate).await) } else { None };
    let answers: Vec<Answered> = join_all(applies).await.into_iter().map(Result::unwrap).collect();
    let took = began.elapsed();
    let opened: Vec<usize> = (0..UPLOADS).filter(|number| answers[*number].code == 0).collect();
    let keys: HashSet<&str> =
        opened.iter().map(|number| answers[*number].data["vodSessionKey"].as_str().unwrap()).collect();
    let store = cluster.store().await;
    let (sessions, row) = (open(&store).await.len(), used(&store, USER).await);
    let retries: u32 = answers.iter().map(|answer| answer.retries).sum();
    tell(&format!(
        "{UPLOADS} uploads at {} process(es), {}, took {took:.1?}: {} opened, {} sessions in the database, {row:?}; \
         {retries} retries, {} answers of 500",
        cluster.len(),
        killed_at
            .map_or("none killed".to_owned(), |at| format!("one killed at {at} uploads and started again")),
        opened.len(),
        sessions,
        clients.failures.lock().unwrap().len(),
    ));
    for refused in answers.iter().filter(|answer| answer.code != 0) {
        assert_eq!(refused.code, 10001, "{refused:?}");
        assert!(refused.message.ends_with(&uploads_full(ALLOWED, ALLOWED)), "{}", refused.message);
    }
    assert_eq!((opened.len(), keys.len(), sessions), (100, 100, 100));
    assert_eq!(row, amount(ALLOWED, ALLOWED * SIZE));
    ends(&cluster, &issued, &answers, &opened).await;
    store.close().await;
}

async fn apply(clients: &Clients, number: usize, signature: &str) -> Answered {
    let fields = json!({"videoName": format!("video {number}"), "videoType": "mp4", "videoSize": SIZE});
    clients.ugc(number, "ApplyUploadUGC", signature, fields).await
}

/// Kills the last server when some of the allowed uploads are open, and starts it again. Returns how many there were.
async fn kill_in_between(cluster: &mut Cluster, gate: &watch::Sender<bool>) -> u64 {
    let store = cluster.store().await;
    let (last, enough) = (cluster.len() - 1, rand::random_range(10..70));
    let began = Instant::now();
    loop {
        let begun = used(&store, USER).await.uploads;
        if begun >= enough {
            gate.send_replace(true);
            // Some of the others have begun by then, or all.
            sleep(Duration::from_millis(rand::random_range(0..60))).await;
            cluster.kill(last).await;
            cluster.revive(last).await;
            store.close().await;
            return begun;
        }
        assert!(began.elapsed() < PATIENCE, "only {begun} uploads were begun");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Some of the uploads are committed, some ended by a revocation, whose places others take, and the rest by their time.
async fn ends(cluster: &Cluster, issued: &[Issued], answers: &[Answered], opened: &[usize]) {
    const COMMITTED: usize = 5;
    const REVOKED: usize = 4;
    let (clients, store) = (cluster.clients(), cluster.store().await);
    for number in &opened[..COMMITTED] {
        let (data, signature) = (&answers[*number].data, &issued[*number].signature);
        assert_eq!(clients.put(*number, data, "video", noise(1, 1_000)).await, 200);
        let key = json!({"vodSessionKey": data["vodSessionKey"]});
        let committed = clients.ugc(*number, "CommitUploadUGC", signature, key).await;
        assert_eq!(committed.code, 0, "{committed:?}");
    }
    assert_eq!(used(&store, USER).await, amount(ALLOWED, ALLOWED * SIZE));
    for number in &opened[COMMITTED..COMMITTED + REVOKED] {
        let revoked = clients.revoke(*number, json!({"permission_id": issued[*number].permission})).await;
        assert_eq!(revoked["sessions_ended"], 1, "{revoked}");
    }
    let left = ALLOWED - u64::try_from(REVOKED).unwrap();
    assert_eq!(used(&store, USER).await, amount(left, left * SIZE));
    let refused: Vec<usize> = (0..UPLOADS).filter(|number| answers[*number].code != 0).take(20).collect();
    let again =
        join_all(refused.iter().map(|number| apply(&clients, *number, &issued[*number].signature))).await;
    let opened = again.iter().filter(|answer| answer.code == 0).count();
    assert_eq!(opened, REVOKED, "as many as were given back");
    assert_eq!(used(&store, USER).await, amount(ALLOWED, ALLOWED * SIZE));
    let node = cluster.node_ahead().await;
    let expired = expire_all(&node).await;
    let row = used(&store, USER).await;
    tell(&format!(
        "{COMMITTED} committed, {REVOKED} revoked and opened by others, {expired} expired: {row:?}"
    ));
    let committed = u64::try_from(COMMITTED).unwrap();
    assert_eq!(row, amount(committed, committed * SIZE));
    ledger::check(&store, &[USER.to_owned()], &clients.permissions()).await;
    store.close().await;
}
