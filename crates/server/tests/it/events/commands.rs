//! `reelgate events tail` and `listen` as processes, while the server that they follow is killed and comes back.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::receiver::{Receiver, answer};
use crate::server_process::{API_KEY, Launch, Server};

/// For anything to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that may die, always at the same address.
struct Scene {
    directory: TempDir,
    server: Server,
    lives: u32,
    http: reqwest::Client,
}

impl Scene {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let launch = Launch { directory: directory.path(), name: "0", config: "", environment: &[] };
        let server = Server::start(launch).await;
        Self { directory, server, lives: 1, http: reqwest::Client::new() }
    }

    /// SIGKILL, and another life.
    async fn kill_and_start(&mut self) {
        self.server.kill().await;
        let name = self.lives.to_string();
        let launch = Launch { directory: self.directory.path(), name: &name, config: "", environment: &[] };
        self.server = Server::start_at(launch, self.server.address).await;
        self.lives += 1;
    }

    async fn trigger(&self, count: usize) {
        for _ in 0..count {
            let url = format!("http://{}/v1/events/trigger", self.server.address);
            let request = self.http.post(url).bearer_auth(API_KEY).json(&json!({"type": "NewFileUpload"}));
            assert_eq!(request.send().await.unwrap().status(), 202);
        }
    }

    async fn page(&self, after: &str) -> Value {
        let url = format!("http://{}/v1/events?after={after}", self.server.address);
        self.http.get(url).bearer_auth(API_KEY).send().await.unwrap().json().await.unwrap()
    }

    /// The ids of all events after a cursor, in order.
    async fn log(&self, after: &str) -> Vec<String> {
        let page = self.page(after).await;
        assert_eq!(page["more"], false);
        page["events"].as_array().unwrap().iter().map(id).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
    fn events(&self, arguments: &[&str]) -> Follower {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reelgate"))
            .arg("events")
            .args(arguments)
            .env("REELGATE_URL", format!("http://{}", self.server.address))
            .env("REELGATE_TOKEN", API_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                kept.lock().unwrap().push(line);
            }
        });
        Follower { child, lines }
    }
}

/// A command that goes on until it is killed.
struct Follower {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

/// Waits until `seen` says at least `count` things.
async fn until(count: usize, what: &str, seen: impl Fn() -> Vec<String>) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = seen();
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: {} of {count} came: {found:?}", found.len());
        sleep(Duration::from_millis(10)).await;
    }
}

/// Each id once, in the order in which it was first seen.
fn distinct(ids: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in ids {
        if !found.contains(id) {
            found.push(id.clone());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_prints_each_event_once_though_its_server_is_killed() {
    let mut scene = Scene::start().await;
    scene.trigger(1).await;
    let end = scene.page("end").await["next"].as_str().unwrap().to_owned();
    let tail = scene.events(&["tail", "--json", "--after", &end]);
    let printed = || {
        let lines = tail.lines.lock().unwrap();
        lines.iter().map(|line| id(&serde_json::from_str(line).unwrap())).collect()
    };
    for life in 1..=3 {
        scene.trigger(4).await;
        let expected = scene.log(&end).await;
        assert_eq!(expected.len(), 4 * life);
        assert_eq!(until(expected.len(), "tail", printed).await, expected);
        scene.kill_and_start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_forwards_every_event_though_server_receiver_and_listener_fail() {
    let mut scene = Scene::start().await;
    let receiver = Receiver::start(|before, _| answer(if before == 2 { 500 } else { 200 })).await;
    let end = scene.page("end").await["next"].as_str().unwrap().to_owned();
    let state = scene.directory.path().join("place");
    let listen = |scene: &Scene, state: &Path| {
        let state = state.to_str().unwrap();
        scene.events(&["listen", "--forward-to", &receiver.url, "--after", &end, "--state", state])
    };
    let posted = || {
        let received = receiver.received();
        received.iter().map(|one| one.header("reelgate-event-id").to_owned()).collect::<Vec<_>>()
    };
    let mut listener = listen(&scene, &state);
    scene.trigger(5).await;
    let log = scene.log(&end).await;
    let seen = until(6, "listen", posted).await;
    let again = [&log[..3], &log[2..]].concat();
    assert_eq!(seen, again, "the next event waits until the receiver has taken the one before");

    scene.kill_and_start().await;
    scene.trigger(3).await;
    until(9, "listen after its server died", posted).await;
    listener.child.kill().await.unwrap();
    scene.trigger(3).await;
    let log = scene.log(&end).await;
    assert_eq!(log.len(), 11);
    let _listener = listen(&scene, &state);
    let seen = until(12, "listen, started again", posted).await;
    // What was forwarded and not noted yet comes twice.
    until(11, "listen, started again", || distinct(&posted())).await;
    assert_eq!(distinct(&posted()), log);
    assert!(seen.len() <= 13, "it went on where it had stopped: {seen:?}");
}
