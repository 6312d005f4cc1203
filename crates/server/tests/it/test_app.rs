//! A server of its own for every test: a temporary SQLite file and directory, a clock that is moved by hand, a real
//! listener on a free port. Background work is not started; tests call its steps.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use reelgate_media::Tools;
use reelgate_media::sandbox::{Mode, Sandbox};
use reelgate_model::{AppId, Clock, FileIds, Scope, Time};
use reelgate_objects::{Disk, Objects, S3};
use reelgate_server::app::{App, Parts};
use reelgate_server::bootstrap;
use reelgate_server::config::{CommandLine, Config};
use reelgate_server::directory::Directory;
use reelgate_server::dispatch::Dispatch;
use reelgate_server::http::router::router;
use reelgate_server::listen::Listener;
use reelgate_server::uploads::Turns;
use reelgate_server::vault::Vault;
use reelgate_store::Store;
use reelgate_testkit::Database;
use reelgate_wire::cos::xml;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// When every test begins.
pub(crate) const START: Time = Time(1_780_000_000_000);
/// The main application.
pub(crate) const MAIN: AppId = AppId(1_300_000_001);
/// The main application's key pair.
pub(crate) const SECRET_ID: &str = "AKIDintegrationtests0000000000000001";
pub(crate) const SECRET_KEY: &str = "integrationtestssecretkey0000001";
/// A key with the scopes sign, read and manage.
pub(crate) const BACKEND: &str = "rgk_backend_of_the_tests";
/// A key with the scope admin.
pub(crate) const ADMIN: &str = "rgk_admin_of_the_tests";

/// A running server.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    /// Origin, without a trailing slash.
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    /// The main application's rows.
    pub(crate) scope: Scope,
    pub(crate) dir: tempfile::TempDir,
    settings: Vec<(String, String)>,
    stop: CancellationToken,
    served: Option<JoinHandle<()>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// Null when the body is not JSON.
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl TestApp {
    /// A server with the default configuration and a clock that is moved by hand.
    pub(crate) async fn start() -> Self {
        Self::with(&[], Clock::manual(START)).await
    }

    /// A server with more configuration, as environment variables, which win over the tests' own.
    pub(crate) async fn with(settings: &[(&str, &str)], clock: Clock) -> Self {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Self::at(tempfile::tempdir().unwrap(), settings.iter().map(own).collect(), clock).await
    }

    /// A server on PostgreSQL whose storage can be shared by [`TestApp::another_node`]; `None`, having said so, on a
    /// machine without one.
    pub(crate) async fn on_postgres() -> Option<Self> {
        Self::on_postgres_with(&[]).await
    }

    /// The same with more configuration, as environment variables.
    pub(crate) async fn on_postgres_with(settings: &[(&str, &str)]) -> Option<Self> {
        let database = Database::postgres(std::thread::current().name().unwrap_or("a test"))?;
        let own = [("REELGATE_DATABASE__URL", database.url()), ("REELGATE_STORAGE__SHARED", "true")];
        Some(Self::with(&[&own, settings].concat(), Clock::manual(START)).await)
    }

    /// Another process, so to speak, with the same rows, bytes and time.
    pub(crate) async fn another_node(&self) -> Self {
        self.another_node_with(&[]).await
    }

    /// The same with more configuration than this one, as environment variables.
    pub(crate) async fn another_node_with(&self, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(self.dir.path().join("data"), dir.path().join("data")).unwrap();
        let own = settings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self::at(dir, self.settings.iter().cloned().chain(own).collect(), self.clock.clone()).await
    }

    async fn at(dir: tempfile::TempDir, settings: Vec<(String, String)>, clock: Clock) -> Self {
        // Refused when another test of this process was first, with the same provider.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = config(dir.path().join("data"), &settings);
        std::fs::create_dir_all(&config.data_dir).unwrap();
        let listener = Listener::bind(config.listen, config.tls.as_ref()).await.unwrap();
        let base = format!("http://{}", listener.addr().unwrap());
        let app = open(config, clock.clone(), base.clone()).await;
        bootstrap::first_run(&app).await.unwrap();
        let stop = CancellationToken::new();
        let served = Some(tokio::spawn(listener.serve(router(&app), stop.clone())));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { app, clock, base, http, scope: Scope::system(MAIN), dir, settings, stop, served }
    }

    /// `path` on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// `GET path` with an API key.
    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        Answer::of(self.http.get(self.url(path)).bearer_auth(token)).await
    }

    /// `POST path` with an API key and a JSON body.
    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        Answer::of(self.http.post(self.url(path)).bearer_auth(token).json(&body)).await
    }
}

impl Answer {
    /// Sends `request` and reads what comes.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Self { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// `self` if its status is `status`.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The object leg's error that this is: status, code and message.
    #[track_caller]
    pub(crate) fn cos_error(&self) -> (u16, String, String) {
        let error =
            xml::Error::parse(self.text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {}", self.text));
        (self.status, error.code, error.message)
    }

    /// The text of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Checks that this is a problem with this status and code, whose sentence holds `words`.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str, words: &str) {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let detail = self.json["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail:?} does not hold {words:?}");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(served) = self.served.take() {
            served.abort();
        }
    }
}

fn config(data_dir: PathBuf, settings: &[(String, String)]) -> Config {
    let line = CommandLine {
        data_dir: Some(data_dir),
        listen: Some("127.0.0.1:0".to_owned()),
        ..CommandLine::default()
    };
    let main = MAIN.to_string();
    let master = "ab".repeat(32);
    let credentials = [
        ("REELGATE_ROOT__APP_ID", main.as_str()),
        ("REELGATE_ROOT__SECRET_ID", SECRET_ID),
        ("REELGATE_ROOT__SECRET_KEY", SECRET_KEY),
        ("REELGATE_ROOT__API_KEY", BACKEND),
        ("REELGATE_ROOT__ADMIN_TOKEN", ADMIN),
        ("REELGATE_ROOT__MASTER_KEY", master.as_str()),
        // Most tests upload what is no media at all; `head` is about that.
        ("REELGATE_UPLOAD__SNIFF", "false"),
    ];
    let credentials = credentials.map(|(name, text)| (name.to_owned(), text.to_owned()));
    Config::load(&line, credentials.into_iter().chain(settings.iter().cloned())).unwrap()
}

/// Like `App::open`, except that the sandbox's helper is the real binary (this one is a test) and nothing checks that
/// ffmpeg is there: tests that need it do.
async fn open(config: Config, clock: Clock, play_origin: String) -> App {
    let vault = Vault::open(config.root.master_key.as_ref(), &config.data_dir).unwrap();
    let store = Store::open(&config.database_url, clock.clone()).await.unwrap();
    store.migrate().await.unwrap();
    // In front of the real cloud nothing is stored here.
    let objects: Option<Arc<dyn Objects>> = match &config.storage_bucket {
        _ if config.mode.is_tencent() => None,
        Some(bucket) => Some(Arc::new(S3::new(bucket).unwrap())),
        None => Some(Arc::new(Disk::open(&config.storage_dir, config.storage_shared).unwrap())),
    };
    let tools = Tools::find(&std::env::var_os("PATH").unwrap_or_default())
        .unwrap_or(Tools { ffmpeg: "/nonexistent/ffmpeg".into(), ffprobe: "/nonexistent/ffprobe".into() });
    let mode = if config.media.sandbox { Mode::On } else { Mode::Off };
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_reelgate").into(), mode, tools).unwrap();
    App::new(Parts {
        dispatch: Dispatch::open(&config, &clock, &store).unwrap(),
        directory: Directory::default(),
        turns: Turns::default(),
        config,
        clock,
        store,
        objects,
        vault,
        file_ids: FileIds::new(),
        sandbox: Some(sandbox),
        play_origin,
        main_app: OnceLock::new(),
    })
}
