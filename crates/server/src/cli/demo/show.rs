//! What the person in front of the terminal sees: steps, evidence, a bar while something takes time.

use std::io::{IsTerminal, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// The steps of the demonstration, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Start,
    Subscribe,
    Sign,
    Send,
    Announce,
    Process,
    Tell,
    Play,
    Review,
}

impl Step {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Start,
        Self::Subscribe,
        Self::Sign,
        Self::Send,
        Self::Announce,
        Self::Process,
        Self::Tell,
        Self::Play,
        Self::Review,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Start => "start the server",
            Self::Subscribe => "tell it where events go",
            Self::Sign => "get an upload signature",
            Self::Send => "upload",
            Self::Announce => "NewFileUpload arrives",
            Self::Process => "process",
            Self::Tell => "ProcedureStateChanged arrives",
            Self::Play => "play",
            Self::Review => "review",
        }
    }

    fn number(self) -> usize {
        self as usize + 1
    }
}

/// The terminal, or a file when the output is not one.
pub(super) struct Show {
    at: Option<Step>,
    finished: bool,
    bar: Option<Bar>,
}

/// A bar on a terminal, a line for each quarter elsewhere.
enum Bar {
    Drawn(ProgressBar),
    Lines { what: &'static str, told: u64 },
}

impl Show {
    /// Nothing shown yet.
    pub(super) fn new() -> Self {
        Self { at: None, finished: false, bar: None }
    }

    /// A line by itself.
    pub(super) fn title(&self, text: &str) {
        self.print(&format!("\n{text}"));
    }

    /// The next step begins.
    pub(super) fn step(&mut self, step: Step) {
        self.end_bar();
        self.at = Some(step);
        self.print(&format!("\n[{}/{}] {}", step.number(), Step::ALL.len(), step.title()));
    }

    /// Evidence for the step that is going on.
    pub(super) fn line(&self, text: &str) {
        self.print(&format!("      {text}"));
    }

    /// The last step was seen too.
    pub(super) fn seen(&mut self) {
        self.finished = true;
    }

    /// How far `what` is. The first call makes the bar; `detail` stands beside it.
    pub(super) fn progress(&mut self, what: &'static str, percent: u64, detail: &str) {
        match self.bar.get_or_insert_with(|| Bar::new(what)) {
            Bar::Drawn(bar) => {
                bar.set_position(percent);
                bar.set_message(plain(detail));
            }
            Bar::Lines { what, told } => {
                if percent >= *told + 25 {
                    *told = percent - percent % 25;
                    let line = format!("{what}: {percent} %  {}", plain(detail));
                    self.line(line.trim_end());
                }
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn end_bar(&mut self) {
        if let Some(Bar::Drawn(bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// The sentence for an end before the last step: what was seen, what was not, where to look.
    pub(super) fn what_is_missing(&self, logs: &Path, seconds: f64) -> String {
        let at = self.at.unwrap_or(Step::Start);
        let seen = if self.finished { Step::ALL.len() } else { at.number() - 1 };
        format!(
            "step {}, \"{}\", was not seen ({seen} of {} were, in {seconds:.1} s); logs, rows and bytes are kept in {}",
            at.number(),
            at.title(),
            Step::ALL.len(),
            logs.display()
        )
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some(Bar::Drawn(bar)) => bar.suspend(|| write(text)),
            Some(Bar::Lines { .. }) | None => write(text),
        }
    }
}

impl Bar {
    fn new(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what, told: 0 };
        }
        let bar = ProgressBar::new(100);
        let style = ProgressStyle::with_template("      {prefix} [{bar:40}] {pos:>3} %  {wide_msg}");
        bar.set_style(style.expect("the template is a constant that indicatif reads"));
        bar.set_prefix(what);
        Self::Drawn(bar)
    }
}

/// A reader that has gone away does not end a demonstration that has a server to stop.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Text of a server, fit for a terminal: control characters could move its cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Bytes as people read them.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_names_the_step_that_was_not_seen() {
        let mut show = Show::new();
        show.step(Step::Process);
        let sentence = show.what_is_missing(Path::new("/logs"), 3.0);
        assert!(sentence.contains("step 6, \"process\", was not seen (5 of 9 were"), "{sentence}");
        assert!(sentence.ends_with("/logs"), "{sentence}");
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!([bytes(9_999), bytes(3_128_805), bytes(1 << 30)], ["9999 B", "3128.8 kB", "1073.7 MB"]);
    }
}
