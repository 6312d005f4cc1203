//! Receiving one blob whole: its bytes under a key of their own, then its name.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::S3;
use super::names::Target;
use crate::digests::Sums;
use crate::pump::Sink;
use crate::{BlobName, Length, ObjectsError, StoredBlob};

/// Pieces that may wait for the connection, 128 KiB each.
const WAITING: usize = 4;

pub(super) struct BlobSink {
    s3: S3,
    blob: BlobName,
    data: String,
    bytes: Option<mpsc::Sender<Result<Bytes, io::Error>>>,
    sending: Option<JoinHandle<Result<(), ObjectsError>>>,
    collected: Vec<u8>,
}

pub(super) async fn begin(s3: &S3, blob: &BlobName, length: Length) -> Result<BlobSink, ObjectsError> {
    if s3.names.look_up(blob.as_str()).await?.is_some() {
        return Err(ObjectsError::AlreadyExists(format!("blob {blob}")));
    }
    let data = format!("data/{}", Uuid::new_v4().simple());
    let mut sink = BlobSink {
        s3: s3.clone(),
        blob: blob.clone(),
        data: data.clone(),
        bytes: None,
        sending: None,
        collected: Vec::new(),
    };
    if let Length::Exactly(length) = length {
        let (bytes, coming) = mpsc::channel(WAITING);
        let body = reqwest::Body::wrap_stream(stream::unfold(coming, |mut coming| async move {
            coming.recv().await.map(|piece| (piece, coming))
        }));
        let s3 = s3.clone();
        sink.sending = Some(tokio::spawn(async move { s3.client.put_stream(&data, body, length).await }));
        sink.bytes = Some(bytes);
    }
    Ok(sink)
}

impl Sink for BlobSink {
    type Stored = StoredBlob;

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        match &self.bytes {
            // The other end is gone when the request has failed: `finish` says why.
            Some(sender) if !bytes.is_empty() => {
                let _ = sender.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
            }
            Some(_) => {}
            None => self.collected.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finish(mut self, sums: Sums) -> Result<StoredBlob, ObjectsError> {
        let runtime = Handle::current();
        drop(self.bytes.take());
        match self.sending.take() {
            Some(sending) => runtime
                .block_on(sending)
                .unwrap_or_else(|error| Err(ObjectsError::io("send a blob", io::Error::other(error))))?,
            None => {
                let bytes = std::mem::take(&mut self.collected).into();
                runtime.block_on(self.s3.client.put(&self.data, bytes))?;
            }
        }
        let target = Target { data: self.data.clone(), size: sums.size };
        if runtime.block_on(self.s3.names.give(self.blob.as_str(), &target))? {
            return Ok(sums);
        }
        runtime.block_on(self.s3.client.delete(&self.data))?;
        Err(ObjectsError::AlreadyExists(format!("blob {}", self.blob)))
    }
}

impl Drop for BlobSink {
    /// A request under way is ended: its body is then shorter than announced, and the store keeps nothing of it.
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            let _ = bytes.try_send(Err(io::Error::other("given up")));
        }
    }
}
