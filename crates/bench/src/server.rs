//! The server that is measured: a child process on a fresh SQLite file and directory, with all its roles.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// How long the server may take until it listens.
const START: Duration = Duration::from_secs(30);
/// What the server says on standard error once its port is open.
const GREETING: &str = "Reelgate listens on ";
/// Known to nobody else: the server lives on the loopback, for one measurement.
const API_KEY: &str = "rgk_bench0bench0bench0bench0bench0bench0";

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pid: u32,
    origin: String,
}

impl Server {
    /// Starts `program` with rows and bytes in `directory`.
    pub(crate) async fn start(program: &Path, directory: &Path) -> Result<Self> {
        let mut child = command(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory.join("data"))
            .env("REELGATE_ROOT__API_KEY", API_KEY)
            .env("REELGATE_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started; `make build` builds it", program.display()))?;
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

    /// A key of its main application.
    pub(crate) fn api_key(&self) -> &str {
        API_KEY
    }

    /// Ends it; nothing of it is needed any more.
    pub(crate) async fn stop(mut self) {
        let _ = self.child.kill().await;
    }
}

/// Reads up to the greeting; the rest is read away so that the server never waits for us.
async fn greeting(messages: ChildStderr) -> Result<String> {
    let mut lines = BufReader::new(messages).lines();
    let mut last = String::new();
    while let Some(line) = lines.next_line().await.context("the server's messages cannot be read")? {
        if let Some(origin) = line.strip_prefix(GREETING) {
            let origin = origin.trim().to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(origin);
        }
        last = line;
    }
    bail!("the server ended: {last}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the benchmark starts the server it measures; no media is involved"
)]
fn command(program: &Path) -> Command {
    Command::new(program)
}
