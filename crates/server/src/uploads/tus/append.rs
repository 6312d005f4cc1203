//! Bytes arrive at the end of an upload: bytes first, row second, and the offset moves only with the row.

use bytes::Bytes;
use futures_util::Stream;
use reelgate_model::Scope;
use reelgate_objects::{Length, PartTarget, PartWriter, Slot, StoredPart};
use reelgate_store::{Part, StoreError, TusUpload, unit};
use reelgate_wire::tus::Expected;

use super::lease::{LOOK, Lease};
use super::{Found, MOST_PARTS, SEGMENT, TusError, find, finish};
use crate::app::App;
use crate::uploads::bytes::BytesError;
use crate::uploads::commit::Committed;
use crate::uploads::pace::Pace;
use crate::uploads::session::scope_of;
use crate::uploads::{head, room};

/// What one PATCH says about its body.
#[derive(Debug)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// Bytes of it, if the client said.
    pub length: Option<u64>,
    /// What it must sum up to: then all of it is kept or nothing.
    pub checksum: Option<Expected>,
}

/// How far an upload has come.
#[derive(Debug)]
pub struct Appended {
    /// Bytes that are acknowledged.
    pub stored: u64,
    /// The media, once all bytes are there.
    pub committed: Option<Committed>,
}

/// Appends a body to the upload `id`. What has arrived stays although an error is returned, unless a checksum came with it.
pub async fn append<S>(app: &App, id: &str, piece: Piece, body: S) -> Result<Appended, TusError>
where
    S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
{
    let found = find(app, id).await?;
    if !found.is_committed() {
        found.must_be_open(app)?;
    }
    check(&found.upload, &piece)?;
    if found.upload.stored == found.upload.length {
        // Repeated, because the answer to the last byte was lost.
        let committed = Some(finish::finish(app, found).await?);
        return Ok(Appended { stored: piece.offset, committed });
    }
    let scope = scope_of(&found.session);
    let lease = Lease::take(app, &scope, &found.session.id).await?;
    // Read again: whoever had the lease before may have written.
    let found = find(app, id).await?;
    let mut appending = Appending {
        app: app.clone(),
        scope,
        pace: Pace::new(app),
        found: found.clone(),
        upload: found.upload.clone(),
        lease,
        held: Vec::new(),
    };
    let outcome = match check(&found.upload, &piece) {
        Ok(()) => appending.receive(piece, body).await,
        Err(error) => Err(error),
    };
    let Appending { upload, lease, .. } = appending;
    lease.release().await;
    outcome?;
    if upload.stored < upload.length {
        return Ok(Appended { stored: upload.stored, committed: None });
    }
    let stored = upload.stored;
    let committed = Some(finish::finish(app, Found { upload, ..found }).await?);
    Ok(Appended { stored, committed })
}

fn check(upload: &TusUpload, piece: &Piece) -> Result<(), TusError> {
    if upload.stored != piece.offset {
        return Err(TusError::OffsetDiffers { stored: upload.stored, offset: piece.offset });
    }
    let size = piece.offset.saturating_add(piece.length.unwrap_or(0));
    if size > upload.length {
        return Err(BytesError::TooLarge { what: "the upload", size, most: upload.length }.into());
    }
    Ok(())
}

struct Appending {
    app: App,
    scope: Scope,
    pace: Pace,
    /// As it was when this began.
    found: Found,
    upload: TusUpload,
    lease: Lease,
    /// Stored, but not acknowledged before the checksum of all is known.
    held: Vec<StoredPart>,
}

impl Appending {
    async fn receive<S>(&mut self, mut piece: Piece, mut body: S) -> Result<(), TusError>
    where
        S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
    {
        let expected = piece.length.unwrap_or_else(|| self.upload.length - piece.offset);
        room::for_bytes(&self.app, expected).await?;
        let mut end = piece.offset;
        let outcome = self.segments(&mut end, &mut piece.checksum, &mut body).await;
        let Some(checksum) = piece.checksum else { return outcome };
        let verdict = match outcome {
            Ok(()) if checksum.matches() => Ok(()),
            Ok(()) => Err(TusError::ChecksumDiffers),
            Err(error) => Err(error),
        };
        let held = std::mem::take(&mut self.held);
        if verdict.is_err() {
            for stored in held {
                stored.discard().await;
            }
            return verdict;
        }
        for stored in held {
            self.acknowledge(stored).await?;
        }
        Ok(())
    }

    /// Cuts the body into segments until it ends or fails; what came of the last one counts as well.
    async fn segments<S>(
        &mut self,
        end: &mut u64,
        checksum: &mut Option<Expected>,
        body: &mut S,
    ) -> Result<(), TusError>
    where
        S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
    {
        let mut rest = self.opening(*end, body).await?;
        loop {
            if rest.is_empty() {
                match self.next(body).await? {
                    Some(bytes) => rest = bytes,
                    None => return Ok(()),
                }
                continue;
            }
            let mut writer = self.begin(*end).await?;
            let mut filled = 0;
            let mut outcome = Ok(());
            while filled < SEGMENT {
                if rest.is_empty() {
                    match self.next(body).await {
                        Ok(Some(bytes)) => rest = bytes,
                        Ok(None) => break,
                        Err(error) => {
                            outcome = Err(error);
                            break;
                        }
                    }
                    continue;
                }
                let room = usize::try_from(SEGMENT - filled).unwrap_or(usize::MAX);
                let now = rest.split_to(room.min(rest.len()));
                let after = *end + filled + now.len() as u64;
                if after > self.upload.length {
                    let most = self.upload.length;
                    outcome = Err(BytesError::TooLarge { what: "the upload", size: after, most }.into());
                    break;
                }
                if let Some(checksum) = checksum {
                    checksum.update(&now);
                }
                filled += now.len() as u64;
                writer.write(now).await.map_err(|error| self.failed(error))?;
            }
            if filled > 0 {
                *end += filled;
                let stored = writer.finish().await.map_err(|error| self.failed(error))?;
                if checksum.is_some() {
                    self.held.push(stored);
                } else {
                    self.acknowledge(stored).await?;
                }
            }
            outcome?;
        }
    }

    /// The first bytes of the file, if these are they, once they were looked at.
    async fn opening<S>(&mut self, offset: u64, body: &mut S) -> Result<Bytes, TusError>
    where
        S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
    {
        if offset > 0 {
            return Ok(Bytes::new());
        }
        let (session, length) = (&self.found.session, self.upload.length);
        let key = &session.request.video_key;
        let opening = head::look(&self.app, session, key, length, &mut self.pace, body).await?;
        Ok(opening.concat().into())
    }

    /// The next bytes, while the lease is kept.
    async fn next<S>(&mut self, body: &mut S) -> Result<Option<Bytes>, TusError>
    where
        S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
    {
        let Self { pace, lease, .. } = self;
        let mut coming = std::pin::pin!(pace.next(body));
        loop {
            tokio::select! {
                bytes = &mut coming => {
                    lease.keep().await?;
                    return Ok(bytes?);
                }
                // Also while nothing comes: that is when somebody else wants it.
                () = tokio::time::sleep(LOOK) => lease.keep().await?,
            }
        }
    }

    async fn begin(&self, offset: u64) -> Result<Box<dyn PartWriter>, TusError> {
        let number = self.number();
        if number > MOST_PARTS {
            return Err(TusError::TooManyParts(MOST_PARTS));
        }
        let target = PartTarget {
            multipart: &self.upload.multipart_id,
            number,
            slot: (offset >= self.aside_until()).then_some(Slot { offset, size: SEGMENT }),
            length: Length::AtMost(SEGMENT),
            acknowledged: false,
            md5: false,
        };
        self.app.objects().begin_part(target).await.map_err(|error| self.failed(error))
    }

    /// Number of the part that comes next.
    fn number(&self) -> u32 {
        let held = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        self.upload.parts.saturating_add(held).saturating_add(1)
    }

    /// Before this offset somebody may still be writing who was refused the slot that this writer was refused, too.
    fn aside_until(&self) -> u64 {
        let mut offset = self.upload.stored;
        let mut until = self.upload.aside_until;
        for stored in &self.held {
            until = aside_after(until, offset, stored);
            offset += stored.size;
        }
        until
    }

    async fn acknowledge(&mut self, stored: StoredPart) -> Result<(), TusError> {
        let aside_until = aside_after(self.upload.aside_until, self.upload.stored, &stored);
        let part = Part {
            number: self.upload.parts + 1,
            place: stored.place.as_str().to_owned(),
            size: stored.size,
            md5: String::new(),
            crc64: stored.crc64,
            stored_at: self.app.clock.now(),
        };
        let (scope, upload, holder) = (self.scope.clone(), self.upload.clone(), self.lease.holder.clone());
        let unit = unit::<(), StoreError, _>(move |tx| {
            Box::pin(async move { tx.append_tus_part(&scope, &upload, &holder, &part, aside_until).await })
        });
        match self.app.store.write(unit).await {
            Ok(()) => {
                self.upload.stored += stored.size;
                self.upload.parts += 1;
                self.upload.aside_until = aside_until;
                Ok(())
            }
            // Lost the lease, or the session has ended: no row names these bytes and none will.
            Err(StoreError::Stale) => {
                stored.discard().await;
                Err(TusError::Interrupted)
            }
            Err(other) => Err(other.into()),
        }
    }

    fn failed(&self, error: reelgate_objects::ObjectsError) -> TusError {
        BytesError::of_objects(error, &self.upload.multipart_id).into()
    }
}

/// A part that was refused its slot lies aside because somebody else may still be writing there: as far as a segment
/// reaches, what follows goes aside, too.
fn aside_after(until: u64, offset: u64, stored: &StoredPart) -> u64 {
    if stored.in_slot || offset < until { until } else { offset + SEGMENT }
}
