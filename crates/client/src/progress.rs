//! How far an upload is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

/// What an upload is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Opening or resuming a session.
    #[default]
    Opening,
    /// Comparing parts that the server already has with the file.
    Comparing,
    /// Sending parts.
    Sending,
    /// Having the parts joined.
    Completing,
    /// Having the upload turned into a media.
    Committing,
    /// There is a FileId.
    Done,
}

/// A snapshot for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Bytes on the server or on their way, resumed ones included. Falls back when a part has to be sent again.
    pub bytes: u64,
    /// Of these, bytes that an earlier run had sent.
    pub resumed: u64,
    /// Bytes of the file.
    pub total: u64,
}

/// The sending end.
#[derive(Debug, Clone)]
pub(crate) struct Reporter(Arc<watch::Sender<Progress>>);

impl Reporter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Progress::default())))
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }

    pub(crate) fn phase(&self, phase: Phase) {
        self.0.send_modify(|progress| progress.phase = phase);
    }

    pub(crate) fn total(&self, total: u64) {
        self.0.send_modify(|progress| progress.total = total);
    }

    pub(crate) fn resumed(&self, bytes: u64) {
        self.0.send_modify(|progress| {
            progress.bytes += bytes;
            progress.resumed += bytes;
        });
    }

    /// Counts the bytes of one attempt at a part; they are taken back unless the attempt is kept.
    pub(crate) fn attempt(&self) -> Arc<Attempt> {
        Arc::new(Attempt { reporter: self.clone(), bytes: AtomicU64::new(0), kept: AtomicBool::new(false) })
    }
}

/// One attempt at one part.
#[derive(Debug)]
pub(crate) struct Attempt {
    reporter: Reporter,
    bytes: AtomicU64,
    kept: AtomicBool,
}

impl Attempt {
    pub(crate) fn sent(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.reporter.0.send_modify(|progress| progress.bytes += bytes);
    }

    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !*self.kept.get_mut() {
            let bytes = *self.bytes.get_mut();
            self.reporter.0.send_modify(|progress| progress.bytes = progress.bytes.saturating_sub(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_failed_attempt_are_taken_back() {
        let reporter = Reporter::new();
        let progress = reporter.subscribe();
        let failed = reporter.attempt();
        failed.sent(5);
        assert_eq!(progress.borrow().bytes, 5);
        drop(failed);
        assert_eq!(progress.borrow().bytes, 0);
        let kept = reporter.attempt();
        kept.sent(7);
        kept.keep();
        drop(kept);
        assert_eq!(progress.borrow().bytes, 7);
    }
}
