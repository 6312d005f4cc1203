//! A client takes back what it has uploaded: DELETE Object.

use reelgate_store::{StoreError, unit};

use super::access::Writer;
use super::bytes::BytesError;
use crate::app::App;

/// Removes the object behind `key` and marks its bytes abandoned. None there is fine.
pub async fn take_back(app: &App, writer: &Writer, key: &str) -> Result<(), BytesError> {
    let (scope, session, key) = (writer.scope.clone(), writer.session.id.clone(), key.to_owned());
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.hold_session_open(&scope, &session).await?;
            match tx.object(&scope, &key).await? {
                Some(object) => tx.remove_object(&scope, &object).await,
                None => Ok(()),
            }
        })
    });
    match app.store.write(unit).await {
        Ok(()) => Ok(()),
        Err(StoreError::Stale) => Err(BytesError::SessionEnded),
        Err(other) => Err(other.into()),
    }
}
