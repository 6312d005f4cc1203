//! The timeline: all that happened to one file, from the permission to the last delivery attempt (design section 5,
//! step 8). Put together from the rows that the work left behind, so that it tells what was, not what was logged.
//!
//! Never in it: signatures, tokens, keys, queries of endpoint URLs.

mod deliveries;
mod upload;
mod work;

use reelgate_model::{FileId, Scope, Time};
use reelgate_store::StoreError;
use serde_json::{Map, Value};

use crate::app::App;

/// Most rows of each kind that a timeline shows.
const LIMIT: u32 = 1000;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// To what.
    pub kind: Kind,
    /// A sentence without full stop.
    pub title: String,
    /// Facts by name: texts, numbers (bytes; milliseconds where the name says `_ms`), flags.
    pub detail: Map<String, Value>,
}

/// What something happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a signature granted.
    Permission,
    /// The upload session.
    Session,
    /// Parts of a multipart upload.
    Part,
    /// A multipart upload or the object it became.
    Object,
    /// The media and its verdict.
    Media,
    /// One run of a procedure.
    Task,
    /// One result of a run.
    Subtask,
    /// An entry of the event log.
    Event,
    /// An event in the vendor's queue: pulled or confirmed.
    Pull,
    /// An attempt to push an event.
    Delivery,
}

impl Kind {
    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Session => "session",
            Self::Part => "part",
            Self::Object => "object",
            Self::Media => "media",
            Self::Task => "task",
            Self::Subtask => "subtask",
            Self::Event => "event",
            Self::Pull => "pull",
            Self::Delivery => "delivery",
        }
    }
}

impl Entry {
    fn new(at: Time, kind: Kind, title: impl Into<String>) -> Self {
        Self { at, kind, title: title.into(), detail: Map::new() }
    }

    /// Adds a fact; an empty text or nothing adds none.
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() && value != "" {
            self.detail.insert(name.to_owned(), value);
        }
        self
    }
}

/// Everything that happened to `file` so far, in the order of time; `None` if the application has no such file.
pub async fn of(app: &App, scope: &Scope, file: FileId) -> Result<Option<Vec<Entry>>, StoreError> {
    let mut read = app.store.read().await?;
    let session = read.session_of_file(scope, file).await?;
    let media = read.media(scope, file).await?;
    // In front of the real cloud all that is known of a file is its events.
    if session.is_none() && media.is_none() && read.file_events(scope, file, 0, 1).await?.is_empty() {
        return Ok(None);
    }
    let mut entries = Vec::new();
    if let Some(session) = &session {
        upload::session(&mut entries, session);
        upload::bytes(&mut entries, &mut read, scope, session).await?;
        upload::end(&mut entries, session);
    }
    if let Some(media) = &media {
        work::media(&mut entries, media);
    }
    work::tasks(&mut entries, &mut read, scope, file).await?;
    work::jobs(&mut entries, &mut read, scope, file).await?;
    work::review(&mut entries, &mut read, scope, file).await?;
    deliveries::events(&mut entries, &mut read, scope, file).await?;
    deliveries::deliveries(&mut entries, &mut read, scope, file).await?;
    // Stable: what happened in the same millisecond stays in the order of the chain.
    entries.sort_by_key(|entry| entry.at);
    Ok(Some(entries))
}
