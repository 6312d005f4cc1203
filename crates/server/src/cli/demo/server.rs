//! The server under demonstration: this same program as a child process, on a data directory of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::bootstrap::{new_api_key, random_text};
use crate::roles::Role;

/// How long the server may take until it answers.
const START: Duration = Duration::from_secs(30);
/// How long it may take to drain before it is killed.
const STOP: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(50);
/// What the server says on standard error once its port is open; see `bootstrap::announce`.
const GREETING: &str = "Reelgate listens on ";
/// The only settings of the caller's environment that the demonstration's server may see.
const INHERITED: [&str; 2] = ["REELGATE_LOG", "REELGATE_MEDIA__SANDBOX"];

/// A running server; killed should this be dropped without [`Server::stop`].
pub(super) struct Server {
    child: Child,
    api_key: String,
    roles: Option<String>,
    access_log: PathBuf,
    messages: PathBuf,
}

impl Server {
    /// Starts it. Rows and bytes go to `data` in `directory`, its access log and messages into files beside that.
    pub(super) fn start(directory: &Path, roles: Option<&str>) -> Result<Self> {
        let (access_log, messages) = (directory.join("access.log"), directory.join("server.log"));
        let api_key = new_api_key();
        let mut command = program()?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory.join("data"));
        if let Some(roles) = roles {
            command.args(["--roles", roles]);
        }
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("REELGATE_") && !INHERITED.contains(&text.as_ref()) {
                command.env_remove(&name);
            }
        }
        let child = command
            .env("REELGATE_ROOT__SECRET_ID", format!("AKID{}", random_text(32)))
            .env("REELGATE_ROOT__SECRET_KEY", random_text(32))
            .env("REELGATE_ROOT__API_KEY", &api_key)
            .env("REELGATE_ROOT__ADMIN_TOKEN", new_api_key())
            // The receiver of this process lives on the loopback, where events otherwise never go.
            .env("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#)
            .stdin(Stdio::null())
            .stdout(create(&access_log)?)
            .stderr(create(&messages)?)
            // Ctrl-C in a terminal reaches us alone, so that we stop the server and not the terminal.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("the server cannot be started")?;
        Ok(Self { child, api_key, roles: roles.map(str::to_owned), access_log, messages })
    }

    /// Waits until the server answers `/readyz`; returns its origin, which it chose the port of.
    pub(super) async fn ready(&mut self) -> Result<String> {
        let deadline = Instant::now() + START;
        let origin = loop {
            let said = self.messages_so_far();
            let complete = &said[..said.rfind('\n').map_or(0, |end| end + 1)];
            if let Some(line) = complete.lines().find_map(|line| line.strip_prefix(GREETING)) {
                break line.trim().to_owned();
            }
            self.wait_a_moment(deadline).await?;
        };
        let ready = format!("{origin}/readyz");
        let http = super::doors::http()?;
        loop {
            if http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(origin);
            }
            self.wait_a_moment(deadline).await?;
        }
    }

    /// The backend's key, given to the server at its start.
    pub(super) fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The roles it was started with.
    pub(super) fn roles(&self) -> String {
        self.roles.clone().unwrap_or_else(|| Role::ALL.map(Role::as_str).join(","))
    }

    /// Where its access log is written to.
    pub(super) fn access_log(&self) -> &Path {
        &self.access_log
    }

    /// Lets it drain for a moment, then kills it.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // It may have ended by itself: then there is nothing to stop.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if timeout(STOP, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    async fn wait_a_moment(&mut self, deadline: Instant) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("the server cannot be watched")? {
            let said = self.messages_so_far();
            bail!(
                "the server ended with {status}: {}",
                said.trim().lines().last().unwrap_or("it said nothing")
            );
        }
        if Instant::now() > deadline {
            bail!("the server was not ready within {} s", START.as_secs());
        }
        sleep(PAUSE).await;
        Ok(())
    }

    fn messages_so_far(&self) -> String {
        std::fs::read(&self.messages)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demonstration starts the server it shows; no media is involved"
)]
fn program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe().context("the path of this program is unknown")?))
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("log file {} cannot be made", path.display()))
}
