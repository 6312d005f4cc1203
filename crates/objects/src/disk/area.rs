//! One staging area: the directory in which the parts of one multipart upload gather.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use uuid::Uuid;

use super::book::Book;
use super::dir::{Access, Dir};
use super::root::DOOMED;
use crate::ObjectsError;
use crate::error::During;

/// The staging file. It is missing only before the first part and after completion.
pub(super) const DATA: &str = "data";
const BOOK: &str = "book";
/// Held by whoever completes or discards.
const TURN: &str = "turn";

/// An open staging area.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) multipart: String,
    pub(super) dir: Dir,
    pub(super) book: Book,
}

impl Area {
    /// The area, or `None` where there is none.
    pub(super) fn open(staging: &Dir, multipart: &str) -> Result<Option<Self>, ObjectsError> {
        match staging.dir(multipart) {
            Ok(dir) => Self::with_book(dir, multipart).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ObjectsError::io(format!("open staging area {multipart}"), error)),
        }
    }

    /// The area, made if missing.
    pub(super) fn open_or_make(staging: &Dir, multipart: &str) -> Result<Self, ObjectsError> {
        let dir = staging.make_dir(multipart).during(|| format!("make staging area {multipart}"))?;
        Self::with_book(dir, multipart)
    }

    fn with_book(dir: Dir, multipart: &str) -> Result<Self, ObjectsError> {
        let book = match dir.open_file(BOOK, Access::WriteOrCreate) {
            // The area was discarded in this very moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ObjectsError::Sealed(multipart.to_owned()));
            }
            book => book.during(|| format!("open the book of staging area {multipart}"))?,
        };
        Ok(Self { multipart: multipart.to_owned(), dir, book: Book::new(book) })
    }

    /// Enters the area to write part `number`, and takes its slot if `slot_size` is given and the slot is free. The area and
    /// its staging file are durable before the first writer is let in.
    pub(super) fn enter(
        &self,
        staging: &Dir,
        number: u32,
        slot_size: Option<u64>,
    ) -> Result<bool, ObjectsError> {
        let entered = self.book.alone(|page| {
            if page.sealed()? {
                return Ok(None);
            }
            if !page.durable()? {
                self.dir.open_file(DATA, Access::WriteOrCreate)?;
                self.dir.sync()?;
                staging.sync()?;
                page.set_durable()?;
            }
            slot_size.map_or(Ok(false), |size| page.take_slot(number, size)).map(Some)
        });
        entered.during(|| self.about("enter"))?.ok_or_else(|| self.sealed())
    }

    /// Refuses once the area is sealed.
    pub(super) fn check_open(&self) -> Result<(), ObjectsError> {
        if self.book.sealed().during(|| self.about("look into"))? { Err(self.sealed()) } else { Ok(()) }
    }

    /// Writes into the staging file at `offset` unless the area is sealed. The lock on the staging file is what a seal waits
    /// for; it is not the book's, so that a steady stream of writes keeps nobody from entering.
    pub(super) fn write_slot(&self, data: &File, bytes: &[u8], offset: u64) -> Result<(), ObjectsError> {
        data.lock_shared().during(|| self.about("lock the staging file of"))?;
        let written = self.check_open().and_then(|()| {
            data.write_all_at(bytes, offset).during(|| self.about("write into the staging file of"))
        });
        data.unlock().during(|| self.about("unlock the staging file of"))?;
        written
    }

    /// Sets the seal, then waits for the writes that were let in before it.
    pub(super) fn seal(&self) -> Result<(), ObjectsError> {
        self.book.alone(|page| page.seal()).during(|| self.about("seal"))?;
        match self.dir.open_file(DATA, Access::Write) {
            Ok(data) => data.lock().during(|| self.about("wait for the writers of")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(ObjectsError::io(self.about("open the staging file of"), error)),
        }
    }

    /// Waits until nobody else completes or discards this area.
    pub(super) fn turn(&self) -> Result<File, ObjectsError> {
        let lock = self.dir.open_file(TURN, Access::WriteOrCreate);
        lock.and_then(|lock| lock.lock().map(|()| lock)).during(|| self.about("lock"))
    }

    pub(super) fn about(&self, action: &str) -> String {
        format!("{action} staging area {}", self.multipart)
    }

    fn sealed(&self) -> ObjectsError {
        ObjectsError::Sealed(self.multipart.clone())
    }
}

/// Removes an area with everything in it. It loses its name first, so that nobody finds half of it.
pub(super) fn discard(staging: &Dir, multipart: &str) -> Result<(), ObjectsError> {
    let Some(area) = Area::open(staging, multipart)? else { return Ok(()) };
    area.seal()?;
    let _turn = match area.turn() {
        // Discarded by another while we waited.
        Err(ObjectsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        turn => turn?,
    };
    let doomed = format!("{DOOMED}{}", Uuid::new_v4().simple());
    match staging.rename(multipart, staging, &doomed) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.and_then(|()| staging.sync()).during(|| area.about("discard"))?,
    }
    // Writers that were let in before may still hold files open; those end with their handles.
    staging.remove_tree(&doomed).during(|| area.about("remove the files of"))
}
