//! Beginning and giving up multipart uploads.

use reelgate_model::MultipartState;
use reelgate_store::{StoreError, unit};

use super::access::Writer;
use super::bytes::BytesError;
use super::part::open_upload;
use crate::app::App;

/// Uploads that one session may have begun, ended ones included: a client that begins more is broken or hostile.
const MOST: u32 = 100;

/// Begins an upload for `key` and returns its UploadId.
pub async fn begin(app: &App, writer: &Writer, key: &str) -> Result<String, BytesError> {
    let begun = app.store.read().await?.session_multiparts(&writer.scope, &writer.session.id, MOST).await?;
    if begun.len() >= MOST as usize {
        return Err(BytesError::TooManyUploads(MOST));
    }
    let id = uuid::Uuid::now_v7().simple().to_string();
    let (scope, session, new, key) =
        (writer.scope.clone(), writer.session.id.clone(), id.clone(), key.to_owned());
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move { tx.begin_multipart(&scope, &new, &session, &key).await })
    });
    match app.store.write(unit).await {
        Ok(()) => Ok(id),
        Err(StoreError::Stale) => Err(BytesError::SessionEnded),
        Err(other) => Err(other.into()),
    }
}

/// Gives an open upload up; its bytes are marked abandoned and swept.
pub async fn abort(app: &App, writer: &Writer, key: &str, id: &str) -> Result<(), BytesError> {
    let multipart = open_upload(app, writer, key, id).await?;
    let (scope, id) = (writer.scope.clone(), multipart.id.clone());
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.move_multipart(&scope, &id, MultipartState::Open, MultipartState::Aborted).await?;
            tx.abandon(&scope, &format!("staging:{id}"), "aborted_by_client").await
        })
    });
    match app.store.write(unit).await {
        Ok(()) => Ok(()),
        Err(StoreError::Stale) => Err(BytesError::NoSuchUpload(multipart.id)),
        Err(other) => Err(other.into()),
    }
}
