//! The load: some connections that are kept alive, one request in flight on each, prepared bytes, next to no work
//! between an answer and the next request. It shares the machine with the server, so what counts is the server's
//! CPU time, not ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::histogram::Histogram;
use crate::{cpu, memory};

/// Connections at once.
pub(crate) const CONNECTIONS: usize = 64;
/// Room for one answer; more is made when it does not do.
const ROOM: usize = 8 << 10;

/// What the workers are doing: nothing of it counts, it counts, it is over.
const WARM_UP: u8 = 0;
const COUNT: u8 = 1;
const STOP: u8 = 2;

/// How long a round takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Before anything counts.
    pub(crate) warm_up: Duration,
    /// What counts.
    pub(crate) measure: Duration,
}

/// What one round has shown.
#[derive(Debug)]
pub(crate) struct Round {
    /// How long each request took; also how many there were.
    pub(crate) latency: Histogram,
    /// How long was measured.
    pub(crate) seconds: f64,
    /// CPU time of the server meanwhile, seconds.
    pub(crate) cpu: f64,
    /// Resident at its end, bytes.
    pub(crate) resident: u64,
    /// The most that was resident since the server started, bytes.
    pub(crate) peak: u64,
}

impl Round {
    /// Answers for each second of the server's CPU time.
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.latency.count() as f64 / self.cpu
    }
}

/// One request, on a connection of its own; the body of its answer.
pub(crate) async fn once(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.ask(request).await?;
    Ok(connection.received[answer.head..answer.length()].to_vec())
}

/// Sends `requests` in turn to the server that is process `pid`, for one round.
pub(crate) async fn round(
    address: SocketAddr,
    pid: u32,
    requests: &Arc<Vec<Vec<u8>>>,
    timing: Timing,
) -> Result<Round> {
    let phase = Arc::new(AtomicU8::new(WARM_UP));
    let mut workers = JoinSet::new();
    for number in 0..CONNECTIONS {
        let first = requests.len() * number / CONNECTIONS;
        workers.spawn(work(address, Arc::clone(requests), first, Arc::clone(&phase)));
    }
    let mut round = tokio::select! {
        measured = measure(pid, &phase, timing) => measured?,
        ended = workers.join_next() => {
            let failure = ended.map(|ended| ended.map_err(anyhow::Error::from).and_then(|ended| ended.map(drop)));
            return Err(failure.and_then(Result::err).unwrap_or_else(|| anyhow!("the load ended too early")));
        }
    };
    while let Some(ended) = workers.join_next().await {
        round.latency.add(&ended??);
    }
    Ok(round)
}

/// Everything but the latencies.
async fn measure(pid: u32, phase: &AtomicU8, timing: Timing) -> Result<Round> {
    tokio::time::sleep(timing.warm_up).await;
    let (began, cpu_before) = (Instant::now(), cpu::seconds(pid)?);
    phase.store(COUNT, Ordering::Relaxed);
    tokio::time::sleep(timing.measure).await;
    phase.store(STOP, Ordering::Relaxed);
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu::seconds(pid)? - cpu_before);
    let (resident, peak) = (memory::resident(pid)?, memory::peak(pid)?);
    if cpu <= 0.0 {
        bail!("the server used no CPU time that the kernel would count; measure longer (--seconds)");
    }
    Ok(Round { latency: Histogram::default(), seconds, cpu, resident, peak })
}

/// One connection, until it is told to stop.
async fn work(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    phase: Arc<AtomicU8>,
) -> Result<Histogram> {
    let mut connection = Connection::open(address).await?;
    let mut latency = Histogram::default();
    let mut sent = Instant::now();
    for request in requests.iter().cycle().skip(first) {
        connection.ask(request).await?;
        let now = Instant::now();
        match phase.load(Ordering::Relaxed) {
            WARM_UP => {}
            COUNT => latency.record(now.duration_since(sent).as_micros() as u64),
            _ => break,
        }
        sent = now;
    }
    Ok(latency)
}

/// A connection and what has come on it.
struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    filled: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("{address} cannot be connected to"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: vec![0; ROOM], filled: 0 })
    }

    /// Sends a request and reads its answer, which must be 200. It stays in `received` until the next request.
    async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.filled = 0;
        self.stream.write_all(request).await.context("a request cannot be sent")?;
        let mut answer = None;
        loop {
            if answer.is_none() {
                answer = Answer::read(&self.received[..self.filled])?;
            }
            match answer {
                Some(answer) if self.filled >= answer.length() => return self.accepted(answer),
                Some(answer) if self.received.len() < answer.length() => {
                    self.received.resize(answer.length(), 0);
                }
                None if self.filled == self.received.len() => bail!("the head of an answer has no end"),
                _ => {}
            }
            match self.stream.read(&mut self.received[self.filled..]).await {
                Ok(0) => bail!("the server closed the connection instead of answering"),
                Ok(more) => self.filled += more,
                Err(error) => return Err(error).context("an answer cannot be read"),
            }
        }
    }

    fn accepted(&self, answer: Answer) -> Result<Answer> {
        if answer.status != 200 {
            let body = String::from_utf8_lossy(&self.received[answer.head..answer.length()]);
            bail!("the server answered {} instead of 200: {body}", answer.status);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each request of each connection with the next of these bodies and 200, and with 503 when none is left.
    async fn server(bodies: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bodies = bodies.iter();
                    while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {
                        let (status, body) = bodies.next().map_or((503, "no more"), |body| (200, *body));
                        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                        // In two pieces, as a network may deliver it.
                        stream.write_all(head.as_bytes()).await.unwrap();
                        stream.write_all(body.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_and_the_next_one_starts_afresh() {
        let long: &'static str = "x".repeat(3 * ROOM).leak();
        let bodies: &'static [&'static str] = vec!["one", long, ""].leak();
        let mut connection = Connection::open(server(bodies).await).await.unwrap();
        for body in bodies {
            let answer = connection.ask(b"?").await.unwrap();
            assert_eq!(&connection.received[answer.head..answer.length()], body.as_bytes());
        }
    }

    #[tokio::test]
    async fn one_wrong_status_ends_the_round_and_tells_the_body() {
        let address = server(&["fine", "fine"]).await;
        let long = Timing { warm_up: Duration::from_secs(60), measure: Duration::from_secs(60) };
        let requests = Arc::new(vec![b"?".to_vec()]);
        let error = round(address, std::process::id(), &requests, long).await.unwrap_err();
        assert_eq!(error.to_string(), "the server answered 503 instead of 200: no more");
    }
}
