//! What the server itself noted about each request: its access log, one JSON line for each answer it has sent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

/// A line is written right after the answer went out, so it may come a moment after the answer.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// The file that the server's standard output goes to.
pub(super) struct AccessLog {
    path: PathBuf,
}

/// The fields of a line that are quoted here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line {
    /// HTTP method.
    pub(super) method: String,
    /// Path or route, without query.
    pub(super) path: String,
    /// HTTP status.
    pub(super) status: u16,
    /// Bytes of the request's body that the server received.
    pub(super) bytes_in: u64,
    /// From request to answer.
    pub(super) duration_ms: u64,
    /// Part number; object leg only.
    #[serde(default)]
    pub(super) part: Option<u32>,
}

impl AccessLog {
    /// The log in this file.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// How many lines there are now, to tell later ones apart.
    pub(super) fn length(&self) -> usize {
        self.lines().len()
    }

    /// The lines from number `start` on, once `enough` of them are there. `what` completes the error's sentence.
    pub(super) async fn wait_for(
        &self,
        start: usize,
        what: &str,
        enough: impl Fn(&[Line]) -> bool,
    ) -> Result<Vec<Line>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines().split_off(start);
            if enough(&lines) {
                return Ok(lines);
            }
            if Instant::now() > deadline {
                bail!("the server's access log does not have {what}; see {}", self.path.display());
            }
            sleep(PAUSE).await;
        }
    }

    fn lines(&self) -> Vec<Line> {
        read(&std::fs::read_to_string(&self.path).unwrap_or_default())
    }
}

/// Complete lines only: the last one may be half written.
fn read(text: &str) -> Vec<Line> {
    let complete = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    complete.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} → {}", self.method, self.path, self.status)?;
        if let Some(part) = self.part {
            write!(f, ", part {part}")?;
        }
        write!(f, ", {} bytes in, {} ms", self.bytes_in, self.duration_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_written_lines_wait_and_foreign_ones_are_left_out() {
        let line = r#"{"method":"PUT","path":"/cos/{*path}","host":"h","client":null,"status":200,"part":3,"bytes_in":7,"bytes_out":0,"duration_ms":2}"#;
        let lines = read(&format!("not json\n{line}\n{}", &line[..20]));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].to_string(), "PUT /cos/{*path} → 200, part 3, 7 bytes in, 2 ms");
    }
}
