//! Who may depend on whom (the map of ARCHITECTURE.md), and what a layer must not be able to reach at all.

use std::collections::BTreeMap;
use std::fs;

use crate::tree;

/// Each crate with the crates of ours that it may build on. A new crate needs a row here, and a reason in ARCHITECTURE.md.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("bench", &["client", "model", "store", "testkit", "wire"]),
    ("callers", &["model"]),
    ("client", &["wire"]),
    ("jobs", &["model", "store"]),
    ("media", &[]),
    ("model", &[]),
    ("objects", &[]),
    ("server", &["callers", "client", "jobs", "media", "model", "objects", "store", "wire"]),
    ("store", &["model"]),
    ("testkit", &[]),
    ("tidy", &[]),
    ("wire", &[]),
];

const HTTP: [&str; 5] = ["axum", "http", "hyper", "hyper-util", "reqwest"];
const SERVES: [&str; 3] = ["axum", "hyper", "hyper-util"];
const SQL: [&str; 1] = ["sqlx"];
const SERDE: [&str; 2] = ["serde", "serde_json"];
const IO: [&str; 2] = ["tokio", "tokio-util"];

/// What each layer must stay free of, so that the compiler keeps its rules out of it.
const MUST_NOT_USE: [(&str, &[&[&str]]); 8] = [
    ("callers", &[&SERVES, &SQL]),
    ("client", &[&SQL]),
    ("jobs", &[&HTTP, &SQL]),
    ("media", &[&HTTP, &SQL]),
    ("model", &[&HTTP, &SQL, &SERDE, &IO]),
    ("objects", &[&SQL]),
    ("store", &[&HTTP]),
    ("wire", &[&HTTP, &SQL, &IO]),
];

struct Manifest {
    package: String,
    inherits_lints: bool,
    dependencies: Vec<String>,
    test_dependencies: Vec<String>,
}

#[test]
fn crates_know_only_the_layers_below_them() {
    let allowed = BTreeMap::from(MAY_KNOW);
    let mut complaints = Vec::new();
    for (name, manifest) in manifests() {
        let Some(may_know) = allowed.get(name.as_str()) else {
            complaints.push(format!("crates/{name} has no row in MAY_KNOW"));
            continue;
        };
        for dependency in own(&manifest.dependencies) {
            if !may_know.contains(&dependency) {
                complaints.push(format!("crates/{name} depends on {dependency}"));
            }
        }
        for dependency in own(&manifest.test_dependencies) {
            if dependency != "testkit" && !may_know.contains(&dependency) {
                complaints.push(format!("the tests of crates/{name} depend on {dependency}"));
            }
        }
    }
    tree::report("crate edges that the map does not have", &complaints);
}

#[test]
fn layers_stay_free_of_what_they_must_never_hold() {
    let manifests = manifests();
    let mut complaints = Vec::new();
    for (name, groups) in MUST_NOT_USE {
        let manifest = manifests.get(name).unwrap_or_else(|| panic!("crates/{name} must exist"));
        for forbidden in groups.iter().copied().flatten() {
            if manifest.dependencies.iter().any(|dependency| dependency == forbidden) {
                complaints.push(format!("crates/{name} uses {forbidden}"));
            }
        }
    }
    tree::report("dependencies a layer must not have", &complaints);
}

#[test]
fn every_crate_is_named_after_its_directory_and_takes_the_common_lints() {
    let mut complaints = Vec::new();
    for (name, manifest) in manifests() {
        if manifest.package != format!("reelgate-{name}") {
            complaints.push(format!("crates/{name} is called {}", manifest.package));
        }
        if !manifest.inherits_lints {
            complaints.push(format!("crates/{name} lacks `[lints] workspace = true`"));
        }
    }
    tree::report("manifests that step out of line", &complaints);
}

fn own(dependencies: &[String]) -> impl Iterator<Item = &str> {
    dependencies.iter().filter_map(|name| name.strip_prefix("reelgate-"))
}

/// The manifests under `crates/`, by directory name.
fn manifests() -> BTreeMap<String, Manifest> {
    let directory = tree::root().join("crates");
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("list crates: {error}"));
    entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("list crates: {error}")))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let manifest = read(&name);
            (name, manifest)
        })
        .collect()
}

fn read(name: &str) -> Manifest {
    let path = format!("crates/{name}/Cargo.toml");
    let table: toml::Table =
        tree::required(&path).parse().unwrap_or_else(|error| panic!("parse {path}: {error}"));
    let names = |section: &str| -> Vec<String> {
        let mut tables = vec![table.get(section)];
        // `[target.'cfg(…)'.dependencies]` counts like the plain section.
        let per_target = table.get("target").and_then(toml::Value::as_table);
        tables.extend(per_target.into_iter().flatten().map(|(_, target)| target.get(section)));
        let tables = tables.into_iter().flatten().filter_map(toml::Value::as_table);
        tables.flat_map(toml::Table::keys).cloned().collect()
    };
    let mut dependencies = names("dependencies");
    dependencies.extend(names("build-dependencies"));
    Manifest {
        package: text(&table, "package", "name").unwrap_or_default(),
        inherits_lints: table.get("lints").and_then(|lints| lints.get("workspace"))
            == Some(&toml::Value::Boolean(true)),
        dependencies,
        test_dependencies: names("dev-dependencies"),
    }
}

fn text(table: &toml::Table, section: &str, key: &str) -> Option<String> {
    table.get(section)?.get(key)?.as_str().map(str::to_owned)
}
