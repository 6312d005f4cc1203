//! Making one blob of the parts. The staging file becomes the blob by a rename; only what is not in its place is copied.
//!
//! Every state that a crash can leave is told from the names that exist:
//!
//! | in the staging area | blob | so |
//! |---|---|---|
//! | `data` | no | nothing final happened: do it all (again) |
//! | `whole` | no | the joined file is durable: only its name is missing |
//! | neither | yes, of the right size | it is done |
//! | neither | no | the bytes are lost |

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use super::area::{Area, DATA};
use super::blobs;
use super::dir::Access;
use super::part::DiskPlace;
use super::root::Root;
use crate::digests::combine;
use crate::error::During;
use crate::{BlobName, CompletedBlob, ObjectsError, PlacedPart};

/// A joined file that is durable and complete.
const WHOLE: &str = "whole";
/// A joined file in the making.
const JOINING: &str = "joining";

/// A part with the place it must have in the blob.
struct Piece<'a> {
    part: &'a PlacedPart,
    place: DiskPlace,
    offset: u64,
}

/// See [`crate::Objects::complete`].
pub(super) fn complete(
    root: &Arc<Root>,
    multipart: &str,
    parts: &[PlacedPart],
    blob: &BlobName,
) -> Result<CompletedBlob, ObjectsError> {
    let (size, crc64) = combine(parts);
    let pieces = lay_out(parts)?;
    let done = |copied_bytes| CompletedBlob { size, crc64, copied_bytes };
    let Some(area) = Area::open(root.staging(), multipart)? else {
        return finished_before(root, multipart, blob, size).map(|()| done(0));
    };
    area.seal()?;
    let _turn = area.turn()?;
    let here = |name| area.dir.has(name).during(|| area.about("look into"));
    if here(WHOLE)? {
        return name_whole(root, &area, blob, size).map(|()| done(0));
    }
    if !here(DATA)? {
        return finished_before(root, multipart, blob, size).map(|()| done(0));
    }
    if blobs::size(root, blob)?.is_some() {
        return Err(ObjectsError::AlreadyExists(format!("blob {blob}")));
    }
    let all_in_place = pieces.iter().all(|piece| match piece.place {
        DiskPlace::Slot { offset } => offset == piece.offset,
        DiskPlace::Side { .. } => true,
    });
    if all_in_place {
        let copied = fill_in(&area, &pieces, size)?;
        root.settle(&area.dir, DATA, blob)?;
        Ok(done(copied))
    } else {
        let copied = join(&area, &pieces)?;
        name_whole(root, &area, blob, size)?;
        Ok(done(copied))
    }
}

fn lay_out(parts: &[PlacedPart]) -> Result<Vec<Piece<'_>>, ObjectsError> {
    let mut offset = 0_u64;
    let mut pieces = Vec::with_capacity(parts.len());
    for part in parts {
        pieces.push(Piece { part, place: DiskPlace::parse(&part.place)?, offset });
        offset = offset.saturating_add(part.size);
    }
    Ok(pieces)
}

/// The staging file is gone: accepts the blob as the result of an earlier run. That run may have died before its sync.
fn finished_before(
    root: &Arc<Root>,
    multipart: &str,
    blob: &BlobName,
    size: u64,
) -> Result<(), ObjectsError> {
    match blobs::size(root, blob)? {
        Some(found) if found == size => blobs::sync_name(root, blob),
        Some(_) => Err(ObjectsError::AlreadyExists(format!("blob {blob}"))),
        None => Err(ObjectsError::NotFound(format!("staging area {multipart}"))),
    }
}

/// Regular layout: copies the side parts to their offsets, cuts what lies behind the last part, syncs.
fn fill_in(area: &Area, pieces: &[Piece<'_>], size: u64) -> Result<u64, ObjectsError> {
    let data = area.dir.open_file(DATA, Access::Write).during(|| area.about("open the staging file of"))?;
    check_reach(area, &data, pieces)?;
    let mut copied = 0;
    for piece in pieces {
        if let DiskPlace::Side { name } = &piece.place {
            let side = open_side(area, name, piece.part)?;
            copied += copy(&side, 0, &data, piece.offset, piece.part.size)
                .during(|| format!("copy part {} of {} into place", piece.part.number, area.multipart))?;
        }
    }
    data.set_len(size)
        .and_then(|()| data.sync_all())
        .during(|| area.about("make the staging file durable in"))?;
    Ok(copied)
}

/// Irregular layout: copies all parts one after another into a new file and syncs it. Slots cannot be used in place,
/// because moving one would overwrite another that a second run still needs.
fn join(area: &Area, pieces: &[Piece<'_>]) -> Result<u64, ObjectsError> {
    let data = area.dir.open_file(DATA, Access::Read).during(|| area.about("open the staging file of"))?;
    check_reach(area, &data, pieces)?;
    area.dir.remove_file(JOINING).during(|| area.about("remove a half-joined file from"))?;
    let joined = area.dir.open_file(JOINING, Access::CreateNew).during(|| area.about("make a file in"))?;
    let mut copied = 0;
    for piece in pieces {
        let size = piece.part.size;
        let outcome = match &piece.place {
            DiskPlace::Slot { offset } => copy(&data, *offset, &joined, piece.offset, size),
            DiskPlace::Side { name } => {
                copy(&open_side(area, name, piece.part)?, 0, &joined, piece.offset, size)
            }
        };
        copied += outcome.during(|| format!("join part {} of {}", piece.part.number, area.multipart))?;
    }
    joined.sync_all().during(|| area.about("make the joined file durable in"))?;
    area.dir.rename(JOINING, &area.dir, WHOLE).during(|| area.about("name the joined file of"))?;
    area.dir.sync().during(|| area.about("sync"))?;
    Ok(copied)
}

/// Gives the joined file its name. The staging file goes first: `data` beside a blob would look like somebody else's blob.
fn name_whole(root: &Arc<Root>, area: &Area, blob: &BlobName, size: u64) -> Result<(), ObjectsError> {
    let whole = area.dir.open_file(WHOLE, Access::Read).and_then(|whole| whole.metadata());
    let found = whole.during(|| area.about("look at the joined file of"))?.len();
    if found != size {
        let what = format!("{found} bytes instead of {size}: it was joined from another list of parts");
        return Err(ObjectsError::Damaged { place: format!("joined file of {}", area.multipart), what });
    }
    let removed = area.dir.remove_file(DATA).and_then(|()| area.dir.sync());
    removed.during(|| area.about("remove the staging file of"))?;
    root.settle(&area.dir, WHOLE, blob)
}

/// Slots that lie behind the end of the staging file would read as zeros.
fn check_reach(area: &Area, data: &File, pieces: &[Piece<'_>]) -> Result<(), ObjectsError> {
    let len = data.metadata().during(|| area.about("look at the staging file of"))?.len();
    for piece in pieces {
        if let DiskPlace::Slot { offset } = piece.place
            && offset.saturating_add(piece.part.size) > len
        {
            return Err(ObjectsError::Damaged {
                place: format!("staging file of {}", area.multipart),
                what: format!("it ends at {len}, before part {} does", piece.part.number),
            });
        }
    }
    Ok(())
}

fn open_side(area: &Area, name: &str, part: &PlacedPart) -> Result<File, ObjectsError> {
    let damaged = |what: String| ObjectsError::Damaged {
        place: format!("side file {name} of {}", area.multipart),
        what,
    };
    let side = match area.dir.open_file(name, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged("it is missing".to_owned()));
        }
        side => side.during(|| format!("open side file {name} of {}", area.multipart))?,
    };
    let len = side.metadata().during(|| area.about("look at a side file of"))?.len();
    if len == part.size { Ok(side) } else { Err(damaged(format!("{len} bytes instead of {}", part.size))) }
}

/// Copies inside the kernel where the file system can.
fn copy(mut from: &File, at: u64, mut to: &File, offset: u64, size: u64) -> io::Result<u64> {
    from.seek(SeekFrom::Start(at))?;
    to.seek(SeekFrom::Start(offset))?;
    let copied = io::copy(&mut io::Read::take(&mut from, size), &mut to)?;
    if copied == size { Ok(copied) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
