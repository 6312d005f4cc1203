//! SIGKILL while parts are sent, and sent again with other bytes: an acknowledged part is there, an unacknowledged one does
//! no harm (design promise 1).
//!
//! For every part the client remembers which contents it may have: the last that was acknowledged, and those sent after it
//! of whose fate it was not told. After each kill the server must name one of these, and the object made at the end must
//! be of exactly what it names.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use md5::{Digest, Md5};
use reelgate_model::Clock;
use reelgate_testkit::{Database, find_program, skip};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cos_client::CosClient;
use crate::server_process::{API_KEY, Launch, Server};
use crate::test_app::Answer;
use crate::upload::noise;

/// Rounds of `make test` on each engine; `make soak` says more by `REELGATE_PART_KILL_ROUNDS`.
const ROUNDS: u32 = 10;
/// Parts of the object; every one has a sender of its own.
const PARTS: u32 = 6;
/// Least size of a part.
const PART: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_parts_outlive_kills_on_sqlite() {
    kill_and_compare(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_parts_outlive_kills_on_postgres() {
    let Some(database) = Database::postgres("acknowledged_parts_outlive_kills_on_postgres") else { return };
    kill_and_compare(database).await;
}

/// What a part may be: the seed of its contents, by their MD5.
type Possible = BTreeMap<String, u64>;

/// The contents of part `number` made from `seed`. All parts but the last have one size, so that they share a staging file.
fn contents(number: u32, seed: u64) -> Bytes {
    let size = if number == PARTS { PART / 2 } else { PART };
    noise(seed, 4096).repeat(size / 4096).into()
}

async fn kill_and_compare(database: Database) {
    if ["ffmpeg", "ffprobe"].iter().any(|name| find_program(&[name]).is_none()) {
        return skip("kill_parts", "ffmpeg or ffprobe is not installed");
    }
    let rounds = std::env::var("REELGATE_PART_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut scene = Scene::open(database).await;
    let mut possible: Vec<Possible> = vec![Possible::new(); PARTS as usize];
    let (mut acknowledged, mut unknown) = (0, 0);
    for round in 1..=rounds {
        let after = Duration::from_millis(rand::random_range(50..1_000));
        let senders: Vec<_> = (1..=PARTS)
            .map(|number| {
                let (cos, id) = (scene.cos.clone(), scene.upload_id.clone());
                let known = possible[number as usize - 1].clone();
                tokio::spawn(send_again_and_again(cos, id, number, known))
            })
            .collect();
        tokio::time::sleep(after).await;
        scene.kill().await;
        for (known, sender) in possible.iter_mut().zip(senders) {
            let (now, acks) = sender.await.unwrap();
            acknowledged += acks;
            unknown += now.len().saturating_sub(1);
            *known = now;
        }
        scene.start().await;
        let listed = scene.listed().await;
        for (number, known) in (1..).zip(&mut possible) {
            match listed.get(&number) {
                Some(md5) => {
                    let seed = *known.get(md5).unwrap_or_else(|| {
                        panic!("round {round}: part {number} has bytes that it cannot have: {md5}, not one of {known:?}")
                    });
                    *known = Possible::from([(md5.clone(), seed)]);
                }
                // Only a part that was never acknowledged may be missing.
                None => {
                    assert!(!known.contains_key(ACKED), "round {round}: part {number} is gone");
                    known.clear();
                }
            }
        }
    }
    scene.check_the_whole(&mut possible).await;
    tell(&format!(
        "{rounds} kills, {acknowledged} parts acknowledged, {unknown} of unknown fate: every byte was right"
    ));
}

/// Stands in [`Possible`] for "something was acknowledged".
const ACKED: &str = "acknowledged";

/// Sends part `number` with ever new bytes until the server is gone. What it may be then, and how often it was acknowledged.
async fn send_again_and_again(
    cos: CosClient,
    id: String,
    number: u32,
    mut known: Possible,
) -> (Possible, usize) {
    let mut acks = 0;
    if !known.is_empty() {
        known.insert(ACKED.to_owned(), 0);
    }
    loop {
        let seed = rand::random();
        let bytes = contents(number, seed);
        let md5 = hex::encode(Md5::digest(&bytes));
        known.insert(md5.clone(), seed);
        let request = cos.part(&cos.video, &id, number, bytes).signed();
        let Ok(answer) = request.send().await else { return (known, acks) };
        let status = answer.status().as_u16();
        let Ok(text) = answer.text().await else { return (known, acks) };
        assert_eq!(status, 200, "{text}");
        acks += 1;
        known = Possible::from([(md5, seed), (ACKED.to_owned(), 0)]);
    }
}

struct Scene {
    directory: TempDir,
    database: Database,
    server: Server,
    lives: u32,
    http: reqwest::Client,
    apply: Value,
    cos: CosClient,
    upload_id: String,
}

impl Scene {
    async fn open(database: Database) -> Self {
        let directory = tempfile::Builder::new().prefix("reelgate-kill-parts-").tempdir().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let server = life(&directory, &database, 1).await;
        let origin = format!("http://{}", server.address);
        let order = http.post(format!("{origin}/v1/upload-signatures")).bearer_auth(API_KEY);
        let signature = Answer::of(order.json(&json!({}))).await.expect(200).json["signature"].clone();
        let body = json!({ "signature": signature, "videoType": "mp4" });
        let apply = http.post(format!("{origin}/v3/index.php?Action=ApplyUploadUGC")).json(&body);
        let apply = Answer::of(apply).await.expect(200).json["data"].clone();
        let cos = CosClient::at(&origin, http.clone(), Clock::machine(), &apply);
        let upload_id = cos.initiate(&cos.video).await;
        Self { directory, database, server, lives: 1, http, apply, cos, upload_id }
    }

    async fn kill(&mut self) {
        self.server.kill().await;
    }

    async fn start(&mut self) {
        self.lives += 1;
        self.server = life(&self.directory, &self.database, self.lives).await;
        let origin = format!("http://{}", self.server.address);
        self.cos = CosClient::at(&origin, self.http.clone(), Clock::machine(), &self.apply);
    }

    /// The acknowledged parts with their MD5.
    async fn listed(&self) -> BTreeMap<u32, String> {
        let listed = self.cos.parts(&self.cos.video, &self.upload_id).await;
        listed.parts.into_iter().map(|part| (part.number, part.etag)).collect()
    }

    /// Sends what is still missing, completes, and compares every byte.
    async fn check_the_whole(&self, possible: &mut [Possible]) {
        let (cos, key) = (&self.cos, self.cos.video.as_str());
        let listed = self.listed().await;
        let mut whole = Vec::new();
        let mut parts = Vec::new();
        for (number, known) in (1..).zip(possible) {
            let seed = match listed.get(&number) {
                Some(md5) => known[md5],
                None => {
                    cos.send_part(key, &self.upload_id, number, contents(number, 7)).await;
                    7
                }
            };
            let bytes = contents(number, seed);
            parts.push((number, hex::encode(Md5::digest(&bytes))));
            whole.extend_from_slice(&bytes);
        }
        cos.complete(key, &self.upload_id, &parts).send().await.expect(200);
        let stored = cos.call(Method::GET, key).signed().send().await.unwrap().bytes().await.unwrap();
        assert!(stored == whole, "the object is not what its parts were");
    }
}

async fn life(directory: &TempDir, database: &Database, number: u32) -> Server {
    let environment = [("REELGATE_DATABASE__URL", database.url())];
    let name = number.to_string();
    let launch = Launch { directory: directory.path(), name: &name, config: "", environment: &environment };
    Server::start(launch).await
}

/// Straight to standard error: what a passing test prints is otherwise thrown away, and these figures are its result.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "kill parts: {line}");
}
