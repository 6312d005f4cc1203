//! Opening an upload session: the Apply of the UGC door (design section 5, step 2).

use rand::distr::{Alphanumeric, SampleString};
use reelgate_model::{FileId, MediaStatus, SessionState, Time};
use reelgate_store::{NewSession, Session, SignatureUse, StoreError, Tx, unit};

use super::grant::{self, Grant};
use super::quota::Claim;
use super::{Permit, Refusal, room, session};
use crate::app::App;

/// A file as announced by the client.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Name without extension; may be empty.
    pub name: String,
    /// Extension as sent.
    pub kind: String,
    /// Bytes, when the client said.
    pub size: Option<u64>,
}

/// What an Apply asks for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A new media.
    New {
        /// Its video.
        video: Announced,
        /// Its cover.
        cover: Option<Announced>,
        /// When it is to vanish.
        expires_at: Option<Time>,
    },
    /// Another cover for a media that exists.
    CoverOnly {
        /// The media.
        file_id: FileId,
        /// The cover.
        cover: Announced,
    },
}

/// An open session and what the client needs to write to it.
#[derive(Debug)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// Fresh credentials for its keys.
    pub grant: Grant,
    /// Opaque key with which the client resumes and commits.
    pub session_key: String,
    /// The server's time.
    pub now: Time,
}

/// Opens a session. A one-time signature is consumed and quotas are reserved in the same transaction; the identical
/// request (by `request_hash`, hex SHA-256) of a one-time signature gets the same session again.
pub async fn open(
    app: &App,
    permit: &Permit,
    wanted: Wanted,
    remote: String,
    request_hash: String,
) -> Result<Opened, Refusal> {
    let claim = Claim::new(app, permit, &remote);
    let mut new = plan(app, permit, wanted, remote).await?;
    room::for_session(app, new.video_size).await?;
    claim.mark(&mut new, app.clock.now());
    let once = permit.parameters.one_time_valid.then(|| OneTime {
        mac: permit.mac.clone(),
        used: SignatureUse { session_id: new.id.clone(), request_hash },
        expires_at: permit.expires_at(),
    });
    let scope = permit.scope.clone();
    let unit = unit::<String, Refusal, _>(move |tx| {
        Box::pin(async move {
            if let Some(once) = once
                && let Some(earlier) = once.consume(tx, &scope).await?
            {
                // Whoever repeats it gets credentials as a resume does.
                claim.revisit(tx, &scope, new.expires_at).await?;
                return Ok(earlier);
            }
            claim.reserve(tx, &scope, &new).await?;
            tx.open_session(&scope, &new).await?;
            Ok(new.id)
        })
    });
    let id = app.store.write(unit).await?;
    let session = app.store.read().await?.session(&id).await?;
    let session =
        session.ok_or_else(|| anyhow::anyhow!("upload session {id} is gone right after it was opened"))?;
    Ok(lend(app, session::must_be_open(app, session)?))
}

/// Goes on with an open session: same keys, fresh credentials. Never consumes a signature.
pub async fn resume(
    app: &App,
    permit: &Permit,
    session_key: &str,
    remote: String,
) -> Result<Opened, Refusal> {
    let session = session::of_key(app, permit, session_key).await?;
    let session = session::must_be_open(app, session)?;
    let claim = Claim::new(app, permit, &remote);
    if claim.watches_addresses() {
        let (scope, until) = (permit.scope.clone(), session.request.expires_at);
        let work =
            unit::<(), Refusal, _>(move |tx| Box::pin(async move { claim.revisit(tx, &scope, until).await }));
        app.store.write(work).await?;
    }
    Ok(lend(app, session))
}

fn lend(app: &App, session: Session) -> Opened {
    let now = app.clock.now();
    let grant = Grant::new(&app.vault, &session.id, now + app.config.upload.credential_ttl);
    Opened { grant, session_key: grant::session_key(&app.vault, &session.id), session, now }
}

struct OneTime {
    mac: String,
    used: SignatureUse,
    expires_at: Time,
}

impl OneTime {
    /// `None`: consumed just now. `Some`: consumed earlier by the identical request, whose session this is.
    async fn consume(self, tx: &mut Tx, scope: &reelgate_model::Scope) -> Result<Option<String>, Refusal> {
        if tx.consume_signature(scope, &self.mac, &self.used, self.expires_at).await? {
            return Ok(None);
        }
        let earlier = tx.signature_use(scope, &self.mac).await?.ok_or(StoreError::Stale)?;
        if earlier.request_hash != self.used.request_hash {
            let sentence = "this one-time signature has opened another upload already; fetch a new one";
            return Err(Refusal::NotPermitted(sentence.to_owned()));
        }
        let open =
            tx.session(&earlier.session_id).await?.is_some_and(|found| found.state == SessionState::Open);
        if open {
            return Ok(Some(earlier.session_id));
        }
        let sentence = "this one-time signature was used for an upload that has ended; fetch a new one";
        Err(Refusal::NotPermitted(sentence.to_owned()))
    }
}

async fn plan(app: &App, permit: &Permit, wanted: Wanted, remote: String) -> Result<NewSession, Refusal> {
    let now = app.clock.now();
    let parameters = &permit.parameters;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut new = NewSession {
        id: uuid::Uuid::new_v4().simple().to_string(),
        file_id: app.file_ids.next(now),
        cover_only: false,
        secret_id: parameters.secret_id.clone(),
        signature_mac: permit.mac.clone(),
        user: permit.user().to_owned(),
        permission: permit.permission.id.clone(),
        video_key: String::new(),
        video_name: String::new(),
        video_type: String::new(),
        video_size: None,
        cover_key: String::new(),
        cover_type: String::new(),
        max_size: permit.max_size,
        max_duration: permit.permission.max_duration,
        region: app.config.upload.region.clone(),
        class_id: parameters.class_id,
        procedure: text(&parameters.procedure),
        priority: parameters.task_priority,
        notify_mode: permit.notify_mode(),
        source_context: text(&parameters.source_context),
        session_context: text(&parameters.session_context),
        media_expires_at: None,
        remote,
        policy: permit.permission.policy.clone(),
        key_id: permit.permission.key_id.clone(),
        issued_at: permit.issued_at(),
        quota_day: None,
        holder: String::new(),
        reserved: 0,
        types: permit.permission.types.clone(),
        app_counted: false,
        expires_at: now + app.config.upload.session_ttl,
    };
    match wanted {
        Wanted::New { video, cover, expires_at } => {
            check(permit, "video", &video)?;
            new.media_expires_at = expires_at;
            new.video_key = object_key(permit, new.file_id, &video.kind);
            new.video_size = video.size;
            (new.video_name, new.video_type) = (video.name, video.kind);
            if let Some(cover) = cover {
                set_cover(permit, &mut new, &cover)?;
            }
        }
        Wanted::CoverOnly { file_id, cover } => {
            let media = app.store.read().await?.media(&permit.scope, file_id).await?;
            let mine =
                media.filter(|media| media.user == permit.user() && media.status == MediaStatus::Normal);
            mine.ok_or_else(|| Refusal::Invalid(format!("fileId {file_id} is not a media of yours")))?;
            new.cover_only = true;
            new.file_id = file_id;
            set_cover(permit, &mut new, &cover)?;
        }
    }
    Ok(new)
}

/// Largest cover, bytes: a picture, and served as one.
pub(super) const MAX_COVER: u64 = 20 << 20;

fn set_cover(permit: &Permit, new: &mut NewSession, cover: &Announced) -> Result<(), Refusal> {
    if let Some(size) = cover.size.filter(|size| *size > MAX_COVER) {
        return Err(Refusal::Invalid(format!(
            "coverSize {size} is more than the {MAX_COVER} bytes a cover may have"
        )));
    }
    new.cover_key = object_key(permit, new.file_id, &cover.kind);
    new.cover_type.clone_from(&cover.kind);
    Ok(())
}

fn check(permit: &Permit, what: &str, file: &Announced) -> Result<(), Refusal> {
    if let Some(size) = file.size.filter(|size| *size > permit.max_size) {
        let most = permit.max_size;
        return Err(Refusal::Invalid(format!(
            "{what}Size {size} is more than the {most} bytes this permission allows"
        )));
    }
    let kind = file.kind.to_ascii_lowercase();
    let types = &permit.permission.types;
    if !types.is_empty() && !types.contains(&kind) {
        let allowed = types.join(", ");
        return Err(Refusal::Invalid(format!(
            "{what}Type {kind:?} is not among those this permission allows: {allowed}"
        )));
    }
    Ok(())
}

/// `{app}/{file}/{random}.{type}`. The type only decorates: what is served is decided by what ffprobe finds.
fn object_key(permit: &Permit, file: FileId, kind: &str) -> String {
    let random = Alphanumeric.sample_string(&mut rand::rng(), 16);
    let kind = kind.to_ascii_lowercase();
    let plain =
        (1..=10).contains(&kind.len()) && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let app = permit.scope.app();
    if plain { format!("{app}/{file}/{random}.{kind}") } else { format!("{app}/{file}/{random}") }
}
