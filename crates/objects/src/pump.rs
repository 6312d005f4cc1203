//! The async half of every writer: collects bytes into batches and hands them to a blocking [`Sink`].
//!
//! One batch is being collected while the one before is hashed and written, so a writer holds at most two. The sink
//! travels into the blocking task and back; whoever drops the writer, an operation under way keeps what it works on.

use std::{io, mem};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::digests::{Digests, Sums};
use crate::{BlobWriter, Length, ObjectsError, PartWriter, StoredBlob, StoredPart};

/// Bytes per hop to a blocking thread.
const BATCH: usize = 128 * 1024;

/// The blocking half of a writer. Dropped unfinished, it gives up what it wrote.
pub(crate) trait Sink: Send + 'static {
    /// What `finish` gives.
    type Stored: Send + 'static;

    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError>;

    /// Makes everything durable.
    fn finish(self, sums: Sums) -> Result<Self::Stored, ObjectsError>;
}

/// A writer over a sink.
pub(crate) struct Pump<S: Sink> {
    worker: Worker<S>,
    pending: Vec<u8>,
    received: u64,
    length: Length,
}

enum Worker<S> {
    Idle(Box<Work<S>>),
    Busy(JoinHandle<Result<Rested<S>, ObjectsError>>),
    /// An earlier call failed, or its caller went away in the middle of it.
    Gone,
}

/// A sink that has nothing to do, and an empty buffer.
type Rested<S> = (Box<Work<S>>, Vec<u8>);

struct Work<S> {
    sink: S,
    digests: Digests,
}

impl<S: Sink> Work<S> {
    fn accept(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.digests.update(bytes);
        self.sink.write(bytes)
    }
}

impl<S: Sink> Pump<S> {
    pub(crate) fn new(sink: S, length: Length, digests: Digests) -> Self {
        let work = Work { sink, digests };
        Self { worker: Worker::Idle(Box::new(work)), pending: Vec::new(), received: 0, length }
    }

    async fn take_in(&mut self, mut bytes: &[u8]) -> Result<(), ObjectsError> {
        let received = self.received.saturating_add(bytes.len() as u64);
        if received > self.length.max() {
            self.give_up();
            return Err(ObjectsError::TooLong { announced: self.length.max() });
        }
        self.received = received;
        while !bytes.is_empty() {
            let room = BATCH - self.pending.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == BATCH {
                self.hand_over().await?;
            }
        }
        Ok(())
    }

    /// Starts writing the collected batch once the one before is done.
    async fn hand_over(&mut self) -> Result<(), ObjectsError> {
        let (mut work, spare) = self.idle().await?;
        let batch = mem::replace(&mut self.pending, spare);
        self.worker = Worker::Busy(spawn_blocking(move || {
            work.accept(&batch)?;
            let mut spare = batch;
            spare.clear();
            Ok((work, spare))
        }));
        Ok(())
    }

    /// The sink, once it has nothing to do. Cancelled here, the writer is gone: some bytes were taken, some not.
    async fn idle(&mut self) -> Result<Rested<S>, ObjectsError> {
        match mem::replace(&mut self.worker, Worker::Gone) {
            Worker::Idle(work) => Ok((work, Vec::new())),
            Worker::Busy(task) => task.await.unwrap_or_else(|error| Err(stopped(error))),
            Worker::Gone => Err(ObjectsError::Io {
                action: "go on with a writer".to_owned(),
                source: io::Error::other("an earlier call failed or was cancelled"),
            }),
        }
    }

    async fn flush_and_finish(&mut self) -> Result<S::Stored, ObjectsError> {
        if let Length::Exactly(announced) = self.length
            && self.received != announced
        {
            return Err(ObjectsError::TooShort { announced, received: self.received });
        }
        let (mut work, _) = self.idle().await?;
        let batch = mem::take(&mut self.pending);
        off_reactor(move || {
            work.accept(&batch)?;
            let Work { sink, digests } = *work;
            sink.finish(digests.finish())
        })
        .await
    }

    /// Drops the sink where its clean-up may block; a task under way drops its own.
    fn give_up(&mut self) {
        match mem::replace(&mut self.worker, Worker::Gone) {
            Worker::Gone => {}
            worker @ (Worker::Idle(_) | Worker::Busy(_)) => {
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn_blocking(move || drop(worker));
                }
            }
        }
    }
}

impl<S: Sink> Drop for Pump<S> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[async_trait]
impl<S: Sink<Stored = StoredPart>> PartWriter for Pump<S> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError> {
        self.take_in(&bytes).await
    }

    async fn finish(mut self: Box<Self>) -> Result<StoredPart, ObjectsError> {
        self.flush_and_finish().await
    }
}

#[async_trait]
impl<S: Sink<Stored = StoredBlob>> BlobWriter for Pump<S> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError> {
        self.take_in(&bytes).await
    }

    async fn finish(mut self: Box<Self>) -> Result<StoredBlob, ObjectsError> {
        self.flush_and_finish().await
    }
}

/// Runs blocking work on a thread made for it. Work that has begun ends, whoever stops waiting for it.
pub(crate) async fn off_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectsError> + Send + 'static,
) -> Result<T, ObjectsError> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(stopped(error)))
}

/// A panic goes on in the caller; what is left is a runtime that shuts down.
fn stopped(error: JoinError) -> ObjectsError {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => ObjectsError::io("work on bytes", io::Error::other(error)),
    }
}
