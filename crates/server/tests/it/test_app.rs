//! [`TestApp`]: the real application on a database and a directory of its own, behind the real router on a real
//! port. Background roles do not run: tests call the step, not the loop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use reelgate_model::{AppId, Clock, Scope, Time};
use reelgate_server::app::App;
use reelgate_server::bootstrap;
use reelgate_server::config::{CommandLine, Config};
use reelgate_server::http::router;
use reelgate_server::listen::Listener;
use reelgate_store::{Event, LogRead};
use reelgate_testkit::{Database, find_program, skip};
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::Parameters;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;

/// When every test with a manual clock begins.
pub(crate) const START: Time = Time(1_800_000_000_000);
/// The main application.
pub(crate) const APP: AppId = AppId(1_250_000_001);
pub(crate) const SECRET_ID: &str = "AKIDtest0001";
pub(crate) const SECRET_KEY: &str = "QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B";
/// A backend's key: scopes `sign`, `read`, `manage`.
pub(crate) const API_KEY: &str = "rgk_test_backend_0001";
pub(crate) const ADMIN_TOKEN: &str = "rgk_test_admin_0001";

/// A permission without a user or limits.
pub(crate) fn permission() -> Permission {
    Permission { id: "perm-1".to_owned(), key_id: "key-1".to_owned(), ..Permission::default() }
}

/// One running server. It stops when this is dropped.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    /// `http://127.0.0.1:{port}`.
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) scope: Scope,
    database: Database,
    pairs: Vec<(String, String)>,
    _stop: tokio_util::sync::DropGuard,
}

/// How a [`TestApp`] is to be.
pub(crate) struct Builder {
    postgres: bool,
    clock: Clock,
    pairs: Vec<(String, String)>,
}

impl Builder {
    /// Settings by their environment names, such as `REELGATE_UPLOAD__MAX_SIZE`; later ones win.
    pub(crate) fn config(mut self, pairs: &[(&str, &str)]) -> Self {
        self.pairs.extend(pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        self
    }

    /// On PostgreSQL instead of SQLite.
    pub(crate) fn postgres(mut self) -> Self {
        self.postgres = true;
        self
    }

    /// By the machine's clock instead of one that stands at [`START`] until it is moved.
    pub(crate) fn machine_clock(mut self) -> Self {
        self.clock = Clock::machine();
        self
    }

    /// Starts it. `None`, after having said so, when this machine lacks ffmpeg or the database.
    pub(crate) async fn start(self) -> Option<TestApp> {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        for program in ["ffmpeg", "ffprobe"] {
            if find_program(&[program]).is_none() {
                skip(test, &format!("{program} is not in PATH"));
                return None;
            }
        }
        let database = if self.postgres { Database::postgres(test)? } else { Database::sqlite() };
        let data_dir = database.directory().join("data");
        let (app, address, stop) = open(&self.pairs, database.url(), data_dir, &self.clock).await;
        Some(TestApp::new(app, address, stop, self.clock, database, self.pairs))
    }
}

/// Opens the application, puts its first credentials in place and serves its router until the guard is dropped.
async fn open(
    pairs: &[(String, String)],
    database: &str,
    data_dir: PathBuf,
    clock: &Clock,
) -> (App, SocketAddr, tokio_util::sync::DropGuard) {
    let given = [
        ("REELGATE_DATABASE__URL", database),
        ("REELGATE_ROOT__APP_ID", &APP.to_string()),
        ("REELGATE_ROOT__SECRET_ID", SECRET_ID),
        ("REELGATE_ROOT__SECRET_KEY", SECRET_KEY),
        ("REELGATE_ROOT__API_KEY", API_KEY),
        ("REELGATE_ROOT__ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    let given = given.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let line = CommandLine { data_dir: Some(data_dir), ..CommandLine::default() };
    let config = Config::load(&line, given.into_iter().chain(pairs.iter().cloned())).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = listener.addr().unwrap();
    let helper = env!("CARGO_BIN_EXE_reelgate").into();
    let app = App::open_with_helper(config, address, clock.clone(), helper).await.unwrap();
    bootstrap::first_run(&app).await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(listener.serve(router::router(&app), stop.clone()));
    (app, address, stop.drop_guard())
}

impl TestApp {
    pub(crate) fn builder() -> Builder {
        Builder { postgres: false, clock: Clock::manual(START), pairs: Vec::new() }
    }

    fn new(
        app: App,
        address: SocketAddr,
        stop: tokio_util::sync::DropGuard,
        clock: Clock,
        database: Database,
        pairs: Vec<(String, String)>,
    ) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let url = format!("http://{address}");
        Self { app, clock, url, http, scope: Scope::system(APP), database, pairs, _stop: stop }
    }

    /// Another process, so to speak, on the same rows and bytes: give `REELGATE_STORAGE__SHARED` as `true`. Returns
    /// its URL and what keeps it running.
    pub(crate) async fn another_node(&self) -> (App, String, tokio_util::sync::DropGuard) {
        let data_dir = self.database.directory().join("data");
        let (app, address, stop) = open(&self.pairs, self.database.url(), data_dir, &self.clock).await;
        (app, format!("http://{address}"), stop)
    }

    /// Moves a manual clock.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// An upload signature as an application's backend makes it, good for an hour, changed by `change` first.
    pub(crate) fn sign(&self, change: impl FnOnce(&mut Parameters)) -> String {
        let now = self.clock.now().seconds();
        let mut parameters = Parameters {
            secret_id: SECRET_ID.to_owned(),
            current_time_stamp: now,
            expire_time: now + 3_600,
            random: rand::random::<u32>().into(),
            ..Parameters::default()
        };
        change(&mut parameters);
        parameters.sign(SECRET_KEY.as_bytes())
    }

    /// A signature with a permission of ours in it.
    pub(crate) fn sign_permission(&self, permission: Permission) -> String {
        self.sign(|parameters| parameters.reelgate = Some(permission.encode().unwrap()))
    }

    /// A call of the UGC door, whatever it answers.
    pub(crate) async fn ugc(&self, action: &str, body: &Value) -> Answer {
        let url = format!("{}/v3/index.php?Action={action}", self.url);
        Answer::of(self.http.post(url).json(body).send().await.unwrap()).await
    }

    /// A call of the UGC door that succeeds; its `data`.
    #[track_caller]
    pub(crate) fn ugc_data(&self, action: &'static str, body: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.ugc(action, &body).await.expect(200).json();
            assert_eq!(answer["code"], 0, "{answer} at {caller}");
            answer["data"].clone()
        }
    }

    /// A call of the JSON API with the backend's key, whatever it answers.
    pub(crate) async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.api_as(API_KEY, method, path, body).await
    }

    /// The same with another key.
    pub(crate) async fn api_as(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// All events of the main application, oldest first.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut read = self.app.store.read().await.unwrap();
        let start = read.log_start().await.unwrap();
        match read.events_after(&self.scope, &start, 10_000).await.unwrap() {
            LogRead::Page(page) => page.events,
            LogRead::Reset(at) => panic!("the log begins elsewhere: {at}"),
        }
    }

    /// The types of these events.
    pub(crate) async fn event_types(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.kind).collect()
    }
}
