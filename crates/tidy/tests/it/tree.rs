//! The repository as a list of files, without what is built, downloaded or left behind by a running server.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold nothing written by hand, wherever they stand.
const BUILT: [&str; 5] = [".git", "dist", "node_modules", "target", "test-results"];

/// One file of the repository.
pub(crate) struct File {
    /// Path from the root, with `/` between the parts.
    pub(crate) path: String,
    absolute: PathBuf,
}

impl File {
    /// The text, or nothing for a file that is not UTF-8 (models, samples).
    pub(crate) fn text(&self) -> Option<String> {
        let bytes = fs::read(&self.absolute).unwrap_or_else(|error| panic!("read {}: {error}", self.path));
        String::from_utf8(bytes).ok()
    }

    /// What follows the last dot of the name; empty without one.
    pub(crate) fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the crate lies two directories below the root").to_owned()
}

/// Every file, in the order of its path.
pub(crate) fn files() -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The text of a file that must be there.
pub(crate) fn required(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path} must exist: {error}"))
}

/// Fails with every complaint at once, so that one run shows all there is to repair.
pub(crate) fn report(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}:\n  {}", complaints.join("\n  "));
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<File>) {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|error| panic!("list {}: {error}", directory.display()));
    for entry in entries {
        let entry = entry.unwrap_or_else(|error| panic!("list {}: {error}", directory.display()));
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap_or_else(|error| panic!("look at {name}: {error}"));
        // `data` at the root is where `make run` keeps its rows and bytes.
        if BUILT.contains(&name.as_str()) || (prefix.is_empty() && name == "data") {
            continue;
        }
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found);
        } else if kind.is_file() && !path.ends_with(".log") {
            found.push(File { path, absolute: entry.path() });
        }
    }
}
