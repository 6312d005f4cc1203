//! Everything that outlives a kill: rows, bytes, client, receiver, and what is known about the files so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reelgate_client::{
    Endpoint, MIN_PART_SIZE, Phase as Sending, Progress, RetryPolicy, SignatureSource, Upload, UploadError,
    Uploaded,
};
use reelgate_model::{AppId, Clock, FileId, JobState, Scope};
use reelgate_store::{Job, LogRead, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::aim::Phase;
use super::log::{self, Line};
use super::playable::assert_playable;
use super::proxy::Proxy;
use super::receiver::Receiver;
use crate::server_process::{API_KEY, APP, Launch, Server};

/// The procedure of this test: playable output from one short step, and a picture from another.
const PROCEDURE: &str = "kill";
const CONFIG: &str = "[[procedures]]\nname = \"kill\"\nadaptive = [900020]\ncover = 10\n";
/// A step is given up after five attempts, so that a file that kills its worker cannot do it for ever. A file whose
/// steps were cut this often is left alone until it is done.
const BEATEN: u32 = 3;
/// Longer than it takes a step's lease to run out several times.
const FINISH: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_secs(90);

pub(super) struct Scene {
    /// Files that a client has a FileId of.
    pub(super) files: Vec<FileId>,
    directory: TempDir,
    proxy: Proxy,
    receiver: Receiver,
    server: Option<Server>,
    lives: u32,
    uploads: u32,
    cuts: BTreeMap<FileId, u32>,
    http: reqwest::Client,
}

/// One client's upload, with the state file that it goes on from.
pub(super) struct Attempt {
    state: PathBuf,
    progress: watch::Receiver<Progress>,
    running: JoinHandle<Result<Uploaded, UploadError>>,
}

impl Scene {
    pub(super) async fn open() -> Self {
        let mut scene = Self {
            files: Vec::new(),
            directory: tempfile::Builder::new().prefix("reelgate-kill-").tempdir().unwrap(),
            proxy: Proxy::start().await,
            receiver: Receiver::start().await,
            server: None,
            lives: 0,
            uploads: 0,
            cuts: BTreeMap::new(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        scene.start().await;
        let url = format!("{}/v1/event-endpoint", scene.proxy.origin);
        let put = scene.http.put(url).bearer_auth(API_KEY).json(&json!({ "url": scene.receiver.url }));
        put.send().await.unwrap().error_for_status().unwrap();
        scene
    }

    /// Starts the next life of the server.
    pub(super) async fn start(&mut self) {
        self.lives += 1;
        let (directory, life) = (self.directory.path(), self.lives.to_string());
        let launch = Launch { directory, name: &life, config: CONFIG, environment: &[] };
        let server = Server::start(launch).await;
        *self.proxy.server.lock().unwrap() = Some(server.address);
        self.server = Some(server);
    }

    /// Ends the life of the server.
    pub(super) async fn kill(&mut self) {
        *self.proxy.server.lock().unwrap() = None;
        self.server.as_mut().unwrap().kill().await;
    }

    /// The access log of the last life so far.
    pub(super) fn log(&self) -> Vec<Line> {
        log::read(&self.server.as_ref().unwrap().access_log)
    }

    /// Begins a new upload, with a session of its own.
    pub(super) fn upload(&mut self) -> Attempt {
        self.uploads += 1;
        self.attempt(self.directory.path().join(format!("upload-{}", self.uploads)))
    }

    fn attempt(&self, state: PathBuf) -> Attempt {
        let (http, url) = (self.http.clone(), format!("{}/v1/upload-signatures", self.proxy.origin));
        let signatures = SignatureSource::new(move || {
            let request = http.post(&url).bearer_auth(API_KEY).json(&json!({ "procedure": PROCEDURE }));
            async move {
                let answer: Value = request.send().await?.error_for_status()?.json().await?;
                Ok(answer["signature"].as_str().unwrap().to_owned())
            }
        });
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/bigbuckbunny-5s-720p.mp4");
        let upload = Upload::new(Endpoint::path_style(&self.proxy.origin), signatures, sample)
            .state_file(&state)
            .part_size(MIN_PART_SIZE)
            .parallel(1)
            // Ends with its server, like an app that the user closes: what goes on is another client.
            .retry(RetryPolicy { attempts: 1, first_pause: Duration::ZERO, longest_pause: Duration::ZERO });
        Attempt { state, progress: upload.progress(), running: tokio::spawn(upload.run()) }
    }

    /// What the last kill cut, by the rows and the access log that it left: the upload when its Complete was not
    /// answered, the commit when that was not answered, a flow when some step was running.
    pub(super) async fn cut(&mut self, log_before: usize) -> Option<Phase> {
        let lines = self.log().split_off(log_before);
        let beaten = self.running_steps().await;
        for file in &beaten {
            *self.cuts.entry(*file).or_default() += 1;
        }
        let answered = |is: fn(&Line) -> bool| lines.iter().filter(|line| is(line)).count();
        // Apply and Commit; Initiate and Complete.
        match (answered(Line::is_ugc), answered(Line::is_object_post)) {
            (0..=1, 0..=1) => Some(Phase::Upload),
            (0..=1, _) => Some(Phase::Commit),
            _ => (!beaten.is_empty()).then_some(Phase::Flow),
        }
    }

    /// Waits until files whose steps were cut often have finished.
    pub(super) async fn spare_the_beaten(&mut self) {
        let beaten: Vec<FileId> =
            self.cuts.iter().filter(|(_, cuts)| **cuts >= BEATEN).map(|(file, _)| *file).collect();
        self.wait_until_finished(&beaten).await;
        self.cuts.retain(|file, _| !beaten.contains(file));
    }

    /// Waits until the task of each file has finished and its events have arrived.
    pub(super) async fn wait_until_finished(&self, files: &[FileId]) {
        let all_told = async {
            for file in files.iter().map(FileId::to_string) {
                while self.receiver.ids("ProcedureStateChanged", &file).is_empty() {
                    sleep(Duration::from_millis(100)).await;
                }
            }
        };
        timeout(FINISH, all_told).await.unwrap_or_else(|_| panic!("files {files:?} did not finish"));
    }

    /// Every file has finished, well, and was told of once; its media plays.
    pub(super) async fn check_all(&self) {
        self.wait_until_finished(&self.files).await;
        let unique: std::collections::BTreeSet<&FileId> = self.files.iter().collect();
        assert_eq!(unique.len(), self.files.len(), "each upload has its own file: {:?}", self.files);
        for file in &self.files {
            let id = file.to_string();
            for kind in ["NewFileUpload", "ProcedureStateChanged"] {
                let ids = self.receiver.ids(kind, &id);
                assert_eq!(ids.len(), 1, "{kind} of {id} came as {ids:?}");
            }
            let url = format!("{}/v1/media/{id}", self.proxy.origin);
            let answer =
                self.http.get(url).bearer_auth(API_KEY).send().await.unwrap().error_for_status().unwrap();
            let media: Value = answer.json().await.unwrap();
            let tasks = media["tasks"].as_array().unwrap();
            assert_eq!((tasks.len(), &tasks[0]["state"]), (1, &json!("finish")), "{media:#}");
            for subtask in tasks[0]["subtasks"].as_array().unwrap() {
                assert_eq!(subtask["state"], "success", "{media:#}");
            }
            let hls = media["playback"]["hls_url"].as_str().unwrap();
            assert_playable(&self.http, &self.proxy.origin, hls, self.directory.path()).await;
        }
        let recorded = self.recorded("NewFileUpload").await;
        assert_eq!(recorded.len(), self.files.len(), "the log holds {recorded:?} for {:?}", self.files);
    }

    /// Files of the recorded events of one type, in the order of the log.
    async fn recorded(&self, kind: &str) -> Vec<Option<FileId>> {
        let store = self.store().await;
        let mut read = store.read().await.unwrap();
        let mut cursor = read.log_start().await.unwrap();
        let mut found = Vec::new();
        loop {
            let LogRead::Page(page) = read.events_after(&scope(), &cursor, 100).await.unwrap() else {
                panic!("the log has begun anew");
            };
            if page.events.is_empty() {
                drop(read);
                store.close().await;
                return found;
            }
            found.extend(page.events.iter().filter(|event| event.kind == kind).map(|event| event.file));
            cursor = page.next;
        }
    }

    /// Files that have a step in the hands of the last life's worker. Steps cut before may still wait for their lease
    /// to run out: they are held by workers of earlier lives, whose names begin with other process ids.
    async fn running_steps(&self) -> Vec<FileId> {
        let store = self.store().await;
        let mut read = store.read().await.unwrap();
        let worker = format!("{}-", self.server.as_ref().unwrap().pid);
        let mut found = Vec::new();
        for file in &self.files {
            let jobs = read.file_jobs(&scope(), *file, "", 100).await.unwrap();
            let held = |job: &Job| job.state == JobState::Running && job.worker.starts_with(&worker);
            if jobs.iter().any(held) {
                found.push(*file);
            }
        }
        drop(read);
        store.close().await;
        found
    }

    async fn store(&self) -> Store {
        let path = self.directory.path().join("data/reelgate.db");
        Store::open(&format!("sqlite://{}", path.display()), Clock::machine()).await.unwrap()
    }
}

impl Drop for Scene {
    #[expect(clippy::print_stdout, reason = "a failed test says where its evidence is")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            println!("logs, rows and bytes are kept in {}", self.directory.path().display());
        }
    }
}

impl Attempt {
    /// Waits until the client asks for the commit; returns how long that took.
    pub(super) async fn reaches_commit(&mut self) -> Duration {
        let began = Instant::now();
        let reached = self.progress.wait_for(|now| matches!(now.phase, Sending::Committing | Sending::Done));
        // An upload that has failed closes the channel; what went wrong is told when it is waited for.
        let _ = timeout(STEP, reached).await.expect("the upload reaches its commit in time");
        began.elapsed()
    }

    /// Waits for the FileId.
    pub(super) async fn finishes(&mut self) -> FileId {
        let uploaded =
            timeout(STEP, &mut self.running).await.expect("the upload ends in time").unwrap().unwrap();
        uploaded.file_id.parse().unwrap()
    }

    /// Waits for the end of a client that has lost its server: the FileId if it had come so far.
    pub(super) async fn ends(&mut self) -> Option<FileId> {
        let ended = timeout(STEP, &mut self.running).await.expect("the upload ends with its server").unwrap();
        ended.ok().map(|uploaded| uploaded.file_id.parse().unwrap())
    }

    /// A new client goes on from the state file, or begins again where there is none.
    pub(super) async fn goes_on(self, scene: &Scene) -> FileId {
        scene.attempt(self.state).finishes().await
    }
}

fn scope() -> Scope {
    Scope::system(APP.parse::<AppId>().unwrap())
}
