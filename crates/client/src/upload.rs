//! One upload from file to FileId.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use reelgate_wire::cos::xml::CompletedPart;
use reelgate_wire::ugc::{ApplyRequest, Code};
use tokio::sync::watch;

use crate::part::Stretch;
use crate::plan::Plan;
use crate::progress::Reporter;
use crate::session::Session;
use crate::state::{Identity, State, StateFile};
use crate::storage::Storage;
use crate::ugc::UgcDoor;
use crate::{DEFAULT_PART_SIZE, Endpoint, Phase, Progress, RetryPolicy, SignatureSource, UploadError};

/// An upload that is about to be made.
#[derive(Debug)]
pub struct Upload {
    endpoint: Endpoint,
    signatures: SignatureSource,
    file: PathBuf,
    name: Option<String>,
    state: StateFile,
    part_size: u64,
    parallel: usize,
    retry: RetryPolicy,
    reporter: Reporter,
}

/// An upload that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The media's id.
    pub file_id: String,
    /// Its address.
    pub video_url: String,
    /// Parts that this run sent.
    pub parts_sent: u32,
    /// Parts that an earlier run had sent.
    pub parts_resumed: u32,
}

/// How one session ended.
enum Outcome {
    Done(Uploaded),
    /// The server does not know the session of the state file any more.
    SessionGone,
}

/// What there is to complete an upload with.
#[derive(Default)]
struct Sent {
    parts: Vec<CompletedPart>,
    resumed: u32,
}

impl Upload {
    /// An upload of `file` to `endpoint`; `signatures` is asked before every call of the UGC door.
    pub fn new(endpoint: Endpoint, signatures: SignatureSource, file: impl Into<PathBuf>) -> Self {
        Self {
            endpoint,
            signatures,
            file: file.into(),
            name: None,
            state: StateFile(None),
            part_size: DEFAULT_PART_SIZE,
            parallel: 4,
            retry: RetryPolicy::default(),
            reporter: Reporter::new(),
        }
    }

    /// The media's title; the file name without extension otherwise.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Keeps in `path` what it takes to go on later, and goes on from what lies there. Removed at success.
    #[must_use]
    pub fn state_file(self, path: impl Into<PathBuf>) -> Self {
        Self { state: StateFile(Some(path.into())), ..self }
    }

    /// Bytes of a part; at least [`MIN_PART_SIZE`](crate::MIN_PART_SIZE), more if the file needs it. A resumed upload
    /// keeps its own.
    #[must_use]
    pub fn part_size(self, bytes: u64) -> Self {
        Self { part_size: bytes, ..self }
    }

    /// How many parts travel at once.
    #[must_use]
    pub fn parallel(self, parts: usize) -> Self {
        Self { parallel: parts.max(1), ..self }
    }

    /// How failures are retried.
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Where it stands, as it goes.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.reporter.subscribe()
    }

    /// Makes the upload.
    pub async fn run(self) -> Result<Uploaded, UploadError> {
        let identity = Identity::of(&self.file).await?;
        if identity.size == 0 {
            return Err(UploadError::Empty(self.file));
        }
        self.reporter.total(identity.size);
        let door = self.door()?;
        if let Some(state) = self.state.load(door.endpoint.ugc(), &identity).await? {
            if let Outcome::Done(uploaded) = self.go_on(&door, state).await? {
                return Ok(uploaded);
            }
            self.state.remove().await?;
        }
        let (session, state) = self.open(&door, identity).await?;
        match self.send_all(&door, &session, state, Interrupted::Nothing).await? {
            Outcome::Done(uploaded) => Ok(uploaded),
            Outcome::SessionGone => Err(UploadError::Refused {
                action: "CommitUploadUGC",
                code: Code::SessionGone.number(),
                message: "the server has forgotten the session it has just opened".to_owned(),
            }),
        }
    }

    fn door(&self) -> Result<UgcDoor, UploadError> {
        let http = reqwest::Client::builder()
            // Credentials go where they were made for, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map_err(|source| UploadError::Transport { what: "the first request", source })?;
        Ok(UgcDoor {
            http,
            endpoint: self.endpoint.clone(),
            signatures: self.signatures.clone(),
            retry: self.retry,
        })
    }

    /// A new session for the file.
    async fn open(&self, door: &UgcDoor, file: Identity) -> Result<(Session, State), UploadError> {
        let (stem, kind) = file.name.rsplit_once('.').unwrap_or(("", &file.name));
        let request = ApplyRequest {
            video_name: self.name.clone().unwrap_or_else(|| stem.to_owned()),
            video_type: kind.to_lowercase(),
            video_size: Some(file.size),
            ..ApplyRequest::default()
        };
        let session = Session::new(door.clone(), door.apply(&request).await?)?;
        let plan = Plan::new(file.size, self.part_size);
        let state = State::new(door.endpoint.ugc(), file, plan.part_size, session.key.clone());
        self.state.save(&state).await?;
        Ok((session, state))
    }

    /// Goes on with an earlier run.
    async fn go_on(&self, door: &UgcDoor, state: State) -> Result<Outcome, UploadError> {
        if state.completed {
            return self.commit(door, &state, &Sent::default()).await;
        }
        match door.resume(&state.vod_session_key).await {
            Ok(data) => {
                let session = Session::new(door.clone(), data)?;
                let left = interrupted(&self.storage(door, &session), &state).await?;
                self.send_all(door, &session, state, left).await
            }
            Err(error) => gone(error),
        }
    }

    fn storage<'a>(&self, door: &'a UgcDoor, session: &'a Session) -> Storage<'a> {
        Storage { http: &door.http, endpoint: &door.endpoint, session, retry: self.retry }
    }

    async fn send_all(
        &self,
        door: &UgcDoor,
        session: &Session,
        mut state: State,
        left: Interrupted,
    ) -> Result<Outcome, UploadError> {
        let storage = self.storage(door, session);
        let mut sent = Sent::default();
        let upload_id = match left {
            Interrupted::Finished => None,
            Interrupted::Open(upload_id) => {
                sent = self.compare(&storage, &upload_id, &state).await?;
                Some(upload_id)
            }
            Interrupted::Nothing => Some(storage.initiate().await?),
        };
        if let Some(upload_id) = upload_id {
            state.upload_id = Some(upload_id.clone());
            self.state.save(&state).await?;
            self.send_missing(&storage, &upload_id, &state, &mut sent).await?;
            self.complete(&storage, &upload_id, &state, &sent).await?;
        }
        state.completed = true;
        self.state.save(&state).await?;
        self.commit(door, &state, &sent).await
    }

    /// Which parts of an open upload are those of our file. The MD5 decides, as in the official SDKs.
    async fn compare(
        &self,
        storage: &Storage<'_>,
        upload_id: &str,
        state: &State,
    ) -> Result<Sent, UploadError> {
        self.reporter.phase(Phase::Comparing);
        let plan = Plan { size: state.file.size, part_size: state.part_size };
        let mut sent = Sent::default();
        for listed in storage.parts(upload_id).await? {
            let Some((offset, length)) =
                plan.part(listed.number).filter(|(_, length)| *length == listed.size)
            else {
                continue;
            };
            let stretch = Stretch { path: self.file.clone(), offset, length };
            let unreadable = |source| UploadError::File { path: self.file.clone(), source };
            if stretch.md5().await.map_err(unreadable)? == listed.etag {
                self.reporter.resumed(length);
                sent.parts.push(CompletedPart { number: listed.number, etag: listed.etag });
                sent.resumed += 1;
            }
        }
        Ok(sent)
    }

    async fn send_missing(
        &self,
        storage: &Storage<'_>,
        upload_id: &str,
        state: &State,
        sent: &mut Sent,
    ) -> Result<(), UploadError> {
        self.reporter.phase(Phase::Sending);
        let plan = Plan { size: state.file.size, part_size: state.part_size };
        let missing: Vec<u32> =
            plan.numbers().filter(|number| sent.parts.iter().all(|part| part.number != *number)).collect();
        let arrived: Vec<CompletedPart> = stream::iter(missing)
            .map(|number| async move {
                let (offset, length) = plan.part(number).expect("the number is one of the plan's");
                let stretch = Stretch { path: self.file.clone(), offset, length };
                storage.put_part(upload_id, number, &stretch, &self.reporter).await
            })
            .buffer_unordered(self.parallel)
            .try_collect()
            .await?;
        sent.parts.extend(arrived);
        sent.parts.sort_by_key(|part| part.number);
        if Identity::of(&self.file).await? != state.file {
            return Err(UploadError::FileChanged(self.file.clone()));
        }
        Ok(())
    }

    async fn complete(
        &self,
        storage: &Storage<'_>,
        upload_id: &str,
        state: &State,
        sent: &Sent,
    ) -> Result<(), UploadError> {
        self.reporter.phase(Phase::Completing);
        match storage.complete(upload_id, sent.parts.clone()).await {
            // A repeated Complete whose first answer got lost finds nothing left to complete.
            Err(error) if error.is_storage_code("NoSuchUpload") => match storage.object_size().await? {
                Some(size) if size == state.file.size => Ok(()),
                Some(_) | None => Err(error),
            },
            outcome => outcome,
        }
    }

    async fn commit(&self, door: &UgcDoor, state: &State, sent: &Sent) -> Result<Outcome, UploadError> {
        self.reporter.phase(Phase::Committing);
        let data = match door.commit(&state.vod_session_key).await {
            Ok(data) => data,
            Err(error) => return gone(error),
        };
        self.state.remove().await?;
        self.reporter.phase(Phase::Done);
        let all = u32::try_from(sent.parts.len()).expect("an upload has at most 10000 parts");
        Ok(Outcome::Done(Uploaded {
            file_id: data.file_id,
            video_url: data.video.map(|video| video.url).unwrap_or_default(),
            parts_sent: all - sent.resumed,
            parts_resumed: sent.resumed,
        }))
    }
}

/// What an earlier run has left.
enum Interrupted {
    Nothing,
    Open(String),
    Finished,
}

/// Looks at the object leg for what an earlier run of this session has left.
async fn interrupted(storage: &Storage<'_>, state: &State) -> Result<Interrupted, UploadError> {
    let mut open = storage.open_uploads().await?;
    // The run may have ended before it could note the id: then the newest is its own.
    let ours = match &state.upload_id {
        Some(known) => open.contains(known).then(|| known.clone()),
        None => open.pop(),
    };
    if let Some(upload_id) = ours {
        return Ok(Interrupted::Open(upload_id));
    }
    // It may have been completed just before the run ended.
    let finished = state.upload_id.is_some() && storage.object_size().await? == Some(state.file.size);
    Ok(if finished { Interrupted::Finished } else { Interrupted::Nothing })
}

/// A session that the server has forgotten is an outcome, not a failure.
fn gone(error: UploadError) -> Result<Outcome, UploadError> {
    match error {
        UploadError::Refused { code, .. } if code == Code::SessionGone.number() => Ok(Outcome::SessionGone),
        other => Err(other),
    }
}
