//! The server's side: one running child, with its output bounded and its end certain.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::order::{HELPER_ARGUMENT, HELPER_COMPLAINT, HELPER_FAILED, Order};
use super::spawner::Spawner;

/// How much of standard error is kept: the end of it, where the reason stands.
const STDERR_KEPT: usize = 8 * 1024;

/// A child did not run to an end of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("the child's time is over")]
    TimedOut,
    #[error("the work was cancelled")]
    Cancelled,
    #[error("the child wrote more than {limit} bytes")]
    TooTalkative { limit: usize },
    #[error("cannot start the sandbox helper")]
    Start(#[source] io::Error),
    #[error("the sandbox helper refused: {0}")]
    Helper(String),
    #[error("cannot follow the child")]
    Follow(#[source] io::Error),
}

/// How a child ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    /// Empty when somebody else read it.
    pub stdout: Vec<u8>,
    /// The last 8 KiB of standard error.
    pub stderr_tail: String,
}

/// A child that runs. Dropping it kills its process group.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// The group to kill; `None` once the leader has been waited for, since its number may then be reused.
    group: Option<Pid>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    deadline: Instant,
    /// The thread that forked must outlive the child.
    _spawner: Arc<Spawner>,
}

impl Running {
    pub(super) async fn start(
        helper: &Path,
        order: Order,
        arguments: Vec<String>,
        source: Option<File>,
        spawner: &Arc<Spawner>,
    ) -> Result<Self, ChildError> {
        let deadline = Instant::now() + order.limits.wall;
        let command = command(helper, &order, arguments, source).map_err(ChildError::Start)?;
        let mut child = spawner.spawn(command).await.map_err(ChildError::Start)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let stdout = child.stdout.take().expect("standard output was asked to be a pipe");
        let stderr = child.stderr.take().expect("standard error was asked to be a pipe");
        Ok(Self { child, group, stdout, stderr, deadline, _spawner: Arc::clone(spawner) })
    }

    /// Runs to the end, keeping at most `limit` bytes of standard output.
    pub(crate) async fn collect(self, limit: usize) -> Result<Ended, ChildError> {
        let (ended, stdout) = self
            .attend(&CancellationToken::new(), async |stdout| {
                let mut kept = Vec::new();
                stdout.take(limit as u64 + 1).read_to_end(&mut kept).await.map_err(ChildError::Follow)?;
                if kept.len() > limit { Err(ChildError::TooTalkative { limit }) } else { Ok(kept) }
            })
            .await?;
        Ok(Ended { stdout, ..ended })
    }

    /// Runs to the end while `reader` takes standard output. When the reader fails, the deadline passes or the work is
    /// cancelled, the child is killed and gone before this returns; when this future is dropped, it is killed.
    pub(crate) async fn attend<T>(
        mut self,
        cancel: &CancellationToken,
        reader: impl AsyncFnOnce(&mut ChildStdout) -> Result<T, ChildError>,
    ) -> Result<(Ended, T), ChildError> {
        let deadline = self.deadline;
        let to_the_end = async {
            let Self { child, stdout, stderr, .. } = &mut self;
            let tail = async { keep_tail(stderr).await.map_err(ChildError::Follow) };
            let (tail, read) = tokio::try_join!(tail, reader(stdout))?;
            let status = child.wait().await.map_err(ChildError::Follow)?;
            Ok((status, tail, read))
        };
        let outcome = tokio::select! {
            outcome = to_the_end => outcome,
            () = tokio::time::sleep_until(deadline) => Err(ChildError::TimedOut),
            () = cancel.cancelled() => Err(ChildError::Cancelled),
        };
        match outcome {
            Ok((status, stderr_tail, read)) => {
                self.group = None;
                Ok((judge_end(status, stderr_tail)?, read))
            }
            Err(error) => {
                self.kill().await;
                Err(error)
            }
        }
    }

    /// Kills the group and waits until its leader is gone.
    async fn kill(&mut self) {
        self.kill_group();
        if let Err(error) = self.child.wait().await {
            tracing::warn!(error = %error, "could not wait for a killed child");
        }
        self.group = None;
    }

    fn kill_group(&self) {
        // ESRCH means it has ended by itself.
        if let Some(group) = self.group {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place where children are started")]
fn command(
    helper: &Path,
    order: &Order,
    arguments: Vec<String>,
    source: Option<File>,
) -> io::Result<Command> {
    let mut command = Command::new(helper);
    command.arg(HELPER_ARGUMENT).arg(serde_json::to_string(order)?).args(arguments);
    command.env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(source.map_or_else(Stdio::null, Stdio::from));
    command.current_dir(order.scratch.as_deref().unwrap_or(Path::new("/")));
    command.process_group(0).kill_on_drop(true);
    Ok(command)
}

/// Tells a helper that could not do its work, and deadlines kept by the kernel, from an end of the child's own.
fn judge_end(status: ExitStatus, stderr_tail: String) -> Result<Ended, ChildError> {
    if status.code() == Some(i32::from(HELPER_FAILED))
        && let Some(reason) = stderr_tail.strip_prefix(HELPER_COMPLAINT)
    {
        return Err(ChildError::Helper(reason.trim().to_owned()));
    }
    let overtime = [Signal::SIGALRM as i32, Signal::SIGXCPU as i32];
    if status.signal().is_some_and(|signal| overtime.contains(&signal)) {
        return Err(ChildError::TimedOut);
    }
    Ok(Ended { status, stdout: Vec::new(), stderr_tail })
}

/// Reads to the end and keeps the last [`STDERR_KEPT`] bytes.
async fn keep_tail(mut from: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut kept = Vec::with_capacity(2 * STDERR_KEPT);
    loop {
        let read = from.read_buf(&mut kept).await?;
        if kept.len() > STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_only_the_end_of_what_a_child_says() {
        let said = "x".repeat(50_000) + "the reason";
        let kept = keep_tail(said.as_bytes()).await.unwrap();
        assert_eq!(kept.len(), STDERR_KEPT);
        assert!(kept.ends_with("xthe reason"));
        assert_eq!(keep_tail(&b""[..]).await.unwrap(), "");
    }

    #[test]
    fn only_a_helper_that_says_so_is_a_helper_that_failed() {
        let failed = ExitStatus::from_raw(i32::from(HELPER_FAILED) << 8);
        let refused = judge_end(failed, "sandbox: no Landlock\n".into()).unwrap_err();
        assert_eq!(refused.to_string(), "the sandbox helper refused: no Landlock");
        assert_eq!(judge_end(failed, "file: bad".into()).unwrap().status, failed);
        let alarmed = ExitStatus::from_raw(Signal::SIGALRM as i32);
        assert!(matches!(judge_end(alarmed, String::new()), Err(ChildError::TimedOut)));
    }
}
