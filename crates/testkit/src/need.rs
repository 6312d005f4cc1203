//! A test whose tool is missing says so and is skipped; in CI it fails.

use std::path::PathBuf;

/// Says that `test` is skipped because of `reason`. Panics instead when `CI=true`, where nothing may be skipped.
#[expect(clippy::print_stderr, reason = "the reader of a test run must see what was not tested")]
pub fn skip(test: &str, reason: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, but {test} cannot run: {reason}");
    eprintln!("skipped {test}: {reason}");
}

/// The first of `names` found in `PATH`.
pub fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| directories.iter().map(|dir| dir.join(name)).find(|file| file.is_file()))
}
