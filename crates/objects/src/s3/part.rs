//! Receiving one part: streamed into the store's own multipart upload where that is safe, else into an object of its own.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::S3;
use super::staging::{area, whole_key};
use crate::digests::Sums;
use crate::pump::Sink;
use crate::{Length, ObjectsError, PartTarget, Place, StoredPart};

/// Pieces that may wait for the connection, 128 KiB each.
const WAITING: usize = 4;
/// Most bytes of a part of unknown size, which is collected in memory.
const MOST_COLLECTED: u64 = 64 << 20;

/// A place as this backend writes it into rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum S3Place {
    /// In the store's multipart upload.
    Part { number: u16, etag: String },
    /// An object of its own, by the last segment of its key.
    Side { name: String },
}

impl S3Place {
    pub(super) fn parse(place: &Place) -> Result<Self, ObjectsError> {
        let known = match place.as_str().split_once(':') {
            Some(("part", rest)) => rest.split_once(':').and_then(|(number, etag)| {
                Some(Self::Part { number: number.parse().ok()?, etag: etag.to_owned() })
            }),
            Some(("side", name)) if !name.contains('/') => Some(Self::Side { name: name.to_owned() }),
            _ => None,
        };
        known.ok_or_else(|| ObjectsError::Damaged {
            place: format!("row of a part at {:?}", place.as_str()),
            what: "the S3 backend has no such place".to_owned(),
        })
    }

    fn place(&self) -> Place {
        match self {
            Self::Part { number, etag } => Place::new(format!("part:{number}:{etag}")),
            Self::Side { name } => Place::new(format!("side:{name}")),
        }
    }
}

/// Where the bytes of a part go.
#[derive(Clone, Debug)]
enum Route {
    Part { number: u16, upload: String },
    Side { name: String },
}

/// The blocking half of a writer.
pub(super) struct S3Sink {
    s3: S3,
    multipart: String,
    number: u32,
    route: Route,
    flow: Flow,
}

enum Flow {
    /// On its way while it comes.
    Streamed {
        bytes: Option<mpsc::Sender<Result<Bytes, io::Error>>>,
        sending: JoinHandle<Result<String, ObjectsError>>,
    },
    /// Sent when all of it is there.
    Collected(BytesMut),
}

/// Lets a writer in.
pub(super) async fn begin(s3: &S3, target: &PartTarget<'_>) -> Result<S3Sink, ObjectsError> {
    let multipart = target.multipart.to_owned();
    if s3.is_sealed(&multipart).await? {
        return Err(ObjectsError::Sealed(multipart));
    }
    let backing = s3.backing_or_new(&multipart).await?;
    let route = match (target.length, u16::try_from(target.number)) {
        // A part of the store's own upload cannot be one of two: the first writer under its number has it for good.
        (Length::Exactly(length), Ok(number))
            if length >= s3.min_part
                && (1..=10_000).contains(&number)
                && target.slot.is_some()
                && !target.acknowledged
                && s3.claim(&multipart, target.number).await? =>
        {
            Route::Part { number, upload: backing.upload }
        }
        _ => Route::Side { name: format!("{}.{}", target.number, Uuid::new_v4().simple()) },
    };
    let flow = match target.length {
        Length::Exactly(length) => stream_to(s3, &multipart, &route, length),
        Length::AtMost(most) if most <= MOST_COLLECTED => Flow::Collected(BytesMut::new()),
        Length::AtMost(most) => {
            let what = format!("{most} bytes of unknown size; at most {MOST_COLLECTED} can be collected");
            return Err(ObjectsError::io(
                format!("receive part {} of {multipart}", target.number),
                io::Error::other(what),
            ));
        }
    };
    Ok(S3Sink { s3: s3.clone(), multipart, number: target.number, route, flow })
}

fn stream_to(s3: &S3, multipart: &str, route: &Route, length: u64) -> Flow {
    let (bytes, coming) = mpsc::channel(WAITING);
    let body = reqwest::Body::wrap_stream(stream::unfold(coming, |mut coming| async move {
        coming.recv().await.map(|piece| (piece, coming))
    }));
    let (s3, multipart, route) = (s3.clone(), multipart.to_owned(), route.clone());
    let sending = tokio::spawn(async move {
        match route {
            Route::Part { number, upload } => {
                s3.client.part((&whole_key(&multipart), &upload, number), body, length).await
            }
            Route::Side { name } => {
                let key = format!("{}{name}", area(&multipart));
                s3.client.put_stream(&key, body, length).await.map(|()| String::new())
            }
        }
    });
    Flow::Streamed { bytes: Some(bytes), sending }
}

impl Sink for S3Sink {
    type Stored = StoredPart;

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        match &mut self.flow {
            Flow::Collected(collected) => collected.extend_from_slice(bytes),
            Flow::Streamed { bytes: Some(sender), .. } if !bytes.is_empty() => {
                // The other end is gone when the request has failed: `finish` says why.
                let _ = sender.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
            }
            Flow::Streamed { .. } => {}
        }
        Ok(())
    }

    fn finish(mut self, sums: Sums) -> Result<StoredPart, ObjectsError> {
        let runtime = Handle::current();
        let etag = match &mut self.flow {
            Flow::Collected(collected) => {
                let (bytes, key) = (std::mem::take(collected).freeze(), self.side_key());
                runtime.block_on(self.s3.client.put(&key, bytes)).map(|()| String::new())
            }
            Flow::Streamed { bytes, sending } => {
                drop(bytes.take());
                let joined = runtime.block_on(sending);
                joined.unwrap_or_else(|error| Err(ObjectsError::io("send a part", io::Error::other(error))))
            }
        };
        let etag = match etag {
            Ok(etag) => etag,
            // The store's upload was completed or given up.
            Err(ObjectsError::NotFound(_)) => return Err(ObjectsError::Sealed(self.multipart.clone())),
            Err(other) => return Err(other),
        };
        // A plain MD5 is compared; stores that encrypt answer with something else.
        if !sums.md5.is_empty()
            && etag.len() == 32
            && etag != sums.md5
            && etag.bytes().all(|b| b.is_ascii_hexdigit())
        {
            let what = format!("the store has the MD5 {etag} instead of {}", sums.md5);
            return Err(ObjectsError::io(
                format!("send part {} of {}", self.number, self.multipart),
                io::Error::other(what),
            ));
        }
        if let Err(error) = runtime.block_on(self.s3.check_open(&self.multipart)) {
            // An area that goes has been emptied already, perhaps before this object came.
            if matches!(self.route, Route::Side { .. }) {
                runtime.block_on(self.s3.client.delete(&self.side_key()))?;
            }
            return Err(error);
        }
        let place = match &self.route {
            Route::Part { number, .. } => S3Place::Part { number: *number, etag },
            Route::Side { name } => S3Place::Side { name: name.clone() },
        };
        let undo = undo(self.s3.clone(), self.multipart.clone(), self.number, place.clone(), runtime);
        Ok(StoredPart::new(place.place(), false, sums, undo))
    }
}

impl S3Sink {
    fn side_key(&self) -> String {
        match &self.route {
            Route::Side { name } => format!("{}{name}", area(&self.multipart)),
            Route::Part { number, .. } => format!("{}{number}.part", area(&self.multipart)),
        }
    }
}

impl Drop for S3Sink {
    /// A request under way is ended: its body is then shorter than announced, and the store keeps nothing of it. A claim
    /// stays, because nobody can know that the store has not taken the bytes.
    fn drop(&mut self) {
        if let Flow::Streamed { bytes, .. } = &mut self.flow
            && let Some(bytes) = bytes.take()
        {
            let _ = bytes.try_send(Err(io::Error::other("given up")));
        }
    }
}

fn undo(
    s3: S3,
    multipart: String,
    number: u32,
    place: S3Place,
    runtime: Handle,
) -> impl FnOnce() + Send + Sync + 'static {
    move || {
        let freed = runtime.block_on(async {
            match place {
                // Finished, so nobody sends under this number any more.
                S3Place::Part { .. } => s3.unclaim(&multipart, number).await,
                S3Place::Side { name } => s3.client.delete(&format!("{}{name}", area(&multipart))).await,
            }
        });
        if let Err(error) = freed {
            tracing::debug!(%error, multipart, number, "the place of a part stays until its area goes");
        }
    }
}

/// Removes the object of a part that no row names any more.
pub(super) async fn discard(s3: &S3, multipart: &str, place: &Place) -> Result<(), ObjectsError> {
    match S3Place::parse(place)? {
        // It stays claimed: a row has named it, and its bytes go with the upload.
        S3Place::Part { .. } => Ok(()),
        S3Place::Side { name } => s3.client.delete(&format!("{}{name}", area(multipart))).await,
    }
}
