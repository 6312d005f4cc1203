//! One piece of work with ffmpeg on one source: its bounds, its progress and its ways to end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::sandbox::{ChildError, Ended, Launch, Limits, Sandbox};

/// What a piece of work needs besides its plan.
#[derive(Debug)]
pub struct Work {
    /// Starts the children.
    pub sandbox: Sandbox,
    /// The stranger's file, complete, on a local disk.
    pub source: PathBuf,
    /// An existing directory for this work alone; results are left in it, and nothing else is written.
    pub scratch: PathBuf,
    /// Wall-clock time for the whole work.
    pub allowed: Duration,
    /// Ends the work early; its children are gone before [`WorkError::Cancelled`] is returned.
    pub cancel: CancellationToken,
}

/// Why work did not give its results.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It was still running at its deadline.
    #[error("the work took longer than {allowed:?}")]
    TimedOut {
        /// The time given.
        allowed: Duration,
    },
    /// The caller asked for it.
    #[error("the work was cancelled")]
    Cancelled,
    /// ffmpeg could not make the results from this source. Trying again gives the same.
    #[error("cannot make the outputs from this source: {reason}")]
    Failed {
        /// The last lines that ffmpeg said, without paths.
        reason: String,
    },
    /// The machine's fault: disk, memory, sandbox. Trying again may help.
    #[error("cannot work on this machine: {reason}")]
    Infrastructure {
        /// What went wrong.
        reason: String,
    },
}

impl WorkError {
    pub(crate) fn machine(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::Infrastructure { reason: format!("cannot {what} {}: {error}", path.display()) }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into() }
    }
}

/// Work that has begun: the clock runs.
pub(crate) struct Begun<'a> {
    pub work: &'a Work,
    ends: Instant,
}

impl Work {
    pub(crate) fn begin(&self) -> Begun<'_> {
        Begun { work: self, ends: Instant::now() + self.allowed }
    }
}

impl Begun<'_> {
    /// Time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Runs ffmpeg on the source to its end while `reader` takes standard output.
    pub(crate) async fn ffmpeg<T>(
        &self,
        arguments: Arguments,
        limits: Limits,
        reader: impl AsyncFnOnce(&mut ChildStdout) -> Result<T, ChildError>,
    ) -> Result<T, WorkError> {
        let Work { sandbox, source, scratch, cancel, .. } = self.work;
        let opened = tokio::fs::File::open(source).await;
        let opened = opened.map_err(|error| WorkError::machine("open", source, &error))?;
        let launch = Launch {
            program: &sandbox.tools().ffmpeg,
            arguments: arguments.into_vec(),
            source: Some(opened.into_std().await),
            scratch: Some(scratch),
            limits,
        };
        let running = sandbox.start(launch).await.map_err(|error| self.ended_early(&error))?;
        let (ended, read) = running.attend(cancel, reader).await.map_err(|error| self.ended_early(&error))?;
        check_end(&ended)?;
        Ok(read)
    }

    fn ended_early(&self, error: &ChildError) -> WorkError {
        match error {
            ChildError::TimedOut => WorkError::TimedOut { allowed: self.work.allowed },
            ChildError::Cancelled => WorkError::Cancelled,
            ChildError::TooTalkative { .. } => WorkError::failed(error.to_string()),
            ChildError::Start(_) | ChildError::Helper(_) | ChildError::Follow(_) => {
                WorkError::Infrastructure { reason: crate::probe::chain(error) }
            }
        }
    }
}

fn check_end(ended: &Ended) -> Result<(), WorkError> {
    use std::os::unix::process::ExitStatusExt;
    let said = ended.stderr_tail.replace(crate::sandbox::SOURCE, "the source");
    if said.contains("No space left on device") {
        return Err(WorkError::Infrastructure { reason: "the scratch directory's disk is full".to_owned() });
    }
    match ended.status.signal() {
        Some(nix::libc::SIGKILL) => Err(WorkError::Infrastructure {
            reason: "ffmpeg was killed from outside (out of memory?)".to_owned(),
        }),
        Some(nix::libc::SIGXFSZ) => {
            Err(WorkError::failed("an output became larger than the source's duration allows"))
        }
        Some(signal) => Err(WorkError::failed(format!("ffmpeg crashed with signal {signal}"))),
        None if ended.status.success() => Ok(()),
        None => Err(WorkError::failed(last_lines(&said))),
    }
}

/// The end of what ffmpeg said, where the reason stands.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] => "ffmpeg gave no reason".to_owned(),
        [.., before, last] => format!("{before}; {last}"),
        [last] => (*last).to_owned(),
    }
}

/// Follows `-progress` lines and reports each new percentage of a source that lasts `duration` seconds.
pub(crate) struct Progress<'a> {
    duration: f64,
    /// What the finished run is of the whole work.
    share: u8,
    reported: u8,
    report: &'a mut (dyn FnMut(u8) + Send),
}

impl<'a> Progress<'a> {
    pub(crate) fn new(duration: f64, share: u8, report: &'a mut (dyn FnMut(u8) + Send)) -> Self {
        Self { duration, share, reported: 0, report }
    }

    /// Reads to the end of the stream.
    pub(crate) async fn follow(&mut self, stdout: &mut ChildStdout) -> Result<(), ChildError> {
        let mut pending = Vec::with_capacity(4096);
        while stdout.read_buf(&mut pending).await.map_err(ChildError::Follow)? > 0 {
            let Some(end) = pending.iter().rposition(|&byte| byte == b'\n') else {
                // No line of progress is this long; whatever it is, it is not kept.
                pending.truncate(if pending.len() > 4096 { 0 } else { pending.len() });
                continue;
            };
            self.take(&String::from_utf8_lossy(&pending[..end]));
            pending.drain(..=end);
        }
        Ok(())
    }

    fn take(&mut self, lines: &str) {
        let micros = lines
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("out_time_us=")?.trim().parse::<f64>().ok());
        if let Some(micros) = micros.filter(|_| self.duration > 0.0) {
            self.reach(micros / 1e6 / self.duration);
        }
    }

    /// Reports `part` (0.0..=1.0) of this run done. Never goes back.
    pub(crate) fn reach(&mut self, part: f64) {
        let percent = (part.clamp(0.0, 1.0) * f64::from(self.share)) as u8;
        if percent > self.reported {
            self.reported = percent;
            (self.report)(percent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_grows_and_stays_within_its_share() {
        let mut seen = Vec::new();
        let mut report = |percent| seen.push(percent);
        let mut progress = Progress::new(10.0, 90, &mut report);
        progress.take("frame=1\nout_time_us=1000000\nprogress=continue");
        progress.take("out_time_us=N/A");
        progress.take("out_time_us=500000");
        progress.take("out_time_us=-9223372036854775808");
        progress.take("out_time_us=99000000\nprogress=end");
        assert_eq!(seen, [9, 90]);
    }

    #[test]
    fn the_reason_is_the_end_of_what_was_said() {
        assert_eq!(last_lines("a\nb\n\n c \n"), "b; c");
        assert_eq!(last_lines(""), "ffmpeg gave no reason");
    }
}
