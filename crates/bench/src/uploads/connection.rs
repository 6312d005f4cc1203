//! One connection of the load: HTTP/1.1, kept alive, one request in flight.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::content::Stretch;

/// A connection that is made anew when the server has closed it.
pub(crate) struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Stretch>>,
}

/// What came back, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Connection {
    /// To the server at `address`; made with the first request.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Sends a request and reads its answer, which must be a success.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Stretch,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(target);
        request = request.header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).context("a request cannot be made")?;
        let sender = self.ready().await?;
        let response = sender.send_request(request).await;
        let response = response.with_context(|| format!("{method} {target} was not answered"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.context("an answer cannot be read")?.to_bytes();
        check(method, target, parts.status, &body)?;
        Ok(Answer { headers: parts.headers, body })
    }

    async fn ready(&mut self) -> Result<&mut SendRequest<Stretch>> {
        let usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.sender = Some(open(self.address).await?);
        }
        self.sender.as_mut().context("there is no connection")
    }
}

async fn open(address: SocketAddr) -> Result<SendRequest<Stretch>> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.with_context(|| format!("{address} cannot be connected to"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its errors reach whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn check(method: &str, target: &str, status: StatusCode, body: &[u8]) -> Result<()> {
    if !status.is_success() {
        let body = String::from_utf8_lossy(&body[..body.len().min(500)]);
        bail!("{method} {target} was answered with {status}: {body}");
    }
    Ok(())
}
