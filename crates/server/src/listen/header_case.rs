//! Header names of the object leg in the spelling of the vendor. HTTP does not care, but the COS Python SDK hands its
//! callers a plain dictionary, in which `etag` is not `ETag`.
//!
//! hyper writes names in lower case, or as a map in the extensions of the response says. That map cannot be made, only be
//! received, so it is learned once: from a request that this process sends to itself, over no wire.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::{Extensions, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

/// The vendor's spelling of what the object leg answers with.
const SPELLING: &[&str] = &[
    "Accept-Ranges",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Date",
    "ETag",
    "Last-Modified",
    "Server",
];

/// Marks an answer whose header names are to be spelled as the vendor spells them.
#[derive(Clone, Copy, Debug)]
pub struct VendorSpelling;

/// The map, ready to be put into answers.
#[derive(Clone)]
pub(super) struct HeaderCase(Arc<Extensions>);

impl HeaderCase {
    /// Learns the spelling from a request to ourselves.
    pub(super) async fn learn() -> Result<Self> {
        let (mut client, server) = tokio::io::duplex(4096);
        let (told, mut learned) = mpsc::channel(1);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let _ = told.try_send(request.extensions().clone());
            async { Ok::<_, Infallible>(Response::new(axum::body::Body::empty())) }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .preserve_header_case(true)
            .keep_alive(false)
            .serve_connection(TokioIo::new(server), service);
        let mut canned = "GET / HTTP/1.1\r\n".to_owned();
        for name in SPELLING {
            let value = if *name == "Content-Length" { "0" } else { "x" };
            canned.push_str(&format!("{name}: {value}\r\n"));
        }
        canned.push_str("Host: x\r\n\r\n");
        client.write_all(canned.as_bytes()).await.context("a pipe in memory was closed")?;
        served.await.context("the spelling of header names could not be learned")?;
        learned
            .recv()
            .await
            .map(|map| Self(Arc::new(map)))
            .context("the spelling of header names did not arrive")
    }

    /// Gives `response` the spelling if it is marked.
    pub(super) fn apply<B>(&self, response: &mut Response<B>) {
        if response.extensions().get::<VendorSpelling>().is_some() {
            response.extensions_mut().extend(Extensions::clone(&self.0));
        }
    }
}
