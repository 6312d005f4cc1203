//! What the signature service granted and refused, on its way into the log. Answers are not kept waiting for it: a task
//! writes what has gathered, in batches. A crash can lose the last fraction of a second of it; what a quota counts is
//! written elsewhere, with the session (`uploads/quota.rs`).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reelgate_model::{AppId, Principal, Time};
use reelgate_store::{SignatureEntry, Store, StoreError, unit};
use reelgate_wire::permission::Permission;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

/// Entries that may wait. Beyond it answers wait a moment, and then go without an entry.
const QUEUE: usize = 8_192;
/// Entries written in one unit.
const BATCH: usize = 1_024;
/// How long entries gather.
const GATHER: Duration = Duration::from_millis(250);
/// How long an answer waits for a place in a full queue.
const PATIENCE: Duration = Duration::from_millis(100);
/// Pause before a batch that could not be written is tried again, and how often that is done.
const RETRY: Duration = Duration::from_secs(1);
const TRIES: u32 = 30;
/// Longest sentence that is kept, characters: some repeat what a stranger sent.
const SENTENCE: usize = 1_000;

enum Message {
    Note(Box<Note>),
    /// Everything before it is to be written now.
    Flush(oneshot::Sender<()>),
}

/// One answer. It is put into words only when it is written.
pub(super) struct Note {
    pub(super) app: AppId,
    pub(super) at: Time,
    /// `None`: nobody was recognised.
    pub(super) principal: Option<Principal>,
    pub(super) user: String,
    pub(super) client: IpAddr,
    pub(super) answer: Answered,
}

/// What was answered.
pub(super) enum Answered {
    Granted { permission: Arc<Permission>, expire_time: i64, one_time: bool, procedure: String },
    Refused { code: &'static str, sentence: String },
}

impl Note {
    fn entry(&self) -> SignatureEntry {
        let (code, detail) = match &self.answer {
            Answered::Granted { permission, expire_time, one_time, procedure } => {
                let granted = Granted {
                    permission_id: &permission.id,
                    policy: &permission.policy,
                    policy_revision: permission.policy_revision,
                    expires_at: *expire_time,
                    one_time: *one_time,
                    procedure,
                    types: &permission.types,
                    limits: Limits {
                        max_size: permission.max_size,
                        max_duration: permission.max_duration,
                        daily_uploads: permission.daily_uploads,
                        daily_bytes: permission.daily_bytes,
                        open_sessions: permission.open_sessions,
                        bytes_in_flight: permission.bytes_in_flight,
                        addresses: permission.addresses,
                    },
                };
                ("granted", serde_json::to_string(&granted))
            }
            Answered::Refused { code, sentence } => {
                let sentence: String = sentence.chars().take(SENTENCE).collect();
                (*code, serde_json::to_string(&Refused { sentence: &sentence }))
            }
        };
        SignatureEntry {
            app: self.app,
            at: self.at,
            id: rand::random::<i64>() & i64::MAX,
            user: self.user.clone(),
            caller: self.principal.as_ref().map(Principal::to_string).unwrap_or_default(),
            code: code.to_owned(),
            detail: detail.unwrap_or_else(|_| "null".to_owned()),
            remote: self.client.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    sentence: &'a str,
}

#[derive(Serialize)]
struct Granted<'a> {
    permission_id: &'a str,
    policy: &'a str,
    policy_revision: i64,
    expires_at: i64,
    one_time: bool,
    procedure: &'a str,
    types: &'a [String],
    limits: Limits,
}

#[derive(Serialize)]
struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_uploads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_sessions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in_flight: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<u32>,
}

/// The way into the log.
pub struct Journal {
    queue: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

impl Journal {
    pub(super) fn start(store: Store) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        // There from the start, so that an alert on it has something to look at.
        metrics::counter!("reelgate_signature_log_lost_total").increment(0);
        tokio::spawn(Writer { store, messages, lost: Arc::clone(&lost) }.run());
        Self { queue, lost }
    }

    pub(super) async fn note(&self, note: Note) {
        let Err(refused) = self.queue.try_send(Message::Note(Box::new(note))) else { return };
        let message = match refused {
            mpsc::error::TrySendError::Full(message) | mpsc::error::TrySendError::Closed(message) => message,
        };
        if self.queue.send_timeout(message, PATIENCE).await.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("reelgate_signature_log_lost_total").increment(1);
        }
    }

    /// Returns when everything noted so far is written, or given up.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            // An error means that the writer has ended; then there is nothing to wait for.
            let _ = written.await;
        }
    }
}

struct Writer {
    store: Store,
    messages: mpsc::Receiver<Message>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    async fn run(mut self) {
        let mut messages = Vec::with_capacity(BATCH);
        while self.messages.recv_many(&mut messages, BATCH).await > 0 {
            let flush = messages.iter().any(|message| matches!(message, Message::Flush(_)));
            if !flush && messages.len() < BATCH {
                tokio::time::sleep(GATHER).await;
                while messages.len() < BATCH {
                    let Ok(message) = self.messages.try_recv() else { break };
                    messages.push(message);
                }
            }
            let mut entries = Vec::with_capacity(messages.len());
            let mut waiting = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Note(note) => entries.push(note.entry()),
                    Message::Flush(done) => waiting.push(done),
                }
            }
            self.write(entries.into()).await;
            for done in waiting {
                let _ = done.send(());
            }
        }
    }

    /// Writing twice what was written once changes nothing: entries have ids.
    async fn write(&self, entries: Arc<[SignatureEntry]>) {
        for attempt in 1.. {
            let batch = Arc::clone(&entries);
            let work =
                unit::<(), StoreError, _>(move |tx| Box::pin(async move { tx.log_signatures(&batch).await }));
            let Err(error) = self.store.write(work).await else { break };
            let error = anyhow::Error::from(error);
            if attempt == TRIES {
                tracing::error!(
                    cause = format!("{error:#}"),
                    entries = entries.len(),
                    "entries of the signature log were given up; the signatures themselves are not affected"
                );
                break;
            }
            tracing::warn!(cause = format!("{error:#}"), "the signature log cannot be written; trying again");
            tokio::time::sleep(RETRY).await;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(lost, "the signature log was too slow: answers went out without an entry");
        }
    }
}
