//! The peer that sets the mark: a server that writes each body to a file and syncs it, and nothing else. With digests it
//! also computes MD5 and CRC-64 of what it writes, by the same crates as the server. It runs as a process of its own.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use tokio::net::TcpListener;

use super::content::hex;

/// Serves until it is killed.
pub(crate) fn serve(directory: PathBuf, digests: bool) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?);
        let sink = Arc::new(Sink { directory, digests, next: AtomicU64::new(0) });
        loop {
            let (stream, _) = listener.accept().await.context("no more connections can be taken")?;
            let _ = stream.set_nodelay(true);
            let sink = Arc::clone(&sink);
            let service = service_fn(move |request| answer(Arc::clone(&sink), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

#[expect(clippy::print_stderr, reason = "whoever starts it waits for this line, as for the server's own")]
fn announce(address: std::net::SocketAddr) {
    eprintln!("sink listens on http://{address}");
}

struct Sink {
    directory: PathBuf,
    digests: bool,
    next: AtomicU64,
}

async fn answer(
    sink: Arc<Sink>,
    request: Request<Incoming>,
) -> std::result::Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    match sink.store(request.into_body()).await {
        Ok(Some(md5)) => {
            if let Ok(value) = format!("\"{md5}\"").parse() {
                response.headers_mut().insert(header::ETAG, value);
            }
        }
        Ok(None) => {}
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}

impl Sink {
    /// Written where it is received: a write to the page cache takes less than a hop to another thread. Only the sync
    /// waits for the disk.
    async fn store(&self, mut body: Incoming) -> Result<Option<String>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut file = File::create_new(self.directory.join(number.to_string()))?;
        let mut digests = self.digests.then(|| (Md5::new(), Crc::new(CrcAlgorithm::Crc64Xz)));
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame?.into_data() else { continue };
            if let Some((md5, crc)) = &mut digests {
                md5.update(&bytes);
                crc.update(&bytes);
            }
            file.write_all(&bytes)?;
        }
        tokio::task::spawn_blocking(move || file.sync_data()).await??;
        Ok(digests.map(|(md5, crc)| {
            std::hint::black_box(crc.finalize());
            hex(&md5.finalize())
        }))
    }
}
