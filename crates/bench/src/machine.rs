//! What the figures were measured on and with.

use std::path::Path;

use crate::server;

/// The versions that this program was built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Processor, cores and kernel, as far as this system tells.
pub(crate) fn describe() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{}, {cores} cores, Linux {}", model.unwrap_or("unknown processor"), kernel.trim())
}

/// How this program was called.
pub(crate) fn command() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

/// The first line that a program prints, such as its version; `None` if it cannot be run.
pub(crate) async fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = server::program(Path::new(program)).args(arguments).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().filter(|_| output.status.success()).map(|line| line.trim().to_owned())
}

/// The version of a Node package that is installed in `directory`.
pub(crate) fn node_package(directory: &Path, name: &str) -> Option<String> {
    let manifest = std::fs::read(directory.join("node_modules").join(name).join("package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    manifest["version"].as_str().map(str::to_owned)
}

/// The version of a crate in this program.
pub(crate) fn version(name: &str) -> &'static str {
    version_in(LOCK, name).unwrap_or("of unknown version")
}

fn version_in<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("\nname = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_version_is_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";
        assert_eq!(super::version_in(lock, "axum"), Some("0.8.9"));
        assert_eq!(super::version_in(lock, "axu"), None);
        assert!(super::version("axum").starts_with("0.8."));
    }
}
