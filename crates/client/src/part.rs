//! A stretch of the file on its way: read as it is sent, hashed as it is read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use md5::{Digest, Md5};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::oneshot;

use crate::progress::Attempt;

/// One read, bytes.
const CHUNK: u64 = 256 * 1024;

/// Part of a file.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

struct Reading {
    file: File,
    left: u64,
    md5: Md5,
}

impl Stretch {
    /// A body of `length` bytes, and the hex MD5 as soon as the last of them was read.
    pub(crate) async fn body(
        &self,
        attempt: Arc<Attempt>,
    ) -> io::Result<(reqwest::Body, oneshot::Receiver<String>)> {
        let (send, receive) = oneshot::channel();
        let start = Some((self.open().await?, send));
        let chunks = stream::unfold(start, move |state| {
            let attempt = Arc::clone(&attempt);
            async move {
                let (mut reading, send) = state?;
                match reading.chunk().await {
                    Ok(chunk) => {
                        attempt.sent(chunk.len() as u64);
                        // With a known length nobody polls for the end, so the last chunk has to know itself.
                        if reading.left > 0 {
                            return Some((Ok(chunk), Some((reading, send))));
                        }
                        // A request that was given up has dropped its receiver.
                        let _ = send.send(hex::encode(reading.md5.finalize()));
                        Some((Ok(chunk), None))
                    }
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        Ok((reqwest::Body::wrap_stream(chunks), receive))
    }

    /// The hex MD5.
    pub(crate) async fn md5(&self) -> io::Result<String> {
        let mut reading = self.open().await?;
        while reading.left > 0 {
            reading.chunk().await?;
        }
        Ok(hex::encode(reading.md5.finalize()))
    }

    async fn open(&self) -> io::Result<Reading> {
        let mut file = File::open(&self.path).await?;
        file.seek(io::SeekFrom::Start(self.offset)).await?;
        Ok(Reading { file, left: self.length, md5: Md5::new() })
    }
}

impl Reading {
    /// The next bytes, never none: a file that ends early is an error.
    async fn chunk(&mut self) -> io::Result<Bytes> {
        let wanted = self.left.min(CHUNK);
        let mut buffer = BytesMut::with_capacity(usize::try_from(wanted).unwrap_or(usize::MAX));
        let read = (&mut self.file).take(wanted).read_buf(&mut buffer).await?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
        }
        self.left -= read as u64;
        self.md5.update(&buffer);
        Ok(buffer.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stretch_has_its_own_md5_and_ends_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        std::fs::write(&path, b"xxhelloyy").unwrap();
        let stretch = Stretch { path, offset: 2, length: 5 };
        assert_eq!(stretch.md5().await.unwrap(), "5d41402abc4b2a76b9719d911017c592");
        let beyond = Stretch { length: 50, ..stretch };
        assert_eq!(beyond.md5().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
