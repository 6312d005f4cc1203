//! Events of the real cloud (`mode = "tencent"`): taken from its callbacks (`http::callbacks`) and its queue
//! ([`puller`]), recorded once however often they come, and asked for when they do not come ([`reconcile`]).
//!
//! What comes is kept byte for byte. Only what belongs to one delivery (`Sign`, `T`, `EventHandle`) and our own suffix of
//! `sourceContext` are taken off: an event leaves us as if the permission had never travelled in it (design section 8).

pub mod puller;
pub mod reconcile;
mod upstream;

use reelgate_model::{FileId, Scope};
use reelgate_store::{NewEvent, Readers, StoreError, Tx};
use reelgate_wire::permission::suffix::Suffix;
use reelgate_wire::vod::received::{self, Format, Received, ReceivedError};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::fact::ReceivedFact;
use super::{Fact, append};
use crate::app::App;
use crate::config::Tencent;

/// The note beside the identity of an upload: whether its event came by itself.
const CAME: &str = "came";
const REPAIRED: &str = "repaired";

/// A received event, ready to be recorded.
#[derive(Debug)]
pub struct Prepared {
    identity: String,
    file: Option<FileId>,
    fact: Fact,
    raw: Vec<u8>,
    exceeded: Option<Fact>,
    repaired: bool,
}

/// What became of a received event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the log now.
    Recorded,
    /// It was there already.
    Known,
}

/// The last segment of the address that the cloud posts to.
pub fn callback_token(app: &App, account: &Tencent) -> String {
    match &account.callback_token {
        Some(token) => token.expose_secret().to_owned(),
        None => hex::encode(&app.vault.derive("callback token", &app.main_app().to_string())[..16]),
    }
}

/// Reads a body as received.
pub fn prepare(body: &[u8]) -> Result<Prepared, ReceivedError> {
    let read = received::read(body)?;
    let identity = received::identity(body)?;
    let stripped = received::strip(body)?;
    let mut suffix = None;
    let raw = received::replace_source_context(&stripped, |context| {
        let (own, found) = Suffix::split(context);
        suffix = found;
        suffix.is_some().then(|| own.to_owned())
    })?
    .into_owned();
    let file = read.file_id.as_deref().and_then(|id| id.parse().ok());
    let exceeded = suffix.as_ref().and_then(|suffix| exceeded(&raw, suffix));
    Ok(Prepared { identity, file, fact: fact(read, suffix), raw, exceeded, repaired: false })
}

fn fact(read: Received, suffix: Option<Suffix>) -> Fact {
    let suffix = suffix.unwrap_or_default();
    let permission = if suffix.id == [0; 12] { String::new() } else { hex::encode(suffix.id) };
    Fact::Received(Box::new(ReceivedFact {
        event_type: read.event_type,
        format: match read.format {
            Format::V3 => 3,
            Format::V2 => 2,
        },
        file_id: read.file_id.unwrap_or_default(),
        task_id: read.task_id.unwrap_or_default(),
        permission_id: permission,
        user: suffix.user,
        repaired: false,
    }))
}

/// Records what is new of `events`, all in one unit: when this returns `Ok`, the log has every one of them.
pub async fn record(app: &App, scope: &Scope, events: Vec<Prepared>) -> Result<Vec<Taken>, StoreError> {
    let scope = scope.clone();
    let write = app.store.write(move |tx| {
        Box::pin(async move {
            let mut taken = Vec::with_capacity(events.len());
            for event in &events {
                taken.push(record_one(tx, &scope, event).await?);
            }
            Ok::<_, StoreError>(taken)
        })
    });
    let taken = write.await?;
    for one in &taken {
        let word = if *one == Taken::Recorded { "recorded" } else { "repeated" };
        metrics::counter!("reelgate_received_events_total", "outcome" => word).increment(1);
    }
    Ok(taken)
}

async fn record_one(tx: &mut Tx, scope: &Scope, event: &Prepared) -> Result<Taken, StoreError> {
    let Fact::Received(fact) = &event.fact else { return Ok(Taken::Known) };
    if let (Some(file), "NewFileUpload") = (event.file, fact.event_type.as_str()) {
        let note = if event.repaired { REPAIRED } else { CAME };
        match tx.claim_identity(scope, &upload_identity(file), note).await?.as_deref() {
            None => {}
            // Asked for first, come later; or found to be missing and come meanwhile.
            Some(first) if first == REPAIRED || event.repaired => return Ok(Taken::Known),
            // Come twice, with another content: the identity below decides.
            Some(_) => {}
        }
    }
    let new = NewEvent {
        file: event.file,
        kind: fact.event_type.clone(),
        fact: serde_json::to_string(&event.fact)
            .expect("facts are plain structures whose maps have text keys"),
        raw: Some(event.raw.clone()),
        readers: Readers::All,
    };
    if tx.receive_event(scope, &event.identity, &new).await?.is_none() {
        return Ok(Taken::Known);
    }
    if let Some(exceeded) = &event.exceeded {
        append(tx, scope, event.file, exceeded).await?;
    }
    Ok(Taken::Recorded)
}

/// Under which it is known whether the upload of a file is in the log.
fn upload_identity(file: FileId) -> String {
    format!("upload {file}")
}

/// What the uploaded file has more of than its permission allows: the real cloud does not know our limits.
fn exceeded(raw: &[u8], suffix: &Suffix) -> Option<Fact> {
    let event: Value = serde_json::from_slice(raw).ok()?;
    let (new, old) = (&event["FileUploadEvent"]["MetaData"], &event["data"]["metaData"]);
    let number = |one: &Value, other: &Value| one.as_f64().or_else(|| other.as_f64());
    let (size, duration) =
        (number(&new["Size"], &old["size"]), number(&new["Duration"], &old["floatDuration"]));
    #[expect(clippy::cast_precision_loss, reason = "a limit in bytes is far below 2^53")]
    let limits = [
        ("max_size", suffix.max_size.map(|most| most as f64), size),
        ("max_duration", suffix.max_duration.map(f64::from), duration),
    ];
    let (limit, allowed, found) = limits.into_iter().find_map(|(limit, allowed, found)| {
        let (allowed, found) = (allowed?, found?);
        (found > allowed).then_some((limit, allowed, found))
    })?;
    Some(Fact::PermissionExceeded {
        permission_id: hex::encode(suffix.id),
        user: suffix.user.clone(),
        limit: limit.to_owned(),
        allowed,
        found,
    })
}
