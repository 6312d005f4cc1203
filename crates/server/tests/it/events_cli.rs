//! `reelgate events` as processes, at the worst moments: the server dies while events are recorded, the listener dies while a post is
//! under way.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::server_process::{API_KEY, Launch, Server};

/// For anything to happen; no test depends on being fast.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that may die, always at the same address and on the same data.
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
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { directory, server, lives: 1, http }
    }

    /// SIGKILL, and another life.
    async fn kill_and_start(&mut self) {
        self.server.kill().await;
        let name = self.lives.to_string();
        let launch = Launch { directory: self.directory.path(), name: &name, config: "", environment: &[] };
        self.server = Server::start_at(launch, self.server.address).await;
        self.lives += 1;
    }

    fn base(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Records `count` events. Returns their ids, in order.
    async fn trigger(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(trigger(&self.http, &self.base()).await.unwrap());
        }
        ids
    }

    /// The ids of all events after a cursor, or of the whole log, in order.
    async fn log(&self, after: &str) -> Vec<String> {
        let (mut ids, mut after) = (Vec::new(), after.to_owned());
        loop {
            let url = format!("{}/v1/events?limit=200&after={after}", self.base());
            let answer = self.http.get(url).bearer_auth(API_KEY).send().await.unwrap();
            let page: Value = answer.error_for_status().unwrap().json().await.unwrap();
            ids.extend(page["events"].as_array().unwrap().iter().map(id));
            if page["more"] == false {
                return ids;
            }
            after = page["next"].as_str().unwrap().to_owned();
        }
    }

    /// Waits until a command that was started without a cursor has asked where the log ends: what is recorded from then on
    /// is what it has to bring. Nothing else may have asked for `/v1/events` in this life.
    async fn has_been_asked_where_it_ends(&self) {
        let asked = || {
            let log = std::fs::read_to_string(&self.server.access_log).unwrap();
            log.contains(r#""path":"/v1/events""#).then_some(())
        };
        until("the command asks where the log ends", asked).await;
    }

    fn command<S: AsRef<OsStr>>(&self, key: &str, arguments: &[S]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelgate"));
        command.arg("events").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command.env("REELGATE_URL", self.base()).env("REELGATE_TOKEN", key);
        command
    }

    /// Runs a command that ends by itself.
    async fn run(&self, key: &str, arguments: &[&str]) -> Output {
        let ended = tokio::time::timeout(PATIENCE, self.command(key, arguments).output()).await;
        ended.unwrap_or_else(|_| panic!("{arguments:?} does not end")).unwrap()
    }

    fn listen(&self, to: &str, state: &Path) -> Child {
        let state = state.to_str().unwrap();
        let mut command = self.command(API_KEY, &["listen", "--forward-to", to, "--state", state]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Records one event and returns its id; `None` if the server died before it answered.
async fn trigger(http: &reqwest::Client, base: &str) -> Option<String> {
    let request = http.post(format!("{base}/v1/events/trigger")).bearer_auth(API_KEY);
    let answer = request.json(&json!({"type": "NewFileUpload"})).send().await.ok()?;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let answer: Value = answer.json().await.ok()?;
    Some(answer["event_id"].as_str().unwrap().to_owned())
}

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

/// Asks again and again until there is something.
async fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until there are as many ids as `expected` has, and compares them.
async fn becomes(what: &str, expected: &[String], seen: impl Fn() -> Vec<String>) {
    let deadline = Instant::now() + PATIENCE;
    while seen().len() < expected.len() && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(seen(), expected, "{what}");
}

/// What a receiver does with a post.
#[derive(Clone, Copy)]
enum Reply {
    Take,
    Fail,
    /// Never answers.
    Hang,
}

struct Shared {
    posted: Mutex<Vec<String>>,
    /// For the posts in the order in which they come; those after the last one are taken.
    replies: &'static [Reply],
}

/// A backend on a laptop. Ends when it is dropped.
struct Receiver {
    url: String,
    shared: Arc<Shared>,
    served: JoinHandle<()>,
}

impl Receiver {
    async fn start(replies: &'static [Reply]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { posted: Mutex::default(), replies });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, served }
    }

    /// Ids of the events that were posted, with repeats, in order.
    fn posted(&self) -> Vec<String> {
        self.shared.posted.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> StatusCode {
    let id = request.headers()["reelgate-event-id"].to_str().unwrap().to_owned();
    let before = {
        let mut posted = shared.posted.lock().unwrap();
        posted.push(id);
        posted.len() - 1
    };
    match shared.replies.get(before).unwrap_or(&Reply::Take) {
        Reply::Take => StatusCode::NO_CONTENT,
        Reply::Fail => StatusCode::INTERNAL_SERVER_ERROR,
        Reply::Hang => std::future::pending().await,
    }
}

/// A backend that records events without a pause, also while the server is dead. Ends when it is dropped.
struct Writer {
    answered: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Writer {
    fn start(scene: &Scene) -> Self {
        let (http, base, answered) = (scene.http.clone(), scene.base(), Arc::default());
        let kept: Arc<Mutex<Vec<String>>> = Arc::clone(&answered);
        let task = tokio::spawn(async move {
            loop {
                match trigger(&http, &base).await {
                    Some(id) => kept.lock().unwrap().push(id),
                    None => sleep(Duration::from_millis(10)).await,
                }
            }
        });
        Self { answered, task }
    }

    fn answered(&self) -> Vec<String> {
        self.answered.lock().unwrap().clone()
    }

    /// Waits until `count` more events are recorded.
    async fn records(&self, count: usize) {
        let before = self.answered().len();
        until("events are recorded", || (self.answered().len() >= before + count).then_some(())).await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_begins_at_now_and_misses_nothing_that_is_recorded_around_a_kill() {
    let mut scene = Scene::start().await;
    let history = scene.trigger(2).await;
    let mut command = scene.command(API_KEY, &["tail", "--json"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let printed = lines(&mut tail);
    let printed = || {
        let lines = printed.lock().unwrap();
        lines.iter().map(|line| id(&serde_json::from_str(line).unwrap())).collect::<Vec<_>>()
    };
    scene.has_been_asked_where_it_ends().await;

    let writer = Writer::start(&scene);
    for _ in 0..3 {
        writer.records(10).await;
        scene.kill_and_start().await;
    }
    writer.records(10).await;
    let answered = writer.answered();
    writer.task.abort();
    let log = scene.log("").await;
    assert!(answered.iter().all(|id| log.contains(id)), "what was answered is in the log");
    let (before, since) = log.split_at(history.len());
    assert_eq!(before, history);
    becomes("tail prints each event since it began, once, in order", since, printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_ends_when_nobody_reads_it_any_more() {
    let scene = Scene::start().await;
    let mut command = scene.command(API_KEY, &["tail"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(tail.stdout.take());
    scene.has_been_asked_where_it_ends().await;
    scene.trigger(1).await;
    let ended = tokio::time::timeout(PATIENCE, tail.wait()).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(0));
}

/// What a command prints, as it comes.
fn lines(child: &mut Child) -> Arc<Mutex<Vec<String>>> {
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok(Some(line)) = output.next_line().await {
            kept.lock().unwrap().push(line);
        }
    });
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_keeps_its_place_behind_what_was_taken_and_not_behind_what_was_only_posted() {
    let mut scene = Scene::start().await;
    scene.trigger(2).await;
    let receiver = Receiver::start(&[Reply::Take, Reply::Fail, Reply::Take, Reply::Take, Reply::Hang]).await;
    let posted = || receiver.posted();
    let state = scene.directory.path().join("place");
    assert!(!state.exists());
    let mut listener = scene.listen(&receiver.url, &state);
    scene.has_been_asked_where_it_ends().await;

    let mut events = scene.trigger(3).await;
    until("the second event is refused", || (posted().len() >= 2).then_some(())).await;
    // The listener waits for another attempt, or is in it, while its server is away.
    scene.kill_and_start().await;
    events.extend(scene.trigger(2).await);
    let [first, second, third, fourth, fifth] = events.as_slice() else { panic!("five: {events:?}") };
    let calm = [first, second, second, third, fourth].map(Clone::clone);
    becomes("a refused event is posted again before the next one", &calm, posted).await;

    // The receiver has the fourth event and does not say so.
    listener.kill().await.unwrap();
    let place = std::fs::read_to_string(&state).unwrap();
    let left = scene.log(place.trim()).await;
    assert_eq!(left, [fourth, fifth].map(Clone::clone), "the place is behind the last event that was taken");
    scene.kill_and_start().await;
    let missed = scene.trigger(2).await;
    let _listener = scene.listen(&receiver.url, &state);
    let all = [&calm[..], &left, &missed].concat();
    becomes("it goes on where it stopped, from its file alone", &all, posted).await;
    let place = || std::fs::read_to_string(&state).unwrap().trim().to_owned();
    let deadline = Instant::now() + PATIENCE;
    while !scene.log(&place()).await.is_empty() {
        assert!(Instant::now() < deadline, "the place follows to the end of the log: {}", place());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_brings_a_triggered_event_to_its_endpoint_again() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(&[]).await;
    let wanted = json!({"url": receiver.url, "shape": "standard"});
    let request = scene.http.post(format!("{}/v1/event-endpoints", scene.base())).bearer_auth(API_KEY);
    let made: Value = request.json(&wanted).send().await.unwrap().json().await.unwrap();
    let endpoint = made["endpoint"]["id"].as_str().unwrap();

    let triggered = scene.run(API_KEY, &["trigger", "NewFileUpload"]).await;
    let said = String::from_utf8(triggered.stdout).unwrap();
    assert_eq!(triggered.status.code(), Some(0), "{said}");
    let event = scene.log("").await;
    assert!(event.len() == 1 && said.contains(&event[0]), "{event:?}: {said}");
    becomes("it is pushed", &event, || receiver.posted()).await;

    let replayed = scene.run(API_KEY, &["replay", "--since", "1h", "--endpoint", endpoint]).await;
    let said = String::from_utf8(replayed.stdout).unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{said}");
    assert!(said.contains(endpoint), "{said}");
    becomes("the same event comes again", &[&event[..], &event].concat(), || receiver.posted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_known_is_refused_and_not_repeated() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(&[]).await;
    let state = scene.directory.path().join("place");
    let (key, path) = ("rgk_test_nobodys_key", state.to_str().unwrap());
    for arguments in [
        &["tail", "--json"][..],
        &["listen", "--forward-to", &receiver.url, "--state", path],
        &["trigger", "NewFileUpload"],
        &["replay", "--all"],
    ] {
        let refused = scene.run(key, arguments).await;
        let (out, err) =
            (String::from_utf8(refused.stdout).unwrap(), String::from_utf8(refused.stderr).unwrap());
        assert_eq!(refused.status.code(), Some(77), "{arguments:?}: {err}");
        assert!(err.contains("was refused: ") && err.contains("key"), "{arguments:?}: {err}");
        assert!(!err.contains(key) && !out.contains(key), "{arguments:?}: {out}{err}");
        assert_eq!(out, "", "{arguments:?}");
    }
    assert_eq!(scene.log("").await, Vec::<String>::new());
    assert!(!state.exists() && receiver.posted().is_empty());
}
