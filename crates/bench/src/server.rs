//! Servers that are measured: child processes on the loopback, each of which tells its address when it is ready.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);
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
        let _ = self.child.kill().await;
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
