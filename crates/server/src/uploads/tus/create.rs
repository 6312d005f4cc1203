//! Creation: a signature opens a session, as Apply does, and the session gets its one upload.

use reelgate_store::{StoreError, unit};

use super::{Found, TusError, find};
use crate::app::App;
use crate::uploads::Permit;
use crate::uploads::open::{self, Announced, Wanted};

/// What a client wants to send.
#[derive(Debug, Clone)]
pub struct New {
    /// Name of the file with its extension; may be empty.
    pub file_name: String,
    /// Bytes.
    pub length: u64,
    /// `Upload-Metadata` without the signature.
    pub metadata: String,
}

/// Opens an upload; its id for the URL, and what it is. The same request with the same one-time signature (by
/// `request_hash`, hex SHA-256) gives the same upload.
pub async fn create(
    app: &App,
    permit: &Permit,
    new: New,
    remote: String,
    request_hash: String,
) -> Result<(String, Found), TusError> {
    let (name, kind) = match new.file_name.rsplit_once('.') {
        Some((name, kind)) if !name.is_empty() => (name.to_owned(), kind.to_owned()),
        _ => (new.file_name.clone(), String::new()),
    };
    let video = Announced { name, kind, size: Some(new.length) };
    let wanted = Wanted::New { video, cover: None, expires_at: None };
    let opened = open::open(app, permit, wanted, remote, request_hash).await?;
    let (scope, session) = (permit.scope.clone(), opened.session.clone());
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            if tx.tus_upload(&scope, &session.id).await?.is_some() {
                return Ok(());
            }
            let id = uuid::Uuid::now_v7().simple().to_string();
            tx.begin_multipart(&scope, &id, &session.id, &session.request.video_key).await?;
            // Two identical requests at once: the second one's transaction is refused and sees the first one's upload.
            match tx.create_tus_upload(&scope, &session.id, &id, new.length, &new.metadata).await? {
                true => Ok(()),
                false => Err(StoreError::AlreadyExists),
            }
        })
    });
    match app.store.write(unit).await {
        Ok(()) | Err(StoreError::AlreadyExists) => {}
        Err(StoreError::Stale) => return Err(TusError::Gone("has ended meanwhile")),
        Err(other) => return Err(other.into()),
    }
    let found = find(app, &opened.session_key).await?;
    Ok((opened.session_key, found))
}
