//! Leases that are kept and lost, hints, and the two stages of stopping.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use reelgate_jobs::{Outcome, Worker, nothing};
use reelgate_model::JobState;
use reelgate_store::StoreError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, act, both, noting};

both!(
    the_heartbeat_extends_the_lease_while_the_handler_runs,
    a_lost_lease_cancels_the_handler_and_its_result_is_thrown_away,
    a_hint_starts_a_job_without_waiting_for_the_poll,
    stopping_lets_a_running_job_finish_within_the_grace,
    stopping_gives_back_what_does_not_finish,
);

async fn the_heartbeat_extends_the_lease_while_the_handler_runs(f: Fixture) {
    let id = f.enqueue().await;
    let (store, scope, clock) = (f.store.clone(), f.scope.clone(), f.clock.clone());
    let worker = f.worker(
        1,
        act(move |job, _context| {
            let (store, scope, clock) = (store.clone(), scope.clone(), clock.clone());
            Box::pin(async move {
                clock.advance(Duration::from_millis(1));
                let first = job.lease_until;
                while store.read().await.unwrap().job(&scope, &job.id).await.unwrap().unwrap().lease_until
                    == first
                {
                    tokio::task::yield_now().await;
                }
                Outcome::Done(nothing())
            })
        }),
    );
    worker.step().await.unwrap();
    assert_eq!(f.job(&id).await.state, JobState::Done);
}

async fn a_lost_lease_cancels_the_handler_and_its_result_is_thrown_away(f: Fixture) {
    let id = f.enqueue().await;
    let (store, scope) = (f.store.clone(), f.scope.clone());
    let worker = f.worker(
        1,
        act(move |_job, context| {
            let (store, scope) = (store.clone(), scope.clone());
            Box::pin(async move {
                let cancelled: Result<_, StoreError> = store
                    .write(move |tx| {
                        Box::pin(async move { tx.cancel_task_jobs(&scope, "t", "aborted").await })
                    })
                    .await;
                assert_eq!(cancelled.unwrap(), 1);
                context.cancel.cancelled().await;
                Outcome::Done(noting("result", "late"))
            })
        }),
    );
    worker.step().await.unwrap();
    let job = f.job(&id).await;
    assert_eq!((job.state, job.last_error.as_str()), (JobState::Failed, "aborted"));
    assert_eq!(f.noted("result").await, None);
}

/// Runs `worker` until the returned token is cancelled.
fn spawn(worker: Worker) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let token = stop.clone();
    (stop, tokio::spawn(async move { worker.run(token).await }))
}

/// A worker whose handler says when it has begun.
fn begun(
    f: &Fixture,
    grace: Duration,
    then: impl Fn(reelgate_jobs::JobContext) -> futures_util::future::BoxFuture<'static, Outcome>
    + Send
    + Sync
    + 'static,
) -> (Worker, Arc<Notify>) {
    let notify = Arc::new(Notify::new());
    let bell = Arc::clone(&notify);
    let worker = f.worker_with_grace(
        2,
        grace,
        act(move |_job, context| {
            bell.notify_one();
            then(context)
        }),
    );
    (worker, notify)
}

async fn a_hint_starts_a_job_without_waiting_for_the_poll(f: Fixture) {
    let (worker, notify) = begun(&f, Duration::ZERO, |_context| Box::pin(async { Outcome::Done(nothing()) }));
    let (stop, running) = spawn(worker);
    for _ in 0..3 {
        f.enqueue().await;
        notify.notified().await;
    }
    stop.cancel();
    running.await.unwrap();
}

async fn stopping_lets_a_running_job_finish_within_the_grace(f: Fixture) {
    let id = f.enqueue().await;
    let release = Arc::new(Notify::new());
    let gate = Arc::clone(&release);
    let (worker, notify) = begun(&f, Duration::from_secs(3600), move |_context| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.notified().await;
            Outcome::Done(noting("result", "in time"))
        })
    });
    let (stop, running) = spawn(worker);
    notify.notified().await;
    stop.cancel();
    let late = f.enqueue().await;
    release.notify_one();
    running.await.unwrap();
    assert_eq!(f.job(&id).await.state, JobState::Done);
    assert_eq!(f.job(&late).await.state, JobState::Ready, "nothing is taken any more");
}

async fn stopping_gives_back_what_does_not_finish(f: Fixture) {
    let id = f.enqueue().await;
    let (worker, notify) = begun(&f, Duration::ZERO, |context| {
        Box::pin(async move {
            context.cancel.cancelled().await;
            Outcome::Retry { after: Some(Duration::from_secs(3600)), error: "cancelled".to_owned() }
        })
    });
    let (stop, running) = spawn(worker);
    notify.notified().await;
    stop.cancel();
    running.await.unwrap();
    let job = f.job(&id).await;
    assert_eq!((job.state, job.attempts, job.max_attempts), (JobState::Ready, 1, 4));
    // Another process takes it at once, without waiting for a lease or a backoff.
    let (other, notify) = begun(&f, Duration::ZERO, |_context| Box::pin(pending()));
    let (_stop, running) = spawn(other);
    notify.notified().await;
    running.abort();
}
