//! Documents that name long-gone things mislead more than none: every path and every `make` target they name exists.

use std::collections::BTreeSet;

use crate::tree;

/// A span that ends so and has a `/` is meant as a path, also when it starts below the root (`http/router.rs`).
const PATH_ENDINGS: [&str; 13] =
    [".css", ".html", ".json", ".md", ".mjs", ".onnx", ".rs", ".sh", ".sql", ".toml", ".ts", ".tsx", ".yaml"];

#[test]
fn the_readme_names_the_commands_everything_starts_with() {
    let readme = tree::required("README.md");
    for command in ["make demo", "make test", "make run"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
}

#[test]
fn paths_named_in_documents_exist() {
    let names = Names::of_the_tree();
    let mut complaints = Vec::new();
    for (document, text) in documents() {
        for span in code_spans(&text) {
            for path in expand(span) {
                if names.look_like_a_path(&path) && !names.has(&document, &path) {
                    complaints.push(format!("{document} names `{path}`"));
                }
            }
        }
        for target in links(&text) {
            if !names.has(&document, target) {
                complaints.push(format!("{document} links to {target}"));
            }
        }
    }
    tree::report("paths that documents name and nobody has", &complaints);
}

#[test]
fn make_targets_named_in_documents_exist() {
    let makefile = tree::required("Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(':')).map(|(target, _)| target).collect();
    let mut complaints = Vec::new();
    for (document, text) in documents() {
        for span in code_spans(&text) {
            let Some(rest) = span.strip_prefix("make ") else { continue };
            let target = rest.split_whitespace().next().unwrap_or_default();
            if !targets.contains(target) {
                complaints.push(format!("{document} names `make {target}`"));
            }
        }
    }
    tree::report("make targets that documents name and the Makefile lacks", &complaints);
}

/// What the tree has, prepared for questions.
struct Names {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
    /// First parts of paths: `crates`, `web`, …
    tops: BTreeSet<String>,
}

impl Names {
    fn of_the_tree() -> Self {
        let files: BTreeSet<String> = tree::files().into_iter().map(|file| file.path).collect();
        let mut directories = BTreeSet::new();
        for path in &files {
            let parents = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
            directories.extend(parents);
        }
        let tops = directories.iter().filter(|path| !path.contains('/')).cloned().collect();
        Self { files, directories, tops }
    }

    fn look_like_a_path(&self, span: &str) -> bool {
        let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        let Some((top, rest)) = span.split_once('/') else { return false };
        let below_a_directory_of_ours = self.tops.contains(top);
        let ends_like_a_file = PATH_ENDINGS.iter().any(|ending| rest.ends_with(ending));
        plain && !top.is_empty() && !rest.starts_with('/') && (below_a_directory_of_ours || ends_like_a_file)
    }

    /// Whether `path` exists: from the root, beside the document, or as the end of a longer path.
    fn has(&self, document: &str, path: &str) -> bool {
        let path = path.trim_end_matches('/').trim_start_matches("./");
        let beside = resolve(document, path);
        let known = |path: &str| self.files.contains(path) || self.directories.contains(path);
        let ending = format!("/{path}");
        let ends_so = |whole: &String| whole.ends_with(&ending);
        known(path)
            || known(&beside)
            || self.files.iter().any(ends_so)
            || self.directories.iter().any(ends_so)
            || is_built(path)
    }
}

/// Paths that only exist after a build are named in documents with good reason.
fn is_built(path: &str) -> bool {
    path.split('/').any(|part| ["dist", "node_modules", "target", "data"].contains(&part))
}

/// `path` as seen from the folder of `document`, with `..` followed.
fn resolve(document: &str, path: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// The documents of the repository that people read from the top.
fn documents() -> Vec<(String, String)> {
    let written = |path: &str| path.ends_with(".md") && !path.contains("CHANGELOG");
    let files = tree::files().into_iter().filter(|file| written(&file.path));
    files.filter_map(|file| file.text().map(|text| (file.path, text))).collect()
}

/// What stands between single backticks, outside fenced blocks.
fn code_spans(text: &str) -> Vec<&str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// Targets of Markdown links that stay inside the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = prose(text).flat_map(|line| line.split("](").skip(1));
    targets
        .filter_map(|rest| rest.split([')', ' ']).next())
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// `a/{b,c}.rs` stands for two paths; anything else for itself. A line number after `:` is dropped.
fn expand(span: &str) -> Vec<String> {
    let span = span.split(':').next().unwrap_or_default();
    let braces = span.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)));
    match braces {
        Some((head, (choices, tail))) => {
            choices.split(',').flat_map(|choice| expand(&format!("{head}{}{tail}", choice.trim()))).collect()
        }
        None => vec![span.to_owned()],
    }
}

#[test]
fn spans_are_read_as_people_mean_them() {
    assert_eq!(expand("uploads/{open,part}.rs:12"), ["uploads/open.rs", "uploads/part.rs"]);
    assert_eq!(code_spans("a `b` c `d/e.rs`\n```\n`f`\n```\n"), ["b", "d/e.rs"]);
    assert_eq!(links("see [x](docs/a.md#part) and [y](https://example.test/z)"), ["docs/a.md"]);
    assert_eq!(resolve("docs/adr/1.md", "../state.md"), "docs/state.md");
}
