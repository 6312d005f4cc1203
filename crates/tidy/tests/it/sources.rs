//! What no source file of ours may be, or say.

use crate::tree::{self, File};

/// Where a reader loses the thread.
const MAX_LINES: usize = 500;

/// Kinds of files the limit holds for: what people write and read as code.
const CODE: [&str; 8] = ["css", "js", "mjs", "rs", "sh", "sql", "ts", "tsx"];

/// Names that say "stuff" instead of a duty.
const NAMELESS: [&str; 7] = ["common", "helper", "helpers", "misc", "stuff", "util", "utils"];

/// Each thing not to be written in Rust, with the way out. Pieced together here so that the rule does not find itself.
const UNWRITTEN: [(&str, &str); 6] = [
    (
        concat!("#[", "allow("),
        "use #[expect(lint, reason = \"…\")], which complains once it is no longer needed",
    ),
    (
        concat!("#![", "allow("),
        "use #![expect(lint, reason = \"…\")], which complains once it is no longer needed",
    ),
    (
        concat!("#[", "ignore"),
        "a test that cannot run here says so and returns; a long one belongs to make soak",
    ),
    (concat!("todo", "!("), "what is not built is absent"),
    (concat!("unimplemented", "!("), "what is not built is absent"),
    (concat!("dbg", "!("), "write a log line that reads alone, or nothing"),
];

#[test]
fn files_stay_short_enough_to_read() {
    let mut complaints = Vec::new();
    for (file, text) in sources(&CODE) {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            complaints.push(format!("{} has {lines} lines, {MAX_LINES} is the limit", file.path));
        }
    }
    tree::report("files to split", &complaints);
}

#[test]
fn paths_say_the_duty() {
    let mut complaints = Vec::new();
    for file in tree::files() {
        let nameless = file.path.split('/').find(|part| {
            let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
            NAMELESS.contains(&stem.as_str())
        });
        if let Some(part) = nameless {
            complaints.push(format!("{}: `{part}` does not say what it is for", file.path));
        }
    }
    tree::report("names that say nothing", &complaints);
}

#[test]
fn rust_sources_say_nothing_they_should_not() {
    let mut complaints = Vec::new();
    for (file, text) in sources(&["rs"]) {
        for (number, line) in text.lines().enumerate() {
            // Comments may speak of what the code must not do.
            let code = line.trim_start();
            if code.starts_with("//") {
                continue;
            }
            for (forbidden, instead) in UNWRITTEN {
                if code.contains(forbidden) {
                    complaints.push(format!("{}:{}: `{forbidden}`: {instead}", file.path, number + 1));
                }
            }
        }
    }
    tree::report("things not to be written", &complaints);
}

#[test]
fn silenced_lints_give_a_reason() {
    let mut complaints = Vec::new();
    for (file, text) in sources(&["rs"]) {
        for (start, _) in text.match_indices(concat!("[", "expect(")) {
            let attribute = text[start..].split(")]").next().unwrap_or_default();
            if !attribute.contains("reason =") {
                let line = text[..start].lines().count();
                complaints.push(format!("{}:{line}: add `reason = \"…\"`", file.path));
            }
        }
    }
    tree::report("lints silenced without a reason", &complaints);
}

fn sources(extensions: &[&str]) -> Vec<(File, String)> {
    let files = tree::files().into_iter().filter(|file| extensions.contains(&file.extension()));
    files.filter_map(|file| file.text().map(|text| (file, text))).collect()
}
