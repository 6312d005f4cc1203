//! What commands say on standard output.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};

/// Writes `text` and a line feed. A reader that has gone away (`| head`) is no error.
pub(super) fn line(text: &str) -> Result<()> {
    line_read(text).map(drop)
}

/// The same; returns whether somebody still reads, for commands that do nothing else and would not end.
pub(super) fn line_read(text: &str) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output cannot be written"),
    }
}

/// Writes `text` to standard error: what is no result.
pub(super) fn aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes rows with their columns aligned, the last one as it is.
pub(super) fn table(rows: &[Vec<String>]) -> Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Text from a server, fit for a terminal: control characters could move its cursor or change its title.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A JSON value in a table cell.
pub(super) fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "-".to_owned(),
        serde_json::Value::String(text) => plain(text),
        serde_json::Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_steered_by_strangers_text() {
        assert_eq!(plain("a\u{1b}]0;title\u{7}b"), "a\u{fffd}]0;title\u{fffd}b");
        assert_eq!(cell(&serde_json::json!(["x", null, 3])), "x,-,3");
    }
}
