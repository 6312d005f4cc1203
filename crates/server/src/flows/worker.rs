//! The role `worker`: takes the steps of all flows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use reelgate_jobs::{Worker, WorkerConfig};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::conclude::Conclude;
use super::probe::Probe;
use super::scratch::Scratch;
use super::stills::Stills;
use super::transcode::Transcode;
use super::{CONCLUDE, PAYLOAD_VERSION, PROBE, QUEUE, STILLS, TRANSCODE};
use crate::app::App;

/// How long a step stays with a worker that says nothing.
const LEASE: Duration = Duration::from_secs(30);
/// How long to wait without a hint before looking again.
const POLL: Duration = Duration::from_secs(5);
/// How long running steps may go on once the process is asked to stop; what is left is given back.
const GRACE: Duration = Duration::from_secs(20);
/// How long to wait before scratch space is asked for again.
const AGAIN: Duration = Duration::from_secs(10);

/// A worker with all handlers. Fails when there is no scratch space.
pub fn worker(app: &App) -> Result<Worker> {
    let media = &app.config.media;
    let scratch = Arc::new(Scratch::open(&media.scratch_dir, media.scratch_quota)?);
    let config = WorkerConfig {
        name: format!("{}-{}", std::process::id(), Uuid::new_v4().simple()),
        queues: vec![QUEUE.to_owned()],
        concurrency: media.concurrency,
        lease: LEASE,
        poll: POLL,
        grace: GRACE,
    };
    let mut worker = Worker::new(app.store.clone(), config);
    worker.register(PROBE, PAYLOAD_VERSION, Arc::new(Probe { app: app.clone() }));
    worker.register(CONCLUDE, PAYLOAD_VERSION, Arc::new(Conclude { app: app.clone() }));
    let transcode = Transcode { app: app.clone(), scratch: Arc::clone(&scratch) };
    worker.register(TRANSCODE, PAYLOAD_VERSION, Arc::new(transcode));
    worker.register(STILLS, PAYLOAD_VERSION, Arc::new(Stills::new(app.clone(), scratch)));
    Ok(worker)
}

/// Takes and runs steps until `stop`, then drains.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        match worker(&app) {
            Ok(worker) => return worker.run(stop).await,
            Err(error) => {
                tracing::error!(cause = format!("{error:#}"), "the worker cannot start; it tries again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}
