//! What is sent: bodies cut from buffers that are made once, so that sending costs little more than the system calls.
//! A file is a real video, a `free` box that reaches to the end, and noise in it, which no file system can shrink.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context as Waker, Poll};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use md5::{Digest, Md5};
use rand::RngExt;

use crate::MIB;

/// Bytes of noise before it repeats: more than the processor's caches hold.
const NOISE: usize = 64 << 20;
/// Bytes that are given to the connection at once.
const PIECE: usize = 1 << 20;
/// A box of MP4 whose size is 0 reaches to the end of the file (ISO/IEC 14496-12 section 4.2).
const REST: [u8; 8] = *b"\0\0\0\0free";

/// The bytes of every file.
#[derive(Debug)]
pub(crate) struct Content {
    head: Bytes,
    noise: Bytes,
    /// MD5 by beginning and length, hex.
    known: Mutex<HashMap<(u64, u64), String>>,
}

/// A body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stretch {
    first: Bytes,
    noise: Bytes,
    /// Where the noise goes on.
    at: usize,
    /// Bytes after `first`.
    left: u64,
}

impl Content {
    /// With the video `sample` as the head.
    pub(crate) fn new(sample: &Path) -> Result<Self> {
        let head = std::fs::read(sample);
        let mut head = head.with_context(|| format!("sample {} cannot be read", sample.display()))?;
        head.extend_from_slice(&REST);
        let mut noise = vec![0; NOISE];
        rand::rng().fill(&mut noise[..]);
        Ok(Self { head: head.into(), noise: noise.into(), known: Mutex::default() })
    }

    /// `length` bytes of a file, from `offset` on.
    pub(crate) fn stretch(&self, offset: u64, length: u64) -> Stretch {
        let head = self.head.len() as u64;
        let (from, to) = (offset.min(head), (offset + length).min(head));
        let first = self.head.slice(index(from)..index(to));
        let left = length - first.len() as u64;
        let at = index(offset.max(head) % NOISE as u64);
        Stretch { first, noise: self.noise.clone(), at, left }
    }

    /// Hex MD5 of [`Self::stretch`].
    pub(crate) fn md5(&self, offset: u64, length: u64) -> String {
        let head = self.head.len() as u64;
        // Behind the head only the place in the noise counts.
        let begins = if offset < head { offset } else { head + offset % NOISE as u64 };
        let lock = || self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = lock().get(&(begins, length)) {
            return found.clone();
        }
        let mut md5 = Md5::new();
        let mut stretch = self.stretch(offset, length);
        while let Some(piece) = stretch.piece() {
            md5.update(&piece);
        }
        let md5 = hex(&md5.finalize());
        lock().insert((begins, length), md5.clone());
        md5
    }
}

impl Stretch {
    /// A body that is not cut from a file.
    pub(crate) fn of(text: impl Into<Bytes>) -> Self {
        Self { first: text.into(), ..Self::default() }
    }

    /// Bytes that are still to come.
    pub(crate) fn remaining(&self) -> u64 {
        self.first.len() as u64 + self.left
    }

    fn piece(&mut self) -> Option<Bytes> {
        if !self.first.is_empty() {
            let most = self.first.len().min(PIECE);
            return Some(self.first.split_to(most));
        }
        if self.left == 0 {
            return None;
        }
        let most = (self.noise.len() - self.at).min(PIECE).min(index(self.left));
        let piece = self.noise.slice(self.at..self.at + most);
        self.at = (self.at + most) % self.noise.len();
        self.left -= most as u64;
        Some(piece)
    }
}

impl Body for Stretch {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Waker<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}

/// Seconds of CPU time that the MD5 of `files` buffers of `size` bytes takes, on this thread.
pub(crate) fn md5_seconds(files: usize, size: u64) -> f64 {
    let buffer = vec![0x5a; index(size.min(16 * MIB))];
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let before = now();
    for _ in 0..files {
        std::hint::black_box(Md5::digest(std::hint::black_box(&buffer)));
    }
    now() - before
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Buffers are addressed with it; no buffer is larger than memory.
fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(mut stretch: Stretch) -> Vec<u8> {
        std::iter::from_fn(|| stretch.piece()).flatten().collect()
    }

    #[test]
    fn stretches_of_a_file_are_the_file_and_know_their_digest() {
        let directory = tempfile::tempdir().unwrap();
        let sample = directory.path().join("s.mp4");
        std::fs::write(&sample, b"a video").unwrap();
        let content = Content::new(&sample).unwrap();
        let size = NOISE as u64 + 3 * MIB;
        let whole = collect(content.stretch(0, size));
        assert_eq!(whole.len() as u64, size);
        assert!(whole.starts_with(b"a video\0\0\0\0free"));
        for (offset, length) in [(0, 5), (3, 40), (15, 1), (MIB, 2 * MIB), (NOISE as u64 - 5, MIB)] {
            let cut = collect(content.stretch(offset, length));
            assert_eq!(cut, whole[index(offset)..index(offset + length)], "{offset} {length}");
            assert_eq!(content.md5(offset, length), hex(&Md5::digest(&cut)));
        }
        assert_eq!(content.stretch(3, 40).remaining(), 40);
        assert_eq!(collect(Stretch::of("x")), b"x");
    }
}
