//! Receiving one part: into its slot of the staging file where that is safe, else into a side file of its own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use uuid::Uuid;

use super::area::{Area, DATA};
use super::dir::Access;
use super::root::Root;
use crate::digests::Sums;
use crate::error::During;
use crate::name::check_segment;
use crate::pump::Sink;
use crate::{ObjectsError, PartTarget, Place, Slot, StoredPart};

/// A place as this backend writes it into rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DiskPlace {
    /// In the staging file, from this byte on.
    Slot { offset: u64 },
    /// In a file of its own.
    Side { name: String },
}

impl DiskPlace {
    pub(super) fn parse(place: &Place) -> Result<Self, ObjectsError> {
        let known = match place.as_str().split_once(':') {
            Some(("slot", offset)) => offset.parse().ok().map(|offset| Self::Slot { offset }),
            Some(("side", name)) => check_segment(name).ok().map(|()| Self::Side { name: name.to_owned() }),
            _ => None,
        };
        known.ok_or_else(|| ObjectsError::Damaged {
            place: format!("row of a part at {:?}", place.as_str()),
            what: "the disk backend has no such place".to_owned(),
        })
    }

    fn place(&self) -> Place {
        match self {
            Self::Slot { offset } => Place::new(format!("slot:{offset}")),
            Self::Side { name } => Place::new(format!("side:{name}")),
        }
    }
}

/// The slot that the part may go into. It must fit, and must not be acknowledged already.
pub(super) fn slot_of(target: &PartTarget<'_>) -> Option<Slot> {
    let slot = target.slot.filter(|slot| slot.size > 0 && target.length.max() <= slot.size)?;
    // File offsets are signed.
    let ends_in_reach = slot.offset.checked_add(slot.size).is_some_and(|end| i64::try_from(end).is_ok());
    (ends_in_reach && !target.acknowledged).then_some(slot)
}

/// Where a writer has landed. Dropped without `keep`, the bytes are given up and the place is free again.
struct Landing {
    area: Area,
    number: u32,
    place: DiskPlace,
    kept: bool,
}

impl Drop for Landing {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let freed = match &self.place {
            DiskPlace::Slot { .. } => self.area.book.alone(|page| page.free_slot(self.number)),
            DiskPlace::Side { name } => self.area.dir.remove_file(name),
        };
        if let Err(error) = freed {
            let (multipart, number) = (&self.area.multipart, self.number);
            tracing::warn!(%error, multipart, number, "the place of an unfinished part could not be freed");
        }
    }
}

/// The blocking half of a part writer.
pub(super) struct PartSink {
    landing: Landing,
    file: File,
    next: u64,
}

/// Lets a writer in.
pub(super) fn begin(
    root: &Arc<Root>,
    multipart: &str,
    number: u32,
    slot: Option<Slot>,
) -> Result<PartSink, ObjectsError> {
    let area = Area::open_or_make(root.staging(), multipart)?;
    let in_slot = area.enter(root.staging(), number, slot.map(|slot| slot.size))?;
    let (place, next) = match slot {
        Some(Slot { offset, .. }) if in_slot => (DiskPlace::Slot { offset }, offset),
        _ => (DiskPlace::Side { name: format!("{number}.{}", Uuid::new_v4().simple()) }, 0),
    };
    // From here on the landing gives the slot back, whatever fails.
    let landing = Landing { area, number, place, kept: false };
    let dir = &landing.area.dir;
    let opened = match &landing.place {
        DiskPlace::Slot { .. } => dir.open_file(DATA, Access::Write),
        DiskPlace::Side { name } => dir.open_file(name, Access::CreateNew),
    };
    let file = opened.during(|| format!("open a place for part {number} of multipart upload {multipart}"))?;
    Ok(PartSink { landing, file, next })
}

impl Sink for PartSink {
    type Stored = StoredPart;

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        let area = &self.landing.area;
        match &self.landing.place {
            DiskPlace::Slot { .. } => area.write_slot(&self.file, bytes, self.next)?,
            DiskPlace::Side { name } => {
                area.check_open()?;
                let written = self.file.write_all_at(bytes, self.next);
                written
                    .during(|| format!("write side file {name} of multipart upload {}", area.multipart))?;
            }
        }
        self.next += bytes.len() as u64;
        Ok(())
    }

    fn finish(self, sums: Sums) -> Result<StoredPart, ObjectsError> {
        let Self { mut landing, file, .. } = self;
        landing.area.check_open()?;
        let synced = file.sync_data().and_then(|()| match landing.place {
            DiskPlace::Slot { .. } => Ok(()),
            DiskPlace::Side { .. } => landing.area.dir.sync(),
        });
        synced.during(|| format!("make part {} durable in {}", landing.number, landing.area.multipart))?;
        landing.kept = true;
        let place = landing.place.place();
        let in_slot = matches!(landing.place, DiskPlace::Slot { .. });
        Ok(StoredPart::new(place, in_slot, sums, move || {
            landing.kept = false;
            drop(landing);
        }))
    }
}

/// Removes the side file of a part that no row names any more.
pub(super) fn discard(root: &Arc<Root>, multipart: &str, place: &Place) -> Result<(), ObjectsError> {
    match DiskPlace::parse(place)? {
        // The slot stays taken: a row has named it, and its bytes go with the area.
        DiskPlace::Slot { .. } => Ok(()),
        DiskPlace::Side { name } => match Area::open(root.staging(), multipart)? {
            Some(area) => {
                area.dir.remove_file(&name).during(|| format!("remove side file {name} of {multipart}"))
            }
            None => Ok(()),
        },
    }
}
