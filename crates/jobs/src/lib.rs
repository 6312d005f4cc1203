//! Background work: claim, lease, heartbeat, retry with backoff, giving up, drain. Knows no job by name.
//!
//! A [`Worker`] takes jobs out of the store's queue and hands each to the [`Handler`] of its kind. What a handler
//! answers becomes one transaction: the job's new state together with everything the handler wants written. That
//! transaction begins with the guard "this attempt is still mine", so a worker that was declared dead can do no harm.
//!
//! Killing the process at any moment changes nothing but the time it takes: the lease runs out and somebody else claims
//! the job. So a handler may run twice, and what it does outside the database must bear that.
//!
//! What a job does is in the server, the queue's rows are in `store`.

mod backoff;
mod handler;
mod lease;
mod settle;
mod worker;

pub use handler::{ATTEMPTS_EXHAUSTED, Failure, Handler, JobContext, Outcome, Writes, nothing};
pub use worker::{Stepped, Worker, WorkerConfig};
