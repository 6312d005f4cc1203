//! The workbench of these tests: where things are, and what is skipped where they are not.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reelgate_media::Tools;
use reelgate_media::sandbox::{Mode, Sandbox};

/// The helper that this package builds for its tests.
pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_reelgate-sandbox");

/// The confined sandbox, or `None` where ffmpeg is missing or the kernel cannot confine, having said so.
pub(crate) async fn sandbox() -> Option<Sandbox> {
    let tools = tools()?;
    let sandbox = Sandbox::new(PathBuf::from(HELPER), Mode::On, tools).unwrap();
    match sandbox.check().await {
        Ok(_) => Some(sandbox),
        Err(error) => skip(&error.to_string()),
    }
}

/// ffmpeg and ffprobe, or `None` where they are missing, having said so.
pub(crate) fn tools() -> Option<Tools> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Tools::find(&path).map_or_else(|error| skip(&error.to_string()), Some)
}

/// Says why a test does not run here. With `CI=true` everything must run.
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn skip<T>(reason: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "may not skip with CI=true: {reason}");
    println!("skipped: {reason}");
    None
}

/// A file of `samples/` at the root of the repository.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples").join(name)
}

/// Runs ffmpeg unconfined, to make test material.
pub(crate) fn make(tools: &Tools, directory: &Path, arguments: &str) {
    let mut command = command(&tools.ffmpeg);
    command.args(["-v", "error", "-y"]).args(arguments.split(' ')).current_dir(directory);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", said(&output));
}

/// A command of the test itself.
#[expect(clippy::disallowed_methods, reason = "tests look at children from outside")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Standard error as text.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
