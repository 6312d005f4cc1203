//! Children that read strangers' bytes.
//!
//! A child is started through a **helper**: our own binary with [`HELPER_ARGUMENT`] first, which confines itself
//! (resource limits, Landlock, seccomp, no new privileges) and then becomes ffmpeg or ffprobe by `exec`. The
//! confinement cannot be done between fork and exec without `unsafe`, and a helper can be tested alone.
//!
//! What a confined child can do: read the one source file that it was handed as standard input, read the system's
//! libraries and fonts, read and write one scratch directory (which is also where it starts). It has no network of
//! any kind, starts no processes, signals nobody and inherits no environment. Reasons and limits are in
//! `docs/adr/0005-hostile-media.md`.
//!
//! No child outlives its reason: it leads its own process group, which is killed when the handle is dropped, when
//! its wall-clock time is over and when the work is cancelled. Should the server be killed, the kernel kills the
//! child (`PR_SET_PDEATHSIG`); should even that not work, an alarm set before `exec` ends it after the deadline.

mod child;
mod confine;
mod exec;
mod order;
mod spawner;
mod syscalls;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use child::{ChildError, Ended, Running};
pub use exec::exec_main;
pub use order::{HELPER_ARGUMENT, HELPER_FAILED, Limits};

use crate::Tools;
use order::Order;
use spawner::Spawner;

/// How a child names its source: the open file it was given, not a path. So a file's name can neither be taken for
/// a protocol or an image sequence, nor show up in an error text.
pub(crate) const SOURCE: &str = "file:/proc/self/fd/0";

/// Whether children are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Landlock and seccomp are required: a child that cannot be confined is not started.
    On,
    /// For kernels that cannot do it. Resource limits, the clean environment and the deadlines still hold.
    Off,
}

/// The way to start children. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    helper: PathBuf,
    mode: Mode,
    tools: Tools,
    spawner: Arc<Spawner>,
}

/// Why the sandbox cannot be used on this machine.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The helper refused, or the confined program did not run.
    #[error("cannot run {program} in the sandbox: {reason}")]
    Refused {
        /// What was to be run.
        program: PathBuf,
        /// What the helper or the program said.
        reason: String,
    },
    /// ffmpeg runs but lacks something we need.
    #[error("{program} has no {encoder} encoder; install a build of ffmpeg that has it")]
    Encoder {
        /// The ffmpeg that was asked.
        program: PathBuf,
        /// What it lacks.
        encoder: &'static str,
    },
}

/// What [`Sandbox::check`] found, for `doctor` and the start-up log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whether children are confined.
    pub mode: Mode,
    /// First line of `ffmpeg -version`.
    pub ffmpeg: String,
    /// First line of `ffprobe -version`.
    pub ffprobe: String,
}

/// One child to start.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub program: &'a Path,
    pub arguments: Vec<String>,
    /// The stranger's file, open for reading.
    pub source: Option<std::fs::File>,
    /// The only directory the child may write to, and where it starts.
    pub scratch: Option<&'a Path>,
    pub limits: Limits,
}

impl Sandbox {
    /// `helper` is the absolute path of a binary that answers [`HELPER_ARGUMENT`] by calling [`exec_main`] (the
    /// server passes its own). Fails only when the operating system gives us no thread.
    pub fn new(helper: PathBuf, mode: Mode, tools: Tools) -> std::io::Result<Self> {
        let spawner = Arc::new(Spawner::start()?);
        Ok(Self { inner: Arc::new(Inner { helper, mode, tools, spawner }) })
    }

    /// Whether children are confined.
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// The programs this sandbox starts.
    pub fn tools(&self) -> &Tools {
        &self.inner.tools
    }

    /// Runs both programs once, confined as the mode says. The server refuses to start when this fails.
    pub async fn check(&self) -> Result<Checked, CheckError> {
        let Tools { ffmpeg, ffprobe } = self.tools();
        let encoders = self.ask(ffmpeg, &["-hide_banner", "-encoders"]).await?;
        for encoder in ["libx264", "aac", "mjpeg"] {
            if !encoders.lines().any(|line| line.split_whitespace().nth(1) == Some(encoder)) {
                return Err(CheckError::Encoder { program: ffmpeg.clone(), encoder });
            }
        }
        Ok(Checked {
            mode: self.mode(),
            ffmpeg: first_line(&self.ask(ffmpeg, &["-version"]).await?),
            ffprobe: first_line(&self.ask(ffprobe, &["-version"]).await?),
        })
    }

    async fn ask(&self, program: &Path, arguments: &[&str]) -> Result<String, CheckError> {
        let refused = |reason: String| CheckError::Refused { program: program.to_owned(), reason };
        let launch = Launch {
            program,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            source: None,
            scratch: None,
            limits: Limits::for_probe(Duration::from_secs(10)),
        };
        let running = self.start(launch).await.map_err(|error| refused(error.to_string()))?;
        let ended = running.collect(256 * 1024).await.map_err(|error| refused(error.to_string()))?;
        if !ended.status.success() {
            return Err(refused(format!("{}: {}", ended.status, ended.stderr_tail.trim())));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    }

    /// Starts a child; its clock runs from here.
    pub(crate) async fn start(&self, launch: Launch<'_>) -> Result<Running, ChildError> {
        let order = Order {
            program: launch.program.to_owned(),
            scratch: launch.scratch.map(Path::to_owned),
            source: launch.source.is_some(),
            confine: self.inner.mode == Mode::On,
            parent: std::process::id(),
            limits: launch.limits,
        };
        Running::start(&self.inner.helper, order, launch.arguments, launch.source, &self.inner.spawner).await
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
