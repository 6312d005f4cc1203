//! What the signature service granted and refused, on its way into the log. Answers are not kept waiting for it: each
//! adds a line to a segment in memory, and a task writes the segments. A crash can lose the last fraction of a second of it; what a quota counts is
//! written elsewhere, with the session (`uploads/quota.rs`).

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reelgate_model::{AppId, Principal, Time};
use reelgate_store::{SignatureLine, SignatureSegment, Store, StoreError, unit};
use reelgate_wire::permission::Permission;
use serde::Serialize;
use tokio::sync::{Notify, oneshot};

/// Entries that may wait to be written; answers beyond it go without an entry.
const MOST: usize = 65_536;
/// Entries of one segment.
const SEGMENT: usize = 4_096;
/// How long entries gather.
const GATHER: Duration = Duration::from_millis(250);
/// Pause before a batch that could not be written is tried again, and how often that is done.
const RETRY: Duration = Duration::from_secs(1);
const TRIES: u32 = 30;
/// Longest sentence that is kept, characters: some repeat what a stranger sent.
const SENTENCE: usize = 1_000;
/// Kinds of grants and callers that are looked for among the latest ones; older ones are put into words again.
const LATEST: usize = 8;

/// One answer.
#[derive(Clone, Copy)]
pub(super) struct Note<'a> {
    pub(super) app: AppId,
    pub(super) at: Time,
    /// `None`: nobody was recognised.
    pub(super) principal: Option<&'a Principal>,
    pub(super) user: &'a str,
    pub(super) client: IpAddr,
    pub(super) answer: Answered<'a>,
}

/// What was answered.
#[derive(Clone, Copy)]
pub(super) enum Answered<'a> {
    Granted(Grant<'a>),
    Refused { code: &'static str, sentence: &'a str },
}

/// What was granted.
#[derive(Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) permission: &'a Permission,
    pub(super) expire_time: i64,
    pub(super) one_time: bool,
    pub(super) procedure: &'a str,
}

/// The way into the log.
pub struct Journal(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to write.
    filled: Notify,
    /// Somebody does not want to wait for more to gather.
    hurry: Notify,
}

#[derive(Default)]
struct Waiting {
    segments: Vec<Filling>,
    entries: usize,
    lost: u64,
    flushes: Vec<oneshot::Sender<()>>,
    closed: bool,
}

impl Journal {
    pub(super) fn start(store: Store) -> Self {
        // There from the start, so that an alert on it has something to look at.
        metrics::counter!("reelgate_signature_log_lost_total").increment(0);
        let shared = Arc::<Shared>::default();
        tokio::spawn(write_for_ever(store, Arc::clone(&shared)));
        Self(shared)
    }

    pub(super) fn note(&self, note: Note<'_>) {
        if self.0.lock().add(note) {
            self.0.filled.notify_one();
        }
    }

    /// Returns when everything noted so far is written, or given up.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        self.0.lock().flushes.push(done);
        self.0.filled.notify_one();
        self.0.hurry.notify_one();
        // An error means that the writer has ended; then there is nothing to wait for.
        let _ = written.await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.filled.notify_one();
    }
}

impl Waiting {
    /// Whether nobody waits for what is here.
    fn may_gather(&self) -> bool {
        self.flushes.is_empty() && !self.closed
    }

    fn take(&mut self) -> (Vec<Filling>, u64, Vec<oneshot::Sender<()>>) {
        self.entries = 0;
        (
            std::mem::take(&mut self.segments),
            std::mem::take(&mut self.lost),
            std::mem::take(&mut self.flushes),
        )
    }

    /// `true` for the first one since the last write.
    fn add(&mut self, note: Note<'_>) -> bool {
        if self.entries >= MOST {
            self.lost += 1;
            metrics::counter!("reelgate_signature_log_lost_total").increment(1);
            return false;
        }
        let fits = |filling: &Filling| filling.app == note.app && filling.entries < SEGMENT;
        let place = self.segments.iter().rposition(fits).unwrap_or_else(|| {
            self.segments.push(Filling::new(note.app));
            self.segments.len() - 1
        });
        self.segments[place].add(note);
        self.entries += 1;
        self.entries == 1
    }
}

/// A segment with what many of its entries share.
struct Filling {
    app: AppId,
    segment: SignatureSegment,
    entries: usize,
    /// Who asked, with the word for it.
    callers: Vec<(Option<Principal>, usize)>,
    /// What was granted, but for its id, its user and its end, with the word for it.
    grants: Vec<Kind>,
}

struct Kind {
    permission: Permission,
    one_time: bool,
    procedure: String,
    word: usize,
}

impl Filling {
    fn new(app: AppId) -> Self {
        let segment = SignatureSegment::new(app);
        Self { app, segment, entries: 0, callers: Vec::new(), grants: Vec::new() }
    }

    fn add(&mut self, note: Note<'_>) {
        let caller = self.caller(note.principal);
        let (code, detail, permission, expire_time) = match note.answer {
            Answered::Granted(grant) => {
                ("granted", self.grant(grant), grant.permission.id.as_str(), grant.expire_time)
            }
            Answered::Refused { code, sentence } => {
                let sentence: String = sentence.chars().take(SENTENCE).collect();
                (code, self.segment.word(json(&Refused { sentence: &sentence })), "", 0)
            }
        };
        self.entries += 1;
        self.segment.push(SignatureLine {
            at: note.at,
            id: rand::random::<i64>() & i64::MAX,
            user: note.user,
            caller,
            code,
            remote: note.client,
            permission,
            expire_time,
            detail,
        });
    }

    fn caller(&mut self, principal: Option<&Principal>) -> usize {
        let mut latest = self.callers.iter().rev().take(LATEST);
        if let Some((_, word)) = latest.find(|(known, _)| known.as_ref() == principal) {
            return *word;
        }
        let text = principal.map(Principal::to_string).unwrap_or_default();
        let word = self.segment.word(json(&text));
        self.callers.push((principal.cloned(), word));
        word
    }

    fn grant(&mut self, grant: Grant<'_>) -> usize {
        let mut latest = self.grants.iter().rev().take(LATEST);
        let same = |known: &&Kind| {
            known.one_time == grant.one_time
                && known.procedure == grant.procedure
                && known.permission.limits_like(grant.permission)
        };
        if let Some(known) = latest.find(same) {
            return known.word;
        }
        let word = self.segment.word(json(&granted(grant)));
        let (permission, procedure) = (grant.permission.clone(), grant.procedure.to_owned());
        self.grants.push(Kind { permission, one_time: grant.one_time, procedure, word });
        word
    }
}

fn granted(grant: Grant<'_>) -> Granted<'_> {
    let permission = grant.permission;
    Granted {
        policy: &permission.policy,
        policy_revision: permission.policy_revision,
        one_time: grant.one_time,
        procedure: grant.procedure,
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
    }
}

/// On one line. Text and numbers become JSON without exception.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[derive(Serialize)]
struct Refused<'a> {
    sentence: &'a str,
}

#[derive(Serialize)]
struct Granted<'a> {
    policy: &'a str,
    policy_revision: i64,
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

/// Writes what gathers until the journal is dropped.
async fn write_for_ever(store: Store, shared: Arc<Shared>) {
    loop {
        let filled = shared.filled.notified();
        // Looked at after registering, so that nothing is overslept.
        let (is_idle, is_closed) = {
            let waiting = shared.lock();
            (waiting.segments.is_empty() && waiting.flushes.is_empty(), waiting.closed)
        };
        if is_idle && is_closed {
            return;
        }
        if is_idle {
            filled.await;
        }
        if shared.lock().may_gather() {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = shared.hurry.notified() => {}
            }
        }
        let (segments, lost, flushes) = shared.lock().take();
        let segments: Arc<[SignatureSegment]> = segments.into_iter().map(|filling| filling.segment).collect();
        for place in 0..segments.len() {
            write(&store, &segments, place).await;
        }
        if lost > 0 {
            tracing::error!(lost, "the signature log was too slow: answers went out without an entry");
        }
        for done in flushes {
            let _ = done.send(());
        }
    }
}

/// Writing twice what was written once changes nothing: segments have ids.
async fn write(store: &Store, segments: &Arc<[SignatureSegment]>, place: usize) {
    for attempt in 1.. {
        let batch = Arc::clone(segments);
        let work = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { tx.put_signatures(&batch[place]).await })
        });
        let Err(error) = store.write(work).await else { return };
        let error = anyhow::Error::from(error);
        if attempt == TRIES {
            tracing::error!(
                cause = format!("{error:#}"),
                "entries of the signature log were given up; the signatures themselves are not affected"
            );
            return;
        }
        tracing::warn!(cause = format!("{error:#}"), "the signature log cannot be written; trying again");
        tokio::time::sleep(RETRY).await;
    }
}
