//! The book of a staging area: who may write where, kept in one small file and guarded by a file lock.
//!
//! It is a file and not a table of this process, so that two processes on one shared directory obey the same rules
//! through the same code, and so that a slot which a dead process may have filled is not entered again. It says nothing about
//! acknowledged parts: those are rows. Losing it costs copies, not bytes.
//!
//! Layout: byte 0 sealed, byte 1 the area's entries are durable, bytes 8 to 15 part size (little endian, 0 unknown), byte
//! 16 + n part n's slot is taken.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const SEALED: u64 = 0;
const DURABLE: u64 = 1;
const PART_SIZE: u64 = 8;
const SLOTS: u64 = 16;

/// The open book. Locks belong to this handle, so every writer has its own.
#[derive(Debug)]
pub(super) struct Book(File);

/// The book while nobody else reads or writes it.
pub(super) struct Page<'a>(&'a File);

impl Book {
    pub(super) fn new(file: File) -> Self {
        Self(file)
    }

    /// Runs `change` while nobody else looks into the book. Only for moments: nothing but the book is touched.
    pub(super) fn alone<T>(&self, change: impl FnOnce(&Page<'_>) -> io::Result<T>) -> io::Result<T> {
        self.0.lock()?;
        let outcome = change(&Page(&self.0));
        self.0.unlock()?;
        outcome
    }

    /// Whether the area takes no more bytes. Read under the lock, without which a network file system may answer from
    /// an old copy.
    pub(super) fn sealed(&self) -> io::Result<bool> {
        self.0.lock_shared()?;
        let outcome = Page(&self.0).sealed();
        self.0.unlock()?;
        outcome
    }
}

impl Page<'_> {
    pub(super) fn sealed(&self) -> io::Result<bool> {
        self.flag(SEALED)
    }

    pub(super) fn seal(&self) -> io::Result<()> {
        self.0.write_all_at(&[1], SEALED)
    }

    pub(super) fn durable(&self) -> io::Result<bool> {
        self.flag(DURABLE)
    }

    pub(super) fn set_durable(&self) -> io::Result<()> {
        self.0.write_all_at(&[1], DURABLE)
    }

    /// Takes the slot of part `number` unless someone has it or the area's slots have another size.
    pub(super) fn take_slot(&self, number: u32, part_size: u64) -> io::Result<bool> {
        let place = SLOTS + u64::from(number);
        let known = self.part_size()?;
        if (known != 0 && known != part_size) || self.flag(place)? {
            return Ok(false);
        }
        if known == 0 {
            self.0.write_all_at(&part_size.to_le_bytes(), PART_SIZE)?;
        }
        self.0.write_all_at(&[1], place)?;
        Ok(true)
    }

    /// Gives a slot back into which nothing acknowledged was written.
    pub(super) fn free_slot(&self, number: u32) -> io::Result<()> {
        self.0.write_all_at(&[0], SLOTS + u64::from(number))
    }

    fn part_size(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.read(&mut bytes, PART_SIZE)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn flag(&self, at: u64) -> io::Result<bool> {
        let mut byte = [0];
        self.read(&mut byte, at)?;
        Ok(byte[0] != 0)
    }

    /// Bytes behind the end are 0.
    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.0.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
