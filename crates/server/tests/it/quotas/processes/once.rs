//! One one-time signature, used ten thousand times at once at two processes.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::cluster::{a_day_that_lasts, open, used};
use super::flood::apply_all;
use super::{Engine, cluster, tell};
use crate::quotas::{SIZE, amount};
use crate::upload::signed;

const USES: usize = 10_000;
const SAME: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_uses_of_one_one_time_signature_open_one_session() {
    let Some((cluster, _alone)) =
        cluster(Engine::Postgres, json!({"name": "day", "daily_uploads": 1_000})).await
    else {
        return;
    };
    a_day_that_lasts().await;
    let once = cluster.clients().issue(0, "alice", true).await;
    let body = |number: usize| json!({"videoName": format!("video {number}"), "videoType": "mp4", "videoSize": SIZE});
    let bodies = (0..USES).map(|number| signed(&once.signature, body(number)).to_string()).collect();
    let flood = apply_all(&[cluster.address(0), cluster.address(1)], bodies).await;
    let mut answers: BTreeMap<(i64, String), usize> = BTreeMap::new();
    for answer in &flood.answers {
        let code = answer["code"].as_i64().unwrap();
        *answers.entry((code, answer["message"].as_str().unwrap().to_owned())).or_default() += 1;
    }
    let store = cluster.store().await;
    let (sessions, used) = (open(&store).await.len(), used(&store, "alice").await);
    tell(&format!(
        "{USES} different uses of one one-time signature at 2 processes over {} connections, {} of them sent before the \
         first answer was read, took {:.1?}: {answers:?}; {sessions} session in the database, {used:?}",
        flood.connections, flood.in_flight, flood.took
    ));
    let sentence = "ugc upload | invalid signature: this one-time signature has opened another upload already; fetch a new one";
    let refused = answers.iter().find(|((code, _), _)| *code == 10004).expect("refusals");
    assert_eq!((refused.0.1.as_str(), *refused.1), (sentence, USES - 1));
    let opened: usize = answers.iter().filter(|((code, _), _)| *code == 0).map(|(_, count)| count).sum();
    assert_eq!((opened, sessions, used), (1, 1, amount(1, SIZE)));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_identical_requests_get_the_same_session() {
    let Some((cluster, _alone)) =
        cluster(Engine::Postgres, json!({"name": "day", "daily_uploads": 1_000})).await
    else {
        return;
    };
    a_day_that_lasts().await;
    let once = cluster.clients().issue(0, "alice", true).await;
    let body = signed(&once.signature, json!({"videoType": "mp4", "videoSize": SIZE})).to_string();
    let flood = apply_all(&[cluster.address(0), cluster.address(1)], vec![body; SAME]).await;
    let codes: HashSet<i64> = flood.answers.iter().map(|answer| answer["code"].as_i64().unwrap()).collect();
    let keys: HashSet<_> = flood
        .answers
        .iter()
        .map(|answer| answer["data"]["vodSessionKey"].as_str().unwrap().to_owned())
        .collect();
    let store = cluster.store().await;
    let (sessions, used) = (open(&store).await, used(&store, "alice").await);
    tell(&format!(
        "{SAME} identical requests at 2 processes over {} connections took {:.1?}: codes {codes:?}, {} session key; {} \
         session in the database, {used:?}",
        flood.connections,
        flood.took,
        keys.len(),
        sessions.len()
    ));
    assert_eq!(codes, HashSet::from([0]));
    assert_eq!((keys.len(), sessions.len(), used), (1, 1, amount(1, SIZE)));
    assert_eq!(keys.iter().next().unwrap()[..32], sessions[0].id);
    store.close().await;
}
