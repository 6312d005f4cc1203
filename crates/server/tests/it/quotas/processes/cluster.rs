//! Server processes on one database and one data directory, and what clients ask of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reelgate_model::{AppId, Clock, Scope, Time};
use reelgate_server::uploads::expire::expire_due;
use reelgate_store::{Amount, Session, Store};
use reelgate_testkit::Database;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::cos_client::CosClient;
use crate::server_process::{API_KEY, APP, Launch, SECRET_ID, SECRET_KEY, Server};
use crate::test_app::TestApp;
use crate::upload::signed;

/// Longest time that a client goes on trying, and a test waits for something to become true.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);
const DAY_MS: i64 = 86_400_000;
/// A test that counts one day's uploads does not begin later than this before its end.
const REST_OF_DAY_MS: i64 = 180_000;

/// Killed when dropped.
pub(super) struct Cluster {
    directory: TempDir,
    /// `None`: SQLite in the data directory.
    database: Option<Database>,
    policies: String,
    servers: Vec<Option<Server>>,
    lives: u32,
    clients: Clients,
}

/// A signature and the id of its permission.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) signature: String,
    pub(super) permission: String,
}

/// What an Apply that was answered brought.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Value,
    /// How often it was asked again, because a connection broke or a server said 500.
    pub(super) retries: u32,
}

/// Clients that know all servers and, when one of them goes away, ask another or the same one again.
#[derive(Clone)]
pub(super) struct Clients {
    addresses: Arc<Mutex<Vec<Option<SocketAddr>>>>,
    pub(super) http: reqwest::Client,
    /// Answers with status 500 so far.
    pub(super) failures: Arc<Mutex<Vec<String>>>,
    permissions: Arc<Mutex<Vec<String>>>,
}

impl Cluster {
    pub(super) async fn start(database: Option<Database>, policy: Value) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let count = if database.is_some() { 2 } else { 1 };
        let mut cluster = Self {
            directory: tempfile::Builder::new().prefix("reelgate-quotas-").tempdir().unwrap(),
            database,
            policies: json!([policy]).to_string(),
            servers: (0..count).map(|_| None).collect(),
            lives: 0,
            clients: Clients {
                addresses: Arc::new(Mutex::new(vec![None; count])),
                http,
                failures: Arc::default(),
                permissions: Arc::default(),
            },
        };
        for index in 0..count {
            cluster.revive(index).await;
        }
        cluster
    }

    /// Starts a server that does not run.
    pub(super) async fn revive(&mut self, index: usize) {
        self.lives += 1;
        let settings = self.settings();
        let environment: Vec<_> =
            settings.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let server = Server::start(Launch {
            directory: self.directory.path(),
            name: &format!("{index}-{}", self.lives),
            config: "",
            environment: &environment,
        })
        .await;
        self.clients.addresses.lock().unwrap()[index] = Some(server.address);
        self.servers[index] = Some(server);
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self, index: usize) {
        self.clients.addresses.lock().unwrap()[index] = None;
        self.servers[index].take().expect("it runs").kill().await;
    }

    pub(super) fn len(&self) -> usize {
        self.servers.len()
    }

    pub(super) fn address(&self, index: usize) -> SocketAddr {
        self.servers[index].as_ref().expect("it runs").address
    }

    pub(super) fn clients(&self) -> Clients {
        self.clients.clone()
    }

    fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![
            ("REELGATE_DISPATCH__POLICIES", self.policies.clone()),
            ("REELGATE_DISPATCH__PROCEDURE", String::new()),
            ("REELGATE_ROOT__MASTER_KEY", "ab".repeat(32)),
            ("REELGATE_DATABASE__URL", self.database_url()),
        ];
        if self.database.is_some() {
            settings.push(("REELGATE_STORAGE__SHARED", "true".to_owned()));
        }
        settings.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
    }

    fn database_url(&self) -> String {
        let file = self.directory.path().join("data/reelgate.db");
        self.database
            .as_ref()
            .map_or_else(|| format!("sqlite://{}", file.display()), |database| database.url().to_owned())
    }

    /// The rows, as a process of its own sees them.
    pub(super) async fn store(&self) -> Store {
        Store::open(&self.database_url(), Clock::machine()).await.unwrap()
    }

    /// Another node, in this process, whose clock is two days ahead: everything that is open now is due there.
    pub(super) async fn node_ahead(&self) -> TestApp {
        let mut settings = self.settings();
        for (name, text) in [
            ("REELGATE_ROOT__APP_ID", APP),
            ("REELGATE_ROOT__SECRET_ID", SECRET_ID),
            ("REELGATE_ROOT__SECRET_KEY", SECRET_KEY),
            ("REELGATE_ROOT__API_KEY", API_KEY),
            ("REELGATE_ROOT__ADMIN_TOKEN", "rgk_test_kill_0002"),
        ] {
            settings.push((name.to_owned(), text.to_owned()));
        }
        let settings: Vec<_> = settings.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let ahead = Time(Clock::machine().now().0 + 2 * DAY_MS + REST_OF_DAY_MS);
        TestApp::with(&settings, Clock::manual(ahead)).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            super::tell(&format!("logs, rows and bytes are kept in {}", self.directory.path().display()));
        }
    }
}

impl Clients {
    /// A server that runs: number `turn`, or the next one that does.
    fn origin(&self, turn: usize) -> Option<String> {
        let addresses = self.addresses.lock().unwrap();
        let count = addresses.len();
        let mut candidates = (0..count).filter_map(|step| addresses[(turn + step) % count]);
        candidates.next().map(|address| format!("http://{address}"))
    }

    /// Sends what `request` makes for an origin, again and again until it is answered other than with 500.
    async fn insist(
        &self,
        turn: usize,
        request: impl Fn(&str) -> reqwest::RequestBuilder,
    ) -> (u16, String, u32) {
        let began = Instant::now();
        for tries in 0.. {
            assert!(began.elapsed() < PATIENCE, "no answer after {tries} tries");
            if let Some(origin) = self.origin(turn + tries as usize) {
                match read(request(&origin)).await {
                    Ok((500, text)) => self.failures.lock().unwrap().push(text),
                    Ok((status, text)) => return (status, text, tries),
                    Err(_broken) => {}
                }
            }
            sleep(PAUSE).await;
        }
        unreachable!("the loop ends by an answer")
    }

    async fn api(&self, turn: usize, path: &str, body: Value) -> Value {
        let request =
            |origin: &str| self.http.post(format!("{origin}{path}")).bearer_auth(API_KEY).json(&body);
        let (status, text, _) = self.insist(turn, request).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A signature of `user`.
    pub(super) async fn issue(&self, turn: usize, user: &str, one_time: bool) -> Issued {
        let answer =
            self.api(turn, "/v1/upload-signatures", json!({"user": user, "one_time": one_time})).await;
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let issued = Issued { signature: text("signature"), permission: text("permission_id") };
        self.permissions.lock().unwrap().push(issued.permission.clone());
        issued
    }

    /// The ids of all that was issued.
    pub(super) fn permissions(&self) -> Vec<String> {
        self.permissions.lock().unwrap().clone()
    }

    /// Takes one permission or all of a user back.
    pub(super) async fn revoke(&self, turn: usize, order: Value) -> Value {
        self.api(turn, "/v1/revocations", order).await
    }

    /// A call of the UGC door; a broken connection repeats the same bytes.
    pub(super) async fn ugc(&self, turn: usize, action: &str, signature: &str, fields: Value) -> Answered {
        let body = signed(signature, fields).to_string();
        let request = |origin: &str| {
            self.http.post(format!("{origin}/v3/index.php?Action={action}")).body(body.clone())
        };
        let (status, text, retries) = self.insist(turn, request).await;
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let message = answer["message"].as_str().unwrap().to_owned();
        let code = answer["code"].as_i64().unwrap();
        Answered { code, message, data: answer["data"].clone(), retries }
    }

    /// Puts an object at a session's key with its credentials: the status.
    pub(super) async fn put(&self, turn: usize, apply: &Value, what: &str, bytes: Bytes) -> u16 {
        let request = |origin: &str| {
            let cos = CosClient::at(origin, self.http.clone(), Clock::machine(), apply);
            let key = if what == "cover" { cos.cover.clone() } else { cos.video.clone() };
            cos.call(Method::PUT, &key).body(bytes.clone()).signed()
        };
        self.insist(turn, request).await.0
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<(u16, String), reqwest::Error> {
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// Ends everything that is open, by its time.
pub(super) async fn expire_all(node: &TestApp) -> u32 {
    let mut ended = 0;
    loop {
        match expire_due(&node.app).await.unwrap() {
            0 => return ended,
            some => ended += some,
        }
    }
}

pub(super) fn scope() -> Scope {
    Scope::system(APP.parse::<AppId>().unwrap())
}

/// Today's number.
pub(super) fn today() -> i64 {
    Clock::machine().now().0.div_euclid(DAY_MS)
}

/// Returns at once, unless the UTC day is about to end; then when the next one has begun.
pub(super) async fn a_day_that_lasts() {
    while DAY_MS - Clock::machine().now().0.rem_euclid(DAY_MS) < REST_OF_DAY_MS {
        sleep(Duration::from_millis(500)).await;
    }
}

/// What `user` has used today.
pub(super) async fn used(store: &Store, user: &str) -> Amount {
    let subject = format!("user:{user}");
    store.read().await.unwrap().quota_used(&scope(), &subject, today()).await.unwrap()
}

/// The sessions that are open.
pub(super) async fn open(store: &Store) -> Vec<Session> {
    store.read().await.unwrap().sessions_due(Time(i64::MAX), 100_000).await.unwrap()
}
