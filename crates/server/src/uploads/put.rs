//! A whole object in one request: PUT Object, which the web SDK uses for files of 0 bytes.

use bytes::Bytes;
use futures_util::Stream;
use reelgate_objects::Length;
use reelgate_store::{Object, StoreError, unit};

use super::access::Writer;
use super::bytes::BytesError;
use super::complete::blob_name;
use super::pace::Pace;
use super::{head, room};
use crate::app::App;

/// Stores the body behind `key`; an object that was there before is replaced, its bytes are not.
pub async fn put<S>(
    app: &App,
    writer: &Writer,
    key: &str,
    length: u64,
    md5: Option<&str>,
    body: S,
) -> Result<Object, BytesError>
where
    S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
{
    let most = writer.max_size(key);
    if length > most {
        return Err(BytesError::TooLarge { what: "the object", size: length, most });
    }
    room::for_bytes(app, length).await?;
    let unique = uuid::Uuid::now_v7().simple().to_string();
    let blob = blob_name(&writer.session, &unique)?;
    let failed = |error| BytesError::of_objects(error, &unique);
    let (mut body, mut pace) = (body, Pace::new(app));
    let opening = head::look(app, &writer.session, key, length, &mut pace, &mut body).await?;
    let mut sink = app.objects().begin_put(&blob, Length::Exactly(length)).await.map_err(failed)?;
    for chunk in opening {
        sink.write(chunk).await.map_err(failed)?;
    }
    while let Some(chunk) = pace.next(&mut body).await? {
        sink.write(chunk).await.map_err(failed)?;
    }
    let stored = sink.finish().await.map_err(failed)?;
    if let Some(announced) = md5.filter(|announced| *announced != stored.md5) {
        let error = BytesError::BadDigest { announced: announced.to_owned(), received: stored.md5 };
        app.objects().delete(&blob).await.map_err(failed)?;
        return Err(error);
    }
    let object = Object {
        key: key.to_owned(),
        session_id: writer.session.id.clone(),
        multipart_id: None,
        blob: blob.to_string(),
        size: stored.size,
        etag: stored.md5,
        crc64: stored.crc64.to_string(),
        completed_at: app.clock.now(),
    };
    let (scope, session, new) = (writer.scope.clone(), writer.session.id.clone(), object.clone());
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.hold_session_open(&scope, &session).await?;
            tx.put_object(&scope, &new).await
        })
    });
    match app.store.write(unit).await {
        Ok(()) => Ok(object),
        Err(StoreError::Stale) => {
            app.objects().delete(&blob).await.map_err(failed)?;
            Err(BytesError::SessionEnded)
        }
        Err(other) => Err(other.into()),
    }
}
