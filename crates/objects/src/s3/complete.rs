//! Making one blob of the parts.
//!
//! The regular case moves no byte: all parts are in the store's own multipart upload, which is completed. Parts that are
//! objects of their own are copied into it inside the store, if every part but the last has the store's minimum. Otherwise
//! everything is read and joined into parts that have it. Then the blob gets its name. After a crash at any point the same
//! call goes on: the joined object is found by its key and its size.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;

use super::S3;
use super::client::Numbered;
use super::names::Target;
use super::part::S3Place;
use super::staging::{area, whole_key};
use crate::digests::combine;
use crate::{BlobName, CompletedBlob, ObjectsError, PlacedPart};

/// Bytes of a part that is joined from smaller ones; a blob of 48 GiB then has fewer than the 10,000 that may be.
const JOINED: usize = 16 << 20;
/// Most parts that a store takes.
const MOST_PARTS: usize = 10_000;

/// A run of bytes that the blob is made of.
struct Piece {
    key: String,
    from: u64,
    size: u64,
}

/// See [`crate::Objects::complete`].
pub(super) async fn complete(
    s3: &S3,
    multipart: &str,
    parts: &[PlacedPart],
    blob: &BlobName,
) -> Result<CompletedBlob, ObjectsError> {
    let (size, crc64) = combine(parts);
    let ours = format!("data/{multipart}/");
    if let Some(found) = s3.names.look_up(blob.as_str()).await? {
        let same = found.data.starts_with(&ours) && found.size == size;
        return if same {
            Ok(CompletedBlob { size, crc64, copied_bytes: 0 })
        } else {
            Err(ObjectsError::AlreadyExists(format!("blob {blob}")))
        };
    }
    if s3.backing(multipart).await?.is_none() {
        return Err(ObjectsError::NotFound(format!("staging area {multipart}")));
    }
    s3.set_seal(multipart).await?;
    let places: Vec<(S3Place, &PlacedPart)> = parts
        .iter()
        .filter(|part| part.size > 0)
        .map(|part| Ok((S3Place::parse(&part.place)?, part)))
        .collect::<Result<_, ObjectsError>>()?;
    check_sides(s3, multipart, &places).await?;
    let (data, copied_bytes) = if places.is_empty() {
        let key = format!("{ours}empty");
        s3.client.put(&key, Bytes::new()).await?;
        (key, 0)
    } else if is_regular(s3, &places) {
        whole(s3, multipart, &places, size).await?
    } else {
        joined(s3, multipart, &places, size).await?
    };
    if s3.names.give(blob.as_str(), &Target { data, size }).await? {
        Ok(CompletedBlob { size, crc64, copied_bytes })
    } else {
        Err(ObjectsError::AlreadyExists(format!("blob {blob}")))
    }
}

/// Whether the store takes the parts as they are.
fn is_regular(s3: &S3, places: &[(S3Place, &PlacedPart)]) -> bool {
    let (last, others) = places.split_last().expect("the caller has parts");
    let numbered = |(_, part): &(S3Place, &PlacedPart)| (1..=10_000).contains(&part.number);
    others.iter().all(|(_, part)| part.size >= s3.min_part)
        && places.iter().all(numbered)
        && last.1.size > 0
        && places.len() <= MOST_PARTS
}

/// Rows without bytes are an error before anything is made.
async fn check_sides(
    s3: &S3,
    multipart: &str,
    places: &[(S3Place, &PlacedPart)],
) -> Result<(), ObjectsError> {
    for (place, part) in places {
        let S3Place::Side { name } = place else { continue };
        let found = s3.client.head(&format!("{}{name}", area(multipart))).await?;
        if found != Some(part.size) {
            return Err(ObjectsError::Damaged {
                place: format!("object {name} of {multipart}"),
                what: match found {
                    Some(found) => format!("{found} bytes instead of {}", part.size),
                    None => "it is missing".to_owned(),
                },
            });
        }
    }
    Ok(())
}

/// Completes the store's own upload. Its key, and the bytes that were copied inside the store.
async fn whole(
    s3: &S3,
    multipart: &str,
    places: &[(S3Place, &PlacedPart)],
    size: u64,
) -> Result<(String, u64), ObjectsError> {
    let key = whole_key(multipart);
    if let Some(done) = s3.client.head(&key).await? {
        return check_size(multipart, done, size).map(|()| (key, 0));
    }
    let upload = s3.backing(multipart).await?.ok_or_else(|| lost(multipart))?.upload;
    let mut copied = 0;
    let mut numbered: Vec<Numbered> = Vec::with_capacity(places.len());
    for (place, part) in places {
        let number = u16::try_from(part.number).map_err(|_| lost(multipart))?;
        let etag = match place {
            S3Place::Part { etag, .. } => etag.clone(),
            S3Place::Side { name } => {
                copied += part.size;
                let source = format!("{}{name}", area(multipart));
                s3.client.copied_part((&key, &upload, number), &source, None).await?
            }
        };
        numbered.push((number, etag));
    }
    s3.client.complete(&key, &upload, &numbered).await?;
    let done = s3.client.head(&key).await?.ok_or_else(|| lost(multipart))?;
    check_size(multipart, done, size).map(|()| (key, copied))
}

/// Joins parts that are too small for the store. What was streamed into its own upload can only be read once that is
/// completed, so this comes first.
async fn joined(
    s3: &S3,
    multipart: &str,
    places: &[(S3Place, &PlacedPart)],
    size: u64,
) -> Result<(String, u64), ObjectsError> {
    let key = format!("data/{multipart}/joined");
    if let Some(done) = s3.client.head(&key).await? {
        return check_size(multipart, done, size).map(|()| (key, 0));
    }
    let large = format!("data/{multipart}/whole");
    let streamed: Vec<Numbered> = places
        .iter()
        .filter_map(|(place, _)| match place {
            S3Place::Part { number, etag } => Some((*number, etag.clone())),
            S3Place::Side { .. } => None,
        })
        .collect();
    if !streamed.is_empty() && s3.client.head(&large).await?.is_none() {
        let upload = s3.backing(multipart).await?.ok_or_else(|| lost(multipart))?.upload;
        s3.client.complete(&large, &upload, &streamed).await?;
    }
    let mut offset = 0;
    let pieces = places.iter().map(|(place, part)| match place {
        S3Place::Side { name } => {
            Piece { key: format!("{}{name}", area(multipart)), from: 0, size: part.size }
        }
        S3Place::Part { .. } => {
            let from = offset;
            offset += part.size;
            Piece { key: large.clone(), from, size: part.size }
        }
    });
    let pieces: Vec<Piece> = pieces.collect();
    let upload = s3.client.begin(&key).await?;
    let made = send_joined(s3, &key, &upload, &pieces).await;
    if let Err(error) = made {
        s3.client.abort(&key, &upload).await?;
        return Err(error);
    }
    let done = s3.client.head(&key).await?.ok_or_else(|| lost(multipart))?;
    check_size(multipart, done, size)?;
    if !streamed.is_empty() {
        s3.client.delete(&large).await?;
    }
    Ok((key, size))
}

async fn send_joined(s3: &S3, key: &str, upload: &str, pieces: &[Piece]) -> Result<(), ObjectsError> {
    let mut numbered: Vec<Numbered> = Vec::new();
    let mut collected = BytesMut::new();
    for piece in pieces {
        let mut stream = s3.client.read(&piece.key, piece.from..piece.from + piece.size).await?;
        while let Some(bytes) = stream.try_next().await? {
            collected.extend_from_slice(&bytes);
            while collected.len() >= JOINED {
                let part = collected.split_to(JOINED).freeze();
                send(s3, (key, upload), &mut numbered, part).await?;
            }
        }
    }
    if !collected.is_empty() || numbered.is_empty() {
        send(s3, (key, upload), &mut numbered, collected.freeze()).await?;
    }
    s3.client.complete(key, upload, &numbered).await
}

async fn send(
    s3: &S3,
    (key, upload): (&str, &str),
    numbered: &mut Vec<Numbered>,
    part: Bytes,
) -> Result<(), ObjectsError> {
    let number = u16::try_from(numbered.len() + 1).unwrap_or(u16::MAX);
    let etag = s3.client.small_part((key, upload, number), part).await?;
    numbered.push((number, etag));
    Ok(())
}

fn check_size(multipart: &str, found: u64, size: u64) -> Result<(), ObjectsError> {
    if found == size {
        return Ok(());
    }
    let what = format!("{found} bytes instead of {size}");
    Err(ObjectsError::Damaged { place: format!("joined object of {multipart}"), what })
}

fn lost(multipart: &str) -> ObjectsError {
    ObjectsError::NotFound(format!("the store's own upload of {multipart}"))
}
