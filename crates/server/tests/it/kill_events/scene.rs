//! The processes, what is asked of them, and what is known to have been committed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use reelgate_model::{AppId, Clock, FileId, Scope};
use reelgate_store::{LogRead, Store};
use reelgate_testkit::Database;
use reelgate_wire::cloudapi::tc3;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::Phase;
use super::readers::Endpoint;
use crate::cos_client::CosClient;
use crate::server_process::{API_KEY, APP, Launch, SECRET_ID, SECRET_KEY, Server};
use crate::upload::noise;

/// Longer than leases (30.5 s) and invisible events (30 s) last.
const QUIET: Duration = Duration::from_secs(120);
const DOORS: &str = "api,gateway,dispatch,upkeep";

pub(super) struct Scene {
    directory: TempDir,
    database: Database,
    ordered: Endpoint,
    free: Endpoint,
    /// By what it does; on SQLite one does everything.
    processes: BTreeMap<&'static str, Server>,
    lives: u32,
    uploads: u64,
    /// Files whose Commit was answered, at whatever time.
    committed: BTreeSet<String>,
    /// Files whose DeleteMedia was answered.
    deleted: BTreeSet<String>,
    /// What the consumer has handled: FileId and type, since the queue has no ids of its own.
    handled: BTreeSet<(String, String)>,
    http: reqwest::Client,
    clock: Clock,
}

impl Scene {
    pub(super) async fn open(database: Database) -> Self {
        let mut scene = Self {
            directory: tempfile::Builder::new().prefix("reelgate-kill-events-").tempdir().unwrap(),
            database,
            ordered: Endpoint::start().await,
            free: Endpoint::start().await,
            processes: BTreeMap::new(),
            lives: 0,
            uploads: 0,
            committed: BTreeSet::new(),
            deleted: BTreeSet::new(),
            handled: BTreeSet::new(),
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap(),
            clock: Clock::machine(),
        };
        scene.start_what_is_dead().await;
        for wanted in [
            json!({"url": scene.ordered.url, "shape": "vendor3", "order": "file"}),
            json!({"url": scene.free.url, "shape": "standard", "order": "none"}),
        ] {
            let url = format!("{}/v1/event-endpoints", scene.base());
            let made = scene.http.post(url).bearer_auth(API_KEY).json(&wanted).send().await.unwrap();
            assert_eq!(made.status().as_u16(), 201);
        }
        // The queue begins now.
        scene.ask("PullEvents", json!({})).await.unwrap();
        scene
    }

    fn roles(&self) -> &'static [(&'static str, &'static str)] {
        if self.database.url().starts_with("sqlite") {
            &[("doors", "api,gateway,dispatch,upkeep,delivery")]
        } else {
            &[("doors", DOORS), ("delivery 1", "delivery"), ("delivery 2", "delivery")]
        }
    }

    async fn start_what_is_dead(&mut self) {
        for (name, roles) in self.roles() {
            if self.processes.contains_key(name) {
                continue;
            }
            self.lives += 1;
            let life = self.lives.to_string();
            let environment = [
                ("REELGATE_DATABASE__URL", self.database.url()),
                ("REELGATE_STORAGE__SHARED", "true"),
                ("REELGATE_SERVER__ROLES", roles),
                ("REELGATE_EVENTS__TIMEOUT", "0.5"),
                ("REELGATE_EVENTS__RETRY", "[0.2, 0.5, 1, 2, 5, 5, 5]"),
            ];
            let launch = Launch {
                directory: self.directory.path(),
                name: &life,
                config: "",
                environment: &environment,
            };
            let server = Server::start(launch).await;
            self.processes.insert(name, server);
        }
    }

    fn base(&self) -> String {
        format!("http://{}", self.processes["doors"].address)
    }

    /// One kill, somewhere into `phase`. Returns who died and whether something was cut; everything is up again then, and
    /// what was cut has been asked for again.
    pub(super) async fn strike(&mut self, phase: Phase) -> (&'static str, bool) {
        let whom = match phase {
            Phase::HandOver | Phase::Deliver | Phase::Settle => {
                let senders: Vec<&'static str> =
                    self.processes.keys().copied().filter(|name| name.starts_with("delivery")).collect();
                if senders.is_empty() { "doors" } else { senders[rand::random_range(0..senders.len())] }
            }
            Phase::Commit | Phase::Delete | Phase::Pull | Phase::Confirm => "doors",
        };
        let cut = match phase {
            Phase::Commit => {
                let upload = self.sent().await;
                self.cut_commit(upload).await
            }
            Phase::Delete => {
                let file = self.committed_upload().await;
                self.cut_call("DeleteMedia", json!({"FileId": file})).await
            }
            Phase::Pull => {
                self.committed_upload().await;
                self.cut_call("PullEvents", json!({})).await
            }
            Phase::Confirm => {
                self.committed_upload().await;
                let handles = self.pull().await;
                self.cut_call("ConfirmEvents", json!({"EventHandles": handles})).await
            }
            Phase::HandOver | Phase::Deliver | Phase::Settle => self.cut_delivery(phase, whom).await,
        };
        self.start_what_is_dead().await;
        self.consume().await;
        (whom, cut)
    }

    async fn kill(&mut self, whom: &'static str) {
        let mut server = self.processes.remove(whom).unwrap();
        server.kill().await;
    }

    /// Asks for a commit and kills before it is answered, or just after. The commit is then asked for again.
    async fn cut_commit(&mut self, (key, signature): (String, String)) -> bool {
        let body = json!({"signature": signature, "vodSessionKey": key});
        let url = format!("{}/v3/index.php?Action=CommitUploadUGC", self.base());
        let asked = tokio::spawn(self.http.post(&url).json(&body).send());
        sleep(Duration::from_millis(rand::random_range(0..120))).await;
        self.kill("doors").await;
        let answered = asked.await.unwrap().is_ok_and(|answer| answer.status().is_success());
        self.start_what_is_dead().await;
        let file = self.commit(&key, &signature).await;
        self.committed.insert(file);
        !answered
    }

    /// Asks the cloud API and kills before it answers, or just after. A deletion is then asked for again.
    async fn cut_call(&mut self, action: &'static str, fields: Value) -> bool {
        let asked = tokio::spawn(self.call(action, &fields).send());
        sleep(Duration::from_micros(rand::random_range(0..15_000))).await;
        self.kill("doors").await;
        let answered = asked.await.unwrap().is_ok_and(|answer| answer.status().is_success());
        self.start_what_is_dead().await;
        if action == "DeleteMedia" {
            let again = self.ask(action, fields.clone()).await;
            let code = again.as_ref().err().map(|error| error["Code"].clone());
            assert!(again.is_ok() || code == Some("ResourceNotFound.FileNotExist".into()), "{again:?}");
            self.deleted.insert(fields["FileId"].as_str().unwrap().to_owned());
        }
        !answered
    }

    /// Makes events and kills a sender on the way to an endpoint, at it, or right behind it.
    async fn cut_delivery(&mut self, phase: Phase, whom: &'static str) -> bool {
        let before = self.ordered.ids().len();
        match phase {
            Phase::HandOver => {
                self.committed_upload().await;
                sleep(Duration::from_micros(rand::random_range(0..20_000))).await;
            }
            Phase::Deliver => {
                self.committed_upload_while(|scene| scene.ordered.begins()).await;
                sleep(Duration::from_millis(rand::random_range(0..55))).await;
            }
            _ => {
                self.committed_upload_while(|scene| scene.ordered.answers()).await;
                sleep(Duration::from_micros(rand::random_range(0..3_000))).await;
            }
        }
        self.kill(whom).await;
        phase == Phase::Settle || self.ordered.ids().len() == before
    }

    async fn committed_upload_while<'a, F: Future<Output = ()> + 'a>(
        &'a mut self,
        wait: impl FnOnce(&'a Self) -> F,
    ) {
        let (key, signature) = self.sent().await;
        let file = self.commit(&key, &signature).await;
        self.committed.insert(file);
        wait(self).await;
    }

    async fn committed_upload(&mut self) -> String {
        let (key, signature) = self.sent().await;
        let file = self.commit(&key, &signature).await;
        self.committed.insert(file.clone());
        file
    }

    /// An upload whose bytes are there: its session key, and a signature for its Commit.
    async fn sent(&mut self) -> (String, String) {
        self.uploads += 1;
        let url = format!("{}/v1/upload-signatures", self.base());
        let asked =
            self.http.post(url).bearer_auth(API_KEY).json(&json!({"procedure": ""})).send().await.unwrap();
        let issued: Value = asked.json().await.unwrap();
        let signature = issued["signature"].as_str().unwrap().to_owned();
        let body = json!({"signature": signature, "videoName": "k", "videoType": "mp4"});
        let data = self.ugc("ApplyUploadUGC", &body).await;
        let cos = CosClient::at(&self.base(), self.http.clone(), self.clock.clone(), &data);
        cos.call(Method::PUT, &cos.video).body(noise(self.uploads, 64)).send().await.expect(200);
        (data["vodSessionKey"].as_str().unwrap().to_owned(), signature)
    }

    async fn commit(&self, key: &str, signature: &str) -> String {
        let data = self.ugc("CommitUploadUGC", &json!({"signature": signature, "vodSessionKey": key})).await;
        data["fileId"].as_str().unwrap().to_owned()
    }

    async fn ugc(&self, action: &str, body: &Value) -> Value {
        let url = format!("{}/v3/index.php?Action={action}", self.base());
        let answer: Value = self.http.post(url).json(body).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"].clone()
    }

    fn call(&self, action: &str, fields: &Value) -> reqwest::RequestBuilder {
        let (base, body) = (self.base(), fields.to_string().into_bytes());
        let headers = [
            ("content-type".to_owned(), "application/json".to_owned()),
            ("host".to_owned(), base.trim_start_matches("http://").to_owned()),
        ];
        let now = self.clock.now().seconds();
        let request = tc3::Request { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        self.http
            .post(format!("{base}/"))
            .header("content-type", "application/json")
            .header("authorization", tc3::authorization(SECRET_ID, SECRET_KEY, "vod", &request, now))
            .header("x-tc-action", action)
            .header("x-tc-version", "2018-07-17")
            .header("x-tc-timestamp", now)
            .body(body)
    }

    /// The members of an answer, or its error.
    async fn ask(&self, action: &str, fields: Value) -> Result<Value, Value> {
        let answer: Value = self.call(action, &fields).send().await.unwrap().json().await.unwrap();
        match answer["Response"].get("Error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["Response"].clone()),
        }
    }

    /// One pull, handled: what is known of each event is remembered before it is confirmed. Returns the handles.
    async fn pull(&mut self) -> Vec<Value> {
        let pulled = self.ask("PullEvents", json!({})).await.unwrap();
        let events = pulled["EventSet"].as_array().cloned().unwrap_or_default();
        for event in &events {
            let file = event["FileUploadEvent"]["FileId"].as_str();
            let file = file.or_else(|| event["FileDeleteEvent"]["FileIdSet"][0].as_str()).unwrap().to_owned();
            self.handled.insert((file, event["EventType"].as_str().unwrap().to_owned()));
        }
        events.into_iter().map(|mut event| event["EventHandle"].take()).collect()
    }

    /// Pulls and confirms, as a good consumer does.
    async fn consume(&mut self) {
        let handles = self.pull().await;
        if !handles.is_empty() {
            self.ask("ConfirmEvents", json!({"EventHandles": handles})).await.unwrap();
        }
    }

    /// Waits until every reader has every event of the log, and compares. Returns how many events, uploads and deletions there
    /// were.
    pub(super) async fn check_all(&mut self) -> (usize, usize, usize) {
        let recorded = self.recorded().await;
        let ids: BTreeSet<String> = recorded.iter().map(|(id, ..)| id.clone()).collect();
        let began = Instant::now();
        while began.elapsed() < QUIET {
            let told = self.ordered.ids() == ids && self.free.ids() == ids;
            if told && self.handled.len() >= recorded.len() {
                break;
            }
            let _ = timeout(Duration::from_secs(8), self.consume()).await;
        }
        assert_eq!(self.ordered.ids(), ids, "the endpoint that keeps the order of files");
        assert_eq!(self.free.ids(), ids, "the endpoint that does not");
        let changes: Vec<(String, String)> =
            recorded.iter().map(|(_, kind, file)| (file.to_string(), kind.clone())).collect();
        let distinct: BTreeSet<_> = changes.iter().cloned().collect();
        assert_eq!(distinct.len(), changes.len(), "a change has one event: {changes:?}");
        assert_eq!(self.handled, distinct, "the consumer of the queue");
        let of = |kind: &str| -> BTreeSet<String> {
            changes.iter().filter(|(_, one)| one == kind).map(|(file, _)| file.clone()).collect()
        };
        assert_eq!(of("NewFileUpload"), self.committed, "every committed upload, and nothing else");
        assert_eq!(of("FileDeleted"), self.deleted, "every committed deletion, and nothing else");
        (recorded.len(), self.committed.len(), self.deleted.len())
    }

    /// Id, type and file of the vendor's events in the log.
    async fn recorded(&self) -> Vec<(String, String, FileId)> {
        let store = Store::open(self.database.url(), Clock::machine()).await.unwrap();
        let scope = Scope::system(APP.parse::<AppId>().unwrap());
        let mut cursor = store.read().await.unwrap().log_start().await.unwrap();
        let mut found = Vec::new();
        loop {
            let mut read = store.read().await.unwrap();
            let LogRead::Page(page) = read.events_after(&scope, &cursor, 100).await.unwrap() else {
                panic!("the log has begun anew");
            };
            drop(read);
            let more = !page.events.is_empty() || page.held_back;
            let own = page.events.into_iter().filter(|event| !event.kind.starts_with("reelgate."));
            found.extend(own.map(|event| (event.id, event.kind, event.file.unwrap())));
            cursor = page.next;
            if !more {
                store.close().await;
                return found;
            }
        }
    }
}
