//! Servers that are measured: child processes on the loopback, which tell their address when they are ready, or are told
//! theirs.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::cpu;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);
/// Between two looks whether a silent one listens.
const POLL: Duration = Duration::from_millis(20);
/// What stands between a server's name and its origin, on standard error, once its port is open.
const GREETING: &str = " listens on ";
/// How many of its last lines are told of a server that ends instead.
const LAST_WORDS: usize = 5;
/// Known to nobody else: the server lives on the loopback, for one measurement.
pub(crate) const API_KEY: &str = "rgk_bench0bench0bench0bench0bench0bench0";

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pid: u32,
    origin: String,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(mut command: Command) -> Result<Self> {
        let program = command.as_std().get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let pid = child.id().context("the server has ended at once")?;
        let messages = child.stderr.take().context("the server has no standard error")?;
        let origin = timeout(START, greeting(messages)).await;
        let origin =
            origin.with_context(|| format!("the server was not ready within {} s", START.as_secs()))??;
        Ok(Self { child, pid, origin })
    }

    /// Starts one that says nothing and waits until it takes connections at `address`. What it says goes to `log`.
    pub(crate) async fn start_at(mut command: Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let program = command.as_std().get_program().to_owned();
        let output = File::create(log).with_context(|| format!("{} cannot be made", log.display()))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let pid = child.id().context("the server has ended at once")?;
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).await.is_err() {
            let ended = child.try_wait().context("the server cannot be watched")?.is_some();
            if ended || Instant::now() > deadline {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let last: Vec<_> = said.lines().rev().take(LAST_WORDS).collect();
                bail!("{} does not listen: {}", program.display(), last.join(" / "));
            }
            sleep(POLL).await;
        }
        Ok(Self { child, pid, origin: format!("http://{address}") })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it listens, without a trailing slash.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The address in its origin.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let host = self.origin.rsplit('/').next().unwrap_or_default();
        host.parse().with_context(|| format!("{} holds no address", self.origin))
    }

    /// Ends it; nothing of it is needed any more.
    pub(crate) async fn stop(mut self) {
        let started = cpu::descendants(self.pid);
        let _ = self.child.kill().await;
        kill(&started);
    }
}

impl Drop for Server {
    /// What it has started goes as well: workers outlive a master that is killed.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let started = cpu::descendants(self.pid);
            let _ = self.child.start_kill();
            kill(&started);
        }
    }
}

fn kill(processes: &[u32]) {
    for id in processes {
        if let Some(pid) = i32::try_from(*id).ok().and_then(Pid::from_raw) {
            // One that has ended by itself is what was wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Reelgate, with rows and bytes in `directory`. `roles` as its command line takes them; empty: all.
pub(crate) fn reelgate(file: &Path, directory: &Path, roles: &str) -> Command {
    let mut command = program(file);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory.join("data"));
    if !roles.is_empty() {
        command.args(["--roles", roles]);
    }
    command.env("REELGATE_ROOT__API_KEY", API_KEY).env("REELGATE_LOG", "warn");
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "the benchmark starts the servers it measures and asks for versions; no media is involved"
)]
pub(crate) fn program(file: &Path) -> Command {
    Command::new(file)
}

/// Reads up to the greeting; the rest is read away so that the server never waits for us.
async fn greeting(messages: ChildStderr) -> Result<String> {
    let mut lines = BufReader::new(messages).lines();
    let mut last = Vec::new();
    while let Some(line) = lines.next_line().await.context("the server's messages cannot be read")? {
        if let Some((_, origin)) = line.split_once(GREETING) {
            let origin = origin.trim().to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(origin);
        }
        last.push(line);
    }
    bail!("the server ended: {}", last[last.len().saturating_sub(LAST_WORDS)..].join(" / "))
}

/// Ports that nobody listens on now; all different.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #[test]
    fn free_ports_differ() {
        let mut ports = super::free_ports::<8>().unwrap().to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8);
    }
}
