//! One part arrives (design section 5, step 3): bytes first, row second, and the answer only after both.

use bytes::Bytes;
use futures_util::Stream;
use reelgate_model::MultipartState;
use reelgate_objects::{Length, PartTarget, Place, Slot, StoredPart, learn_part_size};
use reelgate_store::{Multipart, Part, StoreError, unit};

use super::access::Writer;
use super::bytes::BytesError;
use super::pace::Pace;
use super::{head, room};
use crate::app::App;

/// A part as announced by its request's head.
#[derive(Debug, Clone)]
pub struct Announced {
    /// UploadId.
    pub upload_id: String,
    /// 1 to 10000.
    pub number: u32,
    /// Bytes that will come.
    pub length: u64,
    /// Hex MD5 that the client computed.
    pub md5: Option<String>,
}

/// Takes a part; returns its hex MD5. When this returns `Ok` the bytes are durable and their row is committed.
pub async fn receive<S>(
    app: &App,
    writer: &Writer,
    key: &str,
    announced: &Announced,
    body: S,
) -> Result<String, BytesError>
where
    S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
{
    let multipart = open_upload(app, writer, key, &announced.upload_id).await?;
    let (acknowledged, others, staged) = {
        let mut read = app.store.read().await?;
        let existing = read.part(&multipart.id, announced.number).await?.is_some();
        let others = read.part_totals(&multipart.id, announced.number).await?.bytes;
        let session = &writer.session.id;
        let staged = read.staged_bytes(&writer.scope, session, key, &multipart.id, announced.number).await?;
        (existing, others, staged)
    };
    check_total(writer, key, others, announced.length)?;
    check_staged(writer, key, staged, announced.length)?;
    room::for_bytes(app, announced.length).await?;
    let part_size = part_size(app, writer, &multipart, announced).await?;
    let target = PartTarget {
        multipart: &multipart.id,
        number: announced.number,
        slot: part_size.and_then(|size| Slot::regular(announced.number, size)),
        length: Length::Exactly(announced.length),
        acknowledged,
        md5: true,
    };
    let failed = |error| BytesError::of_objects(error, &multipart.id);
    let (mut body, mut pace) = (body, Pace::new(app));
    let opening = match announced.number {
        1 => head::look(app, &writer.session, key, announced.length, &mut pace, &mut body).await?,
        _ => Vec::new(),
    };
    let mut sink = app.objects().begin_part(target).await.map_err(failed)?;
    for chunk in opening {
        sink.write(chunk).await.map_err(failed)?;
    }
    while let Some(chunk) = pace.next(&mut body).await? {
        sink.write(chunk).await.map_err(failed)?;
    }
    let stored = sink.finish().await.map_err(failed)?;
    if let Some(expected) = &announced.md5
        && *expected != stored.md5
    {
        let error = BytesError::BadDigest { announced: expected.clone(), received: stored.md5.clone() };
        stored.discard().await;
        return Err(error);
    }
    acknowledge(app, writer, &multipart, announced.number, stored).await
}

/// The upload if it is open and of this key and session.
pub(super) async fn open_upload(
    app: &App,
    writer: &Writer,
    key: &str,
    id: &str,
) -> Result<Multipart, BytesError> {
    let found = app.store.read().await?.multipart(&writer.scope, id).await?;
    found
        .filter(|found| found.session_id == writer.session.id && found.key == key)
        .filter(|found| found.state == MultipartState::Open)
        .ok_or_else(|| BytesError::NoSuchUpload(id.chars().take(64).collect()))
}

fn check_total(writer: &Writer, key: &str, others: u64, length: u64) -> Result<(), BytesError> {
    let (size, most) = (others.saturating_add(length), writer.max_size(key));
    if size > most { Err(BytesError::TooLarge { what: "the object", size, most }) } else { Ok(()) }
}

/// An upload that is begun again keeps the parts of the one before until it is aborted or the session ends, but that is
/// all: what is staged for a key stays below twice what the object may have.
fn check_staged(writer: &Writer, key: &str, staged: u64, length: u64) -> Result<(), BytesError> {
    let (size, most) = (staged.saturating_add(length), writer.max_size(key).saturating_mul(2));
    let what = "the unfinished uploads of this key together";
    if size > most { Err(BytesError::TooLarge { what, size, most }) } else { Ok(()) }
}

/// The part size from the row, or learned now and written into it, so that all nodes agree.
async fn part_size(
    app: &App,
    writer: &Writer,
    multipart: &Multipart,
    announced: &Announced,
) -> Result<Option<u64>, BytesError> {
    if multipart.part_size.is_some() {
        return Ok(multipart.part_size);
    }
    let total = writer.announced(&multipart.key);
    let Some(learned) = learn_part_size(announced.number, announced.length, total) else { return Ok(None) };
    let (scope, id) = (writer.scope.clone(), multipart.id.clone());
    let unit = unit::<Option<u64>, StoreError, _>(move |tx| {
        Box::pin(async move { tx.learn_part_size(&scope, &id, learned).await })
    });
    Ok(app.store.write(unit).await?)
}

async fn acknowledge(
    app: &App,
    writer: &Writer,
    multipart: &Multipart,
    number: u32,
    stored: StoredPart,
) -> Result<String, BytesError> {
    let part = Part {
        number,
        place: stored.place.as_str().to_owned(),
        size: stored.size,
        md5: stored.md5.clone(),
        crc64: stored.crc64,
        stored_at: app.clock.now(),
    };
    let (scope, id) = (writer.scope.clone(), multipart.id.clone());
    let unit = unit::<Option<String>, StoreError, _>(move |tx| {
        Box::pin(async move { tx.put_part(&scope, &id, &part).await })
    });
    match app.store.write(unit).await {
        Ok(replaced) => {
            if let Some(place) = replaced {
                // Only frees space early: a failure leaves the old bytes until the staging area goes.
                let freed = app.objects().discard_part(&multipart.id, &Place::new(place)).await;
                freed.unwrap_or_else(|error| tracing::debug!(%error, "replaced part stays until the end"));
            }
            Ok(stored.md5.clone())
        }
        // The guard did not hold, so no row names these bytes and none will.
        Err(StoreError::Stale) => {
            stored.discard().await;
            Err(BytesError::NoSuchUpload(multipart.id.clone()))
        }
        Err(other) => Err(other.into()),
    }
}
