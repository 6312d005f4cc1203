//! Very many requests at the same moment: connections that are all open before the first byte is sent, and on each of
//! them several requests, one behind the other, without waiting for an answer (HTTP/1.1 pipelining).
//!
//! A connection for each request would need 20,000 descriptors on this machine alone, in three processes, where the
//! usual limit is 1,024. With pipelining every request is on the wire, in the hands of a kernel, before the first answer
//! is read; a server works on one request of each connection at a time, which with 2,000 connections is far more than its
//! database connections let through.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::{Instant, timeout};

const MOST_CONNECTIONS: usize = 2_000;
/// What this process needs for everything else.
const KEPT: usize = 500;
const PATIENCE: Duration = Duration::from_secs(240);

/// What came back.
pub(super) struct Flood {
    /// Of each request, in no order.
    pub(super) answers: Vec<Value>,
    pub(super) connections: usize,
    /// Requests that had been sent when the first answer was read.
    pub(super) in_flight: usize,
    pub(super) took: Duration,
}

struct Line {
    requests: usize,
    sent: Instant,
    first: Instant,
    answers: Vec<Value>,
}

/// Posts `bodies` to the UGC door's Apply, spread over `servers`.
pub(super) async fn apply_all(servers: &[SocketAddr], bodies: Vec<String>) -> Flood {
    let count = bodies.len();
    let connections = MOST_CONNECTIONS.min(descriptors().saturating_sub(KEPT)).clamp(1, count);
    let streams =
        join_all((0..connections).map(|number| TcpStream::connect(servers[number % servers.len()]))).await;
    let mut waiting: Vec<(String, usize)> = vec![(String::new(), 0); connections];
    for (number, body) in bodies.iter().enumerate() {
        let (text, requests) = &mut waiting[number % connections];
        text.push_str(&format!(
            "POST /v3/index.php?Action=ApplyUploadUGC HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        *requests += 1;
    }
    let start = std::sync::Arc::new(Barrier::new(connections + 1));
    let lines: Vec<_> = streams
        .into_iter()
        .zip(waiting)
        .map(|(stream, (text, requests))| {
            let (stream, start) = (stream.unwrap(), std::sync::Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                line(stream, text, requests).await.unwrap()
            })
        })
        .collect();
    start.wait().await;
    let began = Instant::now();
    let lines = timeout(PATIENCE, join_all(lines)).await.expect("all are answered in time");
    let lines: Vec<Line> = lines.into_iter().map(Result::unwrap).collect();
    let first = lines.iter().map(|line| line.first).min().unwrap();
    let in_flight = lines.iter().filter(|line| line.sent <= first).map(|line| line.requests).sum();
    let answers = lines.into_iter().flat_map(|line| line.answers).collect();
    Flood { answers, connections, in_flight, took: began.elapsed() }
}

async fn line(mut stream: TcpStream, text: String, requests: usize) -> std::io::Result<Line> {
    stream.write_all(text.as_bytes()).await?;
    let sent = Instant::now();
    let (mut buffer, mut answers, mut first) = (Vec::new(), Vec::new(), None);
    while answers.len() < requests {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        first.get_or_insert_with(Instant::now);
        while let Some((answer, length)) = parse(&buffer) {
            buffer.drain(..length);
            answers.push(answer);
        }
    }
    Ok(Line { requests, sent, first: first.unwrap_or(sent), answers })
}

/// The first answer in `buffer` and how long it is, once it is there as a whole.
fn parse(buffer: &[u8]) -> Option<(Value, usize)> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).unwrap().to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200 "), "{text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length");
    let end = head + length.parse::<usize>().unwrap();
    let body = buffer.get(head..end)?;
    Some((serde_json::from_slice(body).unwrap(), end))
}

/// Files that a process may have open; servers have the limit of this one.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}
