//! The one port: accepts connections, speaks TLS when told to, bounds what a slow client can hold, and drains.

mod access;
pub mod access_log;
mod header_case;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::header_case::HeaderCase;
pub use access::{AccessNote, log_access, log_access_of};
pub use header_case::VendorSpelling;

use crate::config::TlsFiles;
use crate::http::router::Doors;

/// How long a client may take to send a request head, also between two requests of a kept-alive connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes that a connection reads ahead. What is larger is memory for each client and saves no time.
const READ_BUFFER: usize = 128 * 1024;
/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;
/// How long open requests may go on after the stop signal.
const DRAIN: Duration = Duration::from_secs(25);

/// Who is on the other end of the connection, and how they reached us.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address connected from (a proxy's, if there is one).
    pub addr: SocketAddr,
    /// Whether this very connection is TLS.
    pub tls: bool,
}

/// Set when the server stops: answers that would go on for ever end then, so that draining does not wait for them.
#[derive(Clone, Debug, Default)]
pub struct Stopping(pub CancellationToken);

/// An open port, not yet served. Binding and serving are apart so that the address can be told first.
pub struct Listener {
    tcp: TcpListener,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    header_case: HeaderCase,
}

impl Listener {
    /// Opens `addr`. Errors name the address or the certificate file.
    pub async fn bind(addr: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self> {
        let acceptor = tls.map(tls::acceptor).transpose()?;
        let tcp = TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}"))?;
        Ok(Self { tcp, acceptor, header_case: HeaderCase::learn().await? })
    }

    /// The address really bound (the port may have been 0).
    pub fn addr(&self) -> Result<SocketAddr> {
        self.tcp.local_addr().context("the listening socket has no address")
    }

    /// Serves until `stop`, then lets open requests finish for a while.
    pub async fn serve(self, doors: impl Into<Doors>, stop: CancellationToken) {
        let doors = doors.into();
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, addr)) => {
                    let connection = Connection {
                        acceptor: self.acceptor.clone(),
                        header_case: self.header_case.clone(),
                        doors: doors.clone(),
                        addr,
                        stop: stop.clone(),
                    };
                    let watcher = graceful.watcher();
                    tokio::spawn(async move {
                        connection.serve(stream, watcher).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: wait for some to come back instead of spinning.
                    tracing::error!(%error, "accepting a connection failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.tcp);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!(drain_s = DRAIN.as_secs(), "requests were still open when the drain time ended");
        }
    }
}

struct Connection {
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    header_case: HeaderCase,
    doors: Doors,
    addr: SocketAddr,
    stop: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, graceful: Watcher) {
        let _ = stream.set_nodelay(true);
        let peer = Peer { addr: self.addr, tls: self.acceptor.is_some() };
        let service =
            Service { header_case: self.header_case, doors: self.doors, peer, stopping: Stopping(self.stop) };
        let Some(acceptor) = self.acceptor else { return serve_io(stream, service, graceful).await };
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => serve_io(stream, service, graceful).await,
            Ok(Err(error)) => tracing::debug!(%error, client = %peer.addr, "TLS handshake failed"),
            Err(_) => tracing::debug!(client = %peer.addr, "TLS handshake took too long"),
        }
    }
}

/// What answers the requests of one connection.
#[derive(Clone)]
struct Service {
    header_case: HeaderCase,
    doors: Doors,
    peer: Peer,
    stopping: Stopping,
}

impl Service {
    async fn answer(self, mut request: http::Request<hyper::body::Incoming>) -> axum::response::Response {
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.stopping);
        let mut response = self.doors.answer(request.map(axum::body::Body::new)).await;
        self.header_case.apply(&mut response);
        response
    }
}

async fn serve_io<I>(io: I, service: Service, graceful: Watcher)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let client = service.peer.addr;
    let service = hyper::service::service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(100)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(io), service);
    if let Err(error) = graceful.watch(connection).await {
        tracing::debug!(%error, %client, "connection ended early");
    }
}
