//! Completion of a multipart upload: the parts become one immutable blob behind the object's key.
//!
//! Stages, each of which may be the last before a crash and is found again by its row:
//! `open` → row says `completing` (no part is taken any more) → the storage seals and renames → one transaction writes
//! the object and `completed`. Whoever comes next (the client's repeat, or upkeep) goes on where it stopped.

use md5::{Digest, Md5};
use reelgate_model::MultipartState;
use reelgate_objects::{BlobName, Place, PlacedPart};
use reelgate_store::{Multipart, Object, Part, Session, StoreError, unit};

use super::access::Writer;
use super::bytes::BytesError;
use super::session::scope_of;
use crate::app::App;

/// Least size of a part that is not the last (wire reference 3.4).
const MIN_PART: u64 = 1 << 20;
/// Most parts of an upload.
const MOST_PARTS: u32 = 10_000;

/// A part in the client's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub number: u32,
    /// Its ETag without quotes.
    pub etag: String,
}

/// Completes the upload `id` from the parts listed. The same call again gives the same answer.
pub async fn complete(
    app: &App,
    writer: &Writer,
    key: &str,
    id: &str,
    listed: &[Listed],
) -> Result<Object, BytesError> {
    let no_such = || BytesError::NoSuchUpload(id.chars().take(64).collect());
    // Twice: somebody else may begin the completion between our look and our move. It never opens again.
    for _ in 0..2 {
        let found = app.store.read().await?.multipart(&writer.scope, id).await?;
        let multipart = found
            .filter(|found| found.session_id == writer.session.id && found.key == key)
            .ok_or_else(no_such)?;
        match multipart.state {
            MultipartState::Aborted => return Err(no_such()),
            MultipartState::Completed => {
                let object = app.store.read().await?.object(&writer.scope, key).await?;
                return object
                    .filter(|object| object.multipart_id.as_deref() == Some(id))
                    .ok_or_else(no_such);
            }
            MultipartState::Open => {
                if let Some(parts) = begin(app, writer, &multipart, listed).await? {
                    return finish(app, &writer.session, &multipart, parts).await;
                }
            }
            MultipartState::Completing => {
                let parts = app.store.read().await?.parts(id, 0, MOST_PARTS).await?;
                return finish(app, &writer.session, &multipart, parts).await;
            }
        }
    }
    Err(no_such())
}

/// Completes an upload whose parts were sent one after another by one writer: all of them, whatever their sizes.
pub(super) async fn complete_appended(app: &App, session: &Session, id: &str) -> Result<Object, BytesError> {
    let scope = scope_of(session);
    let no_such = || BytesError::NoSuchUpload(id.to_owned());
    let multipart = app.store.read().await?.multipart(&scope, id).await?.ok_or_else(no_such)?;
    match multipart.state {
        MultipartState::Aborted => return Err(no_such()),
        MultipartState::Completed => {
            let object = app.store.read().await?.object(&scope, &multipart.key).await?;
            return object.ok_or_else(no_such);
        }
        MultipartState::Completing => {}
        MultipartState::Open => {
            let moving = multipart.id.clone();
            let unit = unit::<(), StoreError, _>(move |tx| {
                let (from, to) = (MultipartState::Open, MultipartState::Completing);
                Box::pin(async move { tx.move_multipart(&scope, &moving, from, to).await })
            });
            match app.store.write(unit).await {
                // Somebody else has just begun it; both may finish it.
                Ok(()) | Err(StoreError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
    let parts = app.store.read().await?.parts(id, 0, u32::MAX).await?;
    finish(app, session, &multipart, parts).await
}

/// Finishes completions that a crash has cut. Returns how many.
pub async fn recover(app: &App) -> anyhow::Result<usize> {
    let cut = app.store.read().await?.multiparts_completing(100).await?;
    let mut finished = 0;
    for multipart in cut {
        let mut read = app.store.read().await?;
        let Some(session) = read.session(&multipart.session_id).await? else { continue };
        let parts = read.parts(&multipart.id, 0, u32::MAX).await?;
        drop(read);
        match finish(app, &session, &multipart, parts).await {
            Ok(_) => finished += 1,
            Err(BytesError::NoSuchUpload(_) | BytesError::SessionEnded) => {}
            Err(error) => tracing::error!(
                upload.id = multipart.id,
                cause = format!("{:#}", anyhow::Error::from(error)),
                "a completion that was cut cannot be finished yet"
            ),
        }
    }
    Ok(finished)
}

/// `open` → `completing`, in one transaction with the check of the list; parts that the client left out are forgotten
/// there too, so that the rows alone say what the object is made of. `None`: it is not open any more.
async fn begin(
    app: &App,
    writer: &Writer,
    multipart: &Multipart,
    listed: &[Listed],
) -> Result<Option<Vec<Part>>, BytesError> {
    let (scope, id, listed) = (writer.scope.clone(), multipart.id.clone(), listed.to_vec());
    let most = writer.max_size(&multipart.key);
    let unit = unit::<Option<Vec<Part>>, BytesError, _>(move |tx| {
        Box::pin(async move {
            // First, because on PostgreSQL it locks the row: no part is acknowledged after the list was checked.
            match tx.move_multipart(&scope, &id, MultipartState::Open, MultipartState::Completing).await {
                Err(StoreError::Stale) => return Ok(None),
                other => other?,
            }
            let there = tx.parts(&id, 0, MOST_PARTS).await?;
            let chosen = choose(&there, &listed)?;
            check_total(&chosen, most)?;
            if chosen.len() < there.len() {
                let numbers: Vec<u32> = chosen.iter().map(|part| part.number).collect();
                tx.keep_only_parts(&scope, &id, &numbers).await?;
            }
            Ok(Some(chosen))
        })
    });
    app.store.write(unit).await
}

fn choose(there: &[Part], listed: &[Listed]) -> Result<Vec<Part>, BytesError> {
    if listed.is_empty() {
        return Err(BytesError::InvalidPart(
            "the list names no part; list every part with its ETag".to_owned(),
        ));
    }
    if !listed.is_sorted_by(|a, b| a.number < b.number) {
        return Err(BytesError::InvalidPartOrder);
    }
    let mut chosen = Vec::with_capacity(listed.len());
    // Both are in the order of their numbers.
    let mut rest = there.iter().peekable();
    for wanted in listed {
        let number = wanted.number;
        while rest.next_if(|part| part.number < number).is_some() {}
        let found = rest.next_if(|part| part.number == number);
        let part = found.ok_or_else(|| {
            BytesError::InvalidPart(format!(
                "part {number} has not been uploaded; send it, then complete again"
            ))
        })?;
        if !part.md5.eq_ignore_ascii_case(&wanted.etag) {
            return Err(BytesError::InvalidPart(format!(
                "part {number} has the ETag \"{}\", not the one listed; list the parts and use what is there",
                part.md5
            )));
        }
        chosen.push(part.clone());
    }
    let last = chosen.len() - 1;
    match chosen[..last].iter().find(|part| part.size < MIN_PART) {
        Some(part) => Err(BytesError::PartTooSmall { number: part.number, size: part.size }),
        None => Ok(chosen),
    }
}

/// Parts that arrive side by side can pass the limit together although each of them kept it.
fn check_total(chosen: &[Part], most: u64) -> Result<(), BytesError> {
    let size = chosen.iter().fold(0_u64, |sum, part| sum.saturating_add(part.size));
    if size > most { Err(BytesError::TooLarge { what: "the object", size, most }) } else { Ok(()) }
}

/// From `completing` to `completed`.
async fn finish(
    app: &App,
    session: &Session,
    multipart: &Multipart,
    parts: Vec<Part>,
) -> Result<Object, BytesError> {
    let blob = blob_name(session, &multipart.id)?;
    let placed: Vec<PlacedPart> = parts
        .iter()
        .map(|part| PlacedPart {
            number: part.number,
            place: Place::new(part.place.clone()),
            size: part.size,
            crc64: part.crc64,
        })
        .collect();
    let made = app
        .objects()
        .complete(&multipart.id, &placed, &blob)
        .await
        .map_err(|error| BytesError::of_objects(error, &multipart.id))?;
    if made.copied_bytes > 0 {
        tracing::info!(upload.id = multipart.id, bytes = made.copied_bytes, "parts out of place were copied");
    }
    let object = Object {
        key: multipart.key.clone(),
        session_id: session.id.clone(),
        multipart_id: Some(multipart.id.clone()),
        blob: blob.to_string(),
        size: made.size,
        etag: etag(&parts).unwrap_or_else(|| format!("{:016x}-{}", made.crc64, parts.len())),
        crc64: made.crc64.to_string(),
        completed_at: app.clock.now(),
    };
    let (scope, id, new) = (scope_of(session), multipart.id.clone(), object.clone());
    let session_id = session.id.clone();
    let unit = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            // After Commit the session's objects are the media's: nothing may take their place.
            tx.hold_session_open(&scope, &session_id).await?;
            tx.move_multipart(&scope, &id, MultipartState::Completing, MultipartState::Completed).await?;
            tx.put_object(&scope, &new).await?;
            tx.abandon(&scope, &format!("staging:{id}"), "completed").await
        })
    });
    match app.store.write(unit).await {
        Ok(()) => Ok(object),
        Err(StoreError::Stale) => settle(app, session, object).await,
        Err(other) => Err(other.into()),
    }
}

/// Somebody else has finished the upload meanwhile (same parts, same name), or its session has ended: then nothing
/// names these bytes.
async fn settle(app: &App, session: &Session, made: Object) -> Result<Object, BytesError> {
    let scope = scope_of(session);
    let unit = unit::<Option<Object>, StoreError, _>(move |tx| {
        Box::pin(async move {
            match tx.object(&scope, &made.key).await? {
                Some(found) if found.blob == made.blob => Ok(Some(found)),
                _ => tx.abandon(&scope, &format!("blob:{}", made.blob), "session_ended").await.map(|()| None),
            }
        })
    });
    app.store.write(unit).await?.ok_or(BytesError::SessionEnded)
}

/// Unique for each completion, so that no completed bytes are ever replaced under their name.
pub(super) fn blob_name(session: &Session, unique: &str) -> Result<BlobName, BytesError> {
    let name = format!("{}/{}/{unique}.bin", session.app, session.file_id);
    BlobName::new(name).map_err(|error| BytesError::Internal(error.into()))
}

/// The MD5 of the parts' binary MD5s and their count, as S3 has it (wire reference 3.4). `None`: nobody wanted the MD5s.
fn etag(parts: &[Part]) -> Option<String> {
    if parts.iter().any(|part| part.md5.is_empty()) {
        return None;
    }
    let mut digest = Md5::new();
    for part in parts {
        digest.update(hex::decode(&part.md5).unwrap_or_default());
    }
    Some(format!("{}-{}", hex::encode(digest.finalize()), parts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reelgate_model::Time;

    fn part(number: u32, size: u64) -> Part {
        let md5 = format!("{number:032x}");
        Part { number, place: "slot".to_owned(), size, md5, crc64: 0, stored_at: Time(0) }
    }

    fn list(numbers: &[u32]) -> Vec<Listed> {
        numbers.iter().map(|number| Listed { number: *number, etag: format!("{number:032X}") }).collect()
    }

    #[test]
    fn only_what_is_there_in_order_and_large_enough_is_chosen() {
        let there = [part(1, MIN_PART), part(2, MIN_PART), part(5, 10)];
        let numbers = |chosen: Vec<Part>| chosen.iter().map(|part| part.number).collect::<Vec<_>>();
        assert_eq!(numbers(choose(&there, &list(&[1, 2, 5])).unwrap()), [1, 2, 5]);
        assert_eq!(numbers(choose(&there, &list(&[1, 5])).unwrap()), [1, 5]);
        assert!(matches!(choose(&there, &list(&[2, 1])), Err(BytesError::InvalidPartOrder)));
        assert!(matches!(choose(&there, &list(&[1, 1])), Err(BytesError::InvalidPartOrder)));
        assert!(matches!(choose(&there, &list(&[1, 3])), Err(BytesError::InvalidPart(_))));
        assert!(matches!(choose(&there, &list(&[])), Err(BytesError::InvalidPart(_))));
        let wrong = [Listed { number: 1, etag: "0".repeat(32) }];
        assert!(matches!(choose(&there, &wrong), Err(BytesError::InvalidPart(_))));
        let small = [part(1, 10), part(2, 10)];
        assert!(matches!(choose(&small, &list(&[1, 2])), Err(BytesError::PartTooSmall { number: 1, .. })));
        assert!(choose(&small, &list(&[2])).is_ok());
        assert!(check_total(&small, 20).is_ok());
        assert!(matches!(check_total(&small, 19), Err(BytesError::TooLarge { size: 20, most: 19, .. })));
    }
}
