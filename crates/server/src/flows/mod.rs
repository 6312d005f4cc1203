//! Task flows: procedures become tasks, sub-tasks and jobs; handlers do the jobs.
//!
//! A *task* is one run of a procedure on one file. Each result that it is to produce is a *sub-task*; sub-tasks that
//! come from one reading of the source share a *step*, which is a job of the queue `flow`:
//!
//! - `flow.probe` looks at a source that Commit had no time to look at, and announces the media;
//! - `flow.transcode` makes everything that plays, `flow.stills` everything that is looked at, the verdict included;
//! - `flow.conclude` ends sub-tasks that no step can produce.
//!
//! A step may run any number of times. What it leaves outside the database lies in a directory of its own for each
//! attempt, which no row names before the attempt's last transaction has; that transaction also ends the sub-tasks
//! and writes the events, or leaves no trace.

mod advance;
mod conclude;
pub mod deadline;
pub mod evidence;
mod judge;
mod legacy;
mod plan;
mod probe;
mod progress;
mod reason;
mod scratch;
mod start;
mod step;
mod stills;
mod transcode;
mod worker;

pub use advance::snapshot;
pub use reason::source_deleted;
pub use start::{StartTask, enqueue_probe, start};
pub use worker::{run, worker};

/// The queue of all steps.
const QUEUE: &str = "flow";
/// How often a step is tried.
const ATTEMPTS: i64 = 5;
/// Version of the payloads that are written, and the newest that is understood.
const PAYLOAD_VERSION: i64 = 1;

const PROBE: &str = "flow.probe";
const TRANSCODE: &str = "flow.transcode";
const STILLS: &str = "flow.stills";
const CONCLUDE: &str = "flow.conclude";
