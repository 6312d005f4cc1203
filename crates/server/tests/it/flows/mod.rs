//! Flows with real ffmpeg and the real models, step by step.

mod trouble;
mod whole;

use std::path::Path;
use std::time::Duration;

use reelgate_jobs::{Stepped, Worker};
use reelgate_model::{Clock, FileId, NotifyMode, Scope, SubtaskState};
use reelgate_objects::{BlobName, Length};
use reelgate_server::events::Fact;
use reelgate_server::events::fact::TaskSnapshot;
use reelgate_server::flows;
use reelgate_server::library::announce::{AnnounceError, announce};
use reelgate_server::library::probe::look;
use reelgate_store::{
    Event, LogRead, Media, NewMedia, NewSession, Session, StoreError, StoredFile, Subtask, Task,
};
use reelgate_testkit::{find_program, skip};

use crate::test_app::{MAIN, SECRET_ID, START, TestApp};

/// A server by the machine's clock; `None`, having said so, on a machine without ffmpeg.
pub(crate) async fn machine_clock() -> Option<TestApp> {
    if !has_ffmpeg() {
        return None;
    }
    Some(TestApp::with(&[], Clock::machine()).await)
}

/// The same with a clock that is moved by hand.
pub(crate) async fn manual_clock(settings: &[(&str, &str)]) -> Option<TestApp> {
    if !has_ffmpeg() {
        return None;
    }
    Some(TestApp::with(settings, Clock::manual(START)).await)
}

fn has_ffmpeg() -> bool {
    let found = ["ffmpeg", "ffprobe"].iter().all(|program| find_program(&[program]).is_some());
    if !found {
        skip(std::thread::current().name().unwrap_or("a test"), "ffmpeg is not in PATH");
    }
    found
}

/// What the system itself may touch.
pub(crate) fn scope() -> Scope {
    Scope::system(MAIN)
}

/// All events of the main application, oldest first.
async fn log(t: &TestApp) -> Vec<Event> {
    let mut read = t.app.store.read().await.unwrap();
    let start = read.log_start().await.unwrap();
    match read.events_after(&scope(), &start, 10_000).await.unwrap() {
        LogRead::Page(page) => page.events,
        LogRead::Reset(at) | LogRead::Expired(at) => panic!("the log begins elsewhere: {at}"),
    }
}

/// What a file is uploaded with.
pub(crate) struct Upload<'a> {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: &'a str,
    pub(crate) procedure: &'a str,
    pub(crate) notify: NotifyMode,
    /// Longest video that the permission allows, seconds.
    pub(crate) max_duration: Option<u32>,
}

impl Upload<'_> {
    /// The short sample.
    pub(crate) fn sample(procedure: &str) -> Upload<'_> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/bigbuckbunny-5s-720p.mp4");
        Upload {
            bytes: std::fs::read(path).unwrap(),
            name: "bunny.mp4",
            procedure,
            notify: NotifyMode::Finish,
            max_duration: None,
        }
    }

    /// Stores the bytes and makes session and media, not announced yet.
    async fn store(self, t: &TestApp) -> (Session, Media) {
        let file = t.app.file_ids.next(t.clock.now());
        let blob = format!("{}/{file}/source-{}", MAIN, self.name);
        let (name, size) = (BlobName::new(&blob).unwrap(), self.bytes.len() as u64);
        let mut writer = t.app.objects().begin_put(&name, Length::Exactly(size)).await.unwrap();
        writer.write(self.bytes.into()).await.unwrap();
        writer.finish().await.unwrap();
        let session = NewSession {
            id: format!("{file:0>32}"),
            file_id: file,
            cover_only: false,
            secret_id: SECRET_ID.to_owned(),
            signature_mac: String::new(),
            user: String::new(),
            permission: String::new(),
            video_key: self.name.to_owned(),
            video_name: "bunny".to_owned(),
            video_type: "mp4".to_owned(),
            video_size: Some(size),
            cover_key: String::new(),
            cover_type: String::new(),
            max_size: 1 << 40,
            max_duration: self.max_duration,
            region: "ap-guangzhou".to_owned(),
            class_id: 0,
            procedure: self.procedure.to_owned(),
            priority: 0,
            notify_mode: self.notify,
            source_context: String::new(),
            session_context: "user=42".to_owned(),
            media_expires_at: None,
            remote: String::new(),
            policy: String::new(),
            key_id: String::new(),
            issued_at: reelgate_model::Time(0),
            quota_day: None,
            holder: String::new(),
            reserved: 0,
            types: Vec::new(),
            app_counted: false,
            expires_at: t.clock.now() + Duration::from_secs(86_400),
        };
        let media = NewMedia {
            file_id: file,
            session_id: session.id.clone(),
            user: String::new(),
            name: "bunny".to_owned(),
            kind: "mp4".to_owned(),
            class_id: 0,
            source: StoredFile { name: self.name.to_owned(), blob, content_type: String::new() },
            source_size: size,
            cover: StoredFile::default(),
            region: "ap-guangzhou".to_owned(),
            source_context: String::new(),
            expires_at: None,
        };
        let scope = scope();
        let made: Result<_, StoreError> = t
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    tx.open_session(&scope, &session).await?;
                    let media = tx.create_media(&scope, &media).await?;
                    Ok((tx.session(&session.id).await?.unwrap(), media))
                })
            })
            .await;
        made.unwrap()
    }

    /// As a Commit that had the time to look at the bytes.
    pub(crate) async fn commit(self, t: &TestApp) -> FileId {
        let (session, media) = self.store(t).await;
        let findings = look(&t.app, &media.source.blob, Duration::from_secs(60)).await.unwrap().unwrap();
        let app = t.app.clone();
        let written: Result<(), AnnounceError> = t
            .app
            .store
            .write(move |tx| Box::pin(async move { announce(tx, &app, &session, &findings).await }))
            .await;
        written.unwrap();
        media.file_id
    }

    /// As a Commit that had not.
    pub(crate) async fn commit_unseen(self, t: &TestApp) -> FileId {
        let (_, media) = self.store(t).await;
        let (scope, file) = (scope(), media.file_id);
        let written: anyhow::Result<()> = t
            .app
            .store
            .write(move |tx| Box::pin(async move { flows::enqueue_probe(tx, &scope, &media).await }))
            .await;
        written.unwrap();
        file
    }
}

/// Steps until nothing is left to do.
pub(crate) async fn work_off(t: &TestApp) {
    let worker = worker(t);
    while worker.step().await.unwrap() != Stepped::Idle {}
}

fn worker(t: &TestApp) -> Worker {
    flows::worker(&t.app).unwrap()
}

pub(crate) async fn media(t: &TestApp, file: FileId) -> Media {
    t.app.store.read().await.unwrap().media(&scope(), file).await.unwrap().unwrap()
}

/// The one task of a file and its sub-tasks.
async fn task(t: &TestApp, file: FileId) -> (Task, Vec<Subtask>) {
    let mut read = t.app.store.read().await.unwrap();
    let mut tasks = read.file_tasks(&scope(), file, None, 10).await.unwrap();
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    let task = tasks.remove(0);
    let subtasks = read.subtasks(&scope(), &task.id).await.unwrap();
    (task, subtasks)
}

/// Kind, state and reason of each.
fn ends(subtasks: &[Subtask]) -> Vec<(&str, SubtaskState, &str)> {
    subtasks.iter().map(|one| (one.kind.as_str(), one.state, one.err_code_ext.as_str())).collect()
}

/// What the log holds, of which NewFileUpload must be the first.
async fn facts(t: &TestApp) -> Vec<Fact> {
    let facts: Vec<Fact> =
        log(t).await.iter().map(|event| serde_json::from_str(&event.fact).unwrap()).collect();
    assert!(matches!(facts.first(), Some(Fact::NewFileUpload(_))), "{facts:?}");
    facts
}

/// Every ProcedureStateChanged in the log; there is exactly one NewFileUpload before them.
async fn changes(t: &TestApp) -> Vec<TaskSnapshot> {
    let facts = facts(t).await;
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::NewFileUpload(_))).count(), 1);
    let changed = |fact| match fact {
        Fact::ProcedureStateChanged(snapshot) => Some(*snapshot),
        Fact::NewFileUpload(_)
        | Fact::FileDeleted { .. }
        | Fact::UploadExpired { .. }
        | Fact::PermissionExceeded { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::EventsDropped { .. }
        | Fact::Received(_)
        | Fact::Reconciled { .. }
        | Fact::DeliveryDead { .. } => None,
    };
    facts.into_iter().filter_map(changed).collect()
}
