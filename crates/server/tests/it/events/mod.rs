//! Delivery of events to a real receiver, step by step, with a clock that is moved by hand.

mod delivery;
mod endpoints;
mod failing;
mod guard;
mod reading;
mod receiver;
mod served;
mod shapes;
mod timeline;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reelgate_media::Tools;
use reelgate_media::sandbox::{Mode, Sandbox};
use reelgate_model::{AppId, Clock, FileId, FileIds, Scope, Time};
use reelgate_objects::Memory;
use reelgate_server::app::{App, Parts};
use reelgate_server::config::{CommandLine, Config};
use reelgate_server::directory::Directory;
use reelgate_server::dispatch::Dispatch;
use reelgate_server::events::delivery::Courier;
use reelgate_server::events::{Fact, append};
use reelgate_server::uploads::Turns;
use reelgate_server::vault::Vault;
use reelgate_store::{Attempt, Delivery, LogRead, NewApp, Store, StoreError};

const APP: AppId = AppId(1_250_000_001);
const FILE: FileId = FileId(5_576_678_019_876_543_210);

/// An application on its own database, and who delivers its events.
struct Bench {
    app: App,
    clock: Clock,
    scope: Scope,
    courier: Courier,
    _directory: tempfile::TempDir,
}

impl Bench {
    /// With retries after 1 s and 10 s, and receivers on this machine allowed.
    async fn new() -> Self {
        Self::with(&[("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8", "::1/128"]"#)]).await
    }

    async fn with(pairs: &[(&str, &str)]) -> Self {
        // Installed once in a process; a second time changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().display().to_string();
        let always = [
            ("REELGATE_SERVER__DATA_DIR", data_dir.as_str()),
            ("REELGATE_MEDIA__SANDBOX", "off"),
            ("REELGATE_EVENTS__RETRY", "[1, 10]"),
        ];
        let pairs = always.iter().chain(pairs).map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let config = Config::load(&CommandLine::default(), pairs).unwrap();
        let clock = Clock::manual(Time(1_780_000_000_000));
        let app = open(config, clock.clone()).await;
        let new = NewApp { id: APP, name: "main".to_owned(), private: false };
        let write =
            app.store.write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.create_app(&new).await }));
        write.await.unwrap();
        let courier = Courier::new(app.clone()).unwrap();
        Self { app, clock, scope: Scope::system(APP), courier, _directory: directory }
    }

    async fn endpoint(&self, url: &str) {
        reelgate_server::events::endpoint::set_main(&self.app, &self.scope, url, String::new())
            .await
            .unwrap();
    }

    /// Records the end of a task of `file`; the task's id tells events apart.
    async fn happen(&self, file: FileId, task: &str) {
        let fact = task_fact(file, task);
        let scope = self.scope.clone();
        let write = self.app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { append(tx, &scope, Some(file), &fact).await })
        });
        write.await.unwrap();
    }

    async fn step(&self) -> usize {
        self.courier.step().await.unwrap()
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn history(&self, file: FileId) -> Vec<(Delivery, Vec<Attempt>)> {
        let mut read = self.app.store.read().await.unwrap();
        read.file_deliveries(&self.scope, file, None, 100).await.unwrap()
    }

    /// Our own facts in the log, oldest first.
    async fn own(&self) -> Vec<Fact> {
        let mut read = self.app.store.read().await.unwrap();
        let start = read.log_start().await.unwrap();
        let LogRead::Page(page) = read.events_after(&self.scope, &start, 1000).await.unwrap() else {
            panic!()
        };
        let own = page.events.iter().filter(|event| event.kind.starts_with("reelgate."));
        own.map(|event| serde_json::from_str(&event.fact).unwrap()).collect()
    }

    /// Types of what the log holds of a file.
    async fn log(&self, file: FileId) -> Vec<String> {
        let mut read = self.app.store.read().await.unwrap();
        let events = read.file_events(&self.scope, file, 0, 100).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }
}

/// Without looking for ffmpeg: nothing here starts it, and a bare machine has none.
async fn open(config: Config, clock: Clock) -> App {
    let store = Store::open(&config.database_url, clock.clone()).await.unwrap();
    store.migrate().await.unwrap();
    let vault = Vault::open(None, &config.data_dir).unwrap();
    let tools = Tools { ffmpeg: "/nonexistent/ffmpeg".into(), ffprobe: "/nonexistent/ffprobe".into() };
    let sandbox = Sandbox::new("/nonexistent/reelgate".into(), Mode::Off, tools).unwrap();
    App::new(Parts {
        dispatch: Dispatch::open(&config, &clock, &store).unwrap(),
        directory: Directory::default(),
        turns: Turns::default(),
        play_origin: "http://media.example".to_owned(),
        main_app: OnceLock::new(),
        objects: Some(Arc::new(Memory::new())),
        file_ids: FileIds::new(),
        config,
        clock,
        store,
        vault,
        sandbox: Some(sandbox),
    })
}

fn task_fact(file: FileId, task: &str) -> Fact {
    let fact = serde_json::json!({
        "fact": "procedure_state_changed", "task_id": task, "finished": true, "file_id": file.to_string(),
        "file_name": "holiday", "file_url": "https://media.example/a.mp4", "results": [], "priority": 0,
        "notify_mode": "Finish", "session_context": "", "session_id": "",
        "probe": {"size": 1, "container": "mov", "bitrate": 0, "width": 0, "height": 0, "duration": 1.5, "rotate": 0,
                  "video_duration": 1.5, "audio_duration": 0.0, "video": [], "audio": []},
    });
    serde_json::from_value(fact).unwrap()
}
