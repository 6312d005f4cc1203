//! Where the lines of the access log go: standard output, written by a thread of its own, many at once when there are
//! many. A request waits for nobody; at a kill the lines of the last few milliseconds can be lost.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Pause after a write, in which more lines gather.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes that may wait when nobody reads our output; lines beyond it are counted and dropped.
const MOST: usize = 8 << 20;
/// How long a stopping server waits for its last lines to be taken.
const LAST: Duration = Duration::from_secs(5);

static LOG: OnceLock<AccessLog> = OnceLock::new();

#[derive(Default)]
struct AccessLog {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    is_writing: bool,
}

/// Starts the log on `out`. Without it, lines go nowhere; a second call changes nothing.
pub fn install(out: impl Write + Send + 'static) {
    if LOG.set(AccessLog::default()).is_ok()
        && let Some(log) = LOG.get()
    {
        // There from the start, so that an alert on it has something to look at.
        metrics::counter!("reelgate_access_log_lost_total").increment(0);
        std::thread::spawn(move || log.write_to(out));
    }
}

/// Whether anybody wants lines.
pub(super) fn is_installed() -> bool {
    LOG.get().is_some()
}

/// Adds a line that `fill` writes, without its line feed.
pub(super) fn add(fill: impl FnOnce(&mut Vec<u8>)) {
    if let Some(log) = LOG.get() {
        log.add(fill);
    }
}

/// Returns when everything added so far is written, or nobody takes it.
pub fn flush() {
    if let Some(log) = LOG.get() {
        log.flush();
    }
}

impl AccessLog {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.lock();
        if waiting.lines.len() >= MOST {
            drop(waiting);
            metrics::counter!("reelgate_access_log_lost_total").increment(1);
            return;
        }
        fill(&mut waiting.lines);
        waiting.lines.push(b'\n');
        drop(waiting);
        self.filled.notify_one();
    }

    fn flush(&self) {
        let waiting = self.lock();
        let unfinished = |waiting: &mut Waiting| waiting.is_writing || !waiting.lines.is_empty();
        // A time-out means that nobody reads our output, which is not ours to mend.
        drop(self.written.wait_timeout_while(waiting, LAST, unfinished));
    }

    fn write_to(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.lines.is_empty() {
                waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut lines, &mut waiting.lines);
            waiting.is_writing = true;
            drop(waiting);
            // Whoever closed our output does not want the log.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            self.lock().is_writing = false;
            self.written.notify_all();
            std::thread::sleep(GATHER);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    struct Sent(mpsc::Sender<Vec<u8>>);

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_comes_out_whole_and_in_order_and_flush_waits_for_it() {
        let log: &'static AccessLog = Box::leak(Box::default());
        let (sender, written) = mpsc::channel();
        std::thread::spawn(move || log.write_to(Sent(sender)));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                std::thread::spawn(move || {
                    for n in 0..500 {
                        log.add(|line| line.extend(format!("{thread} {n}").bytes()));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        log.flush();
        let text: Vec<u8> = written.try_iter().flatten().collect();
        let text = String::from_utf8(text).unwrap();
        for thread in 0..4 {
            let own = text.lines().filter_map(|line| line.strip_prefix(&format!("{thread} ")));
            let numbers: Vec<usize> = own.map(|n| n.parse().unwrap()).collect();
            assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let log = Arc::new(AccessLog::default());
        for _ in 0..20 {
            log.add(|line| line.resize(line.len() + (1 << 20), b'x'));
        }
        assert!(log.lock().lines.len() <= MOST + (1 << 20) + 16);
    }
}
