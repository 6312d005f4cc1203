//! How attempts end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reelgate_jobs::{Failure, Outcome, Stepped, nothing};
use reelgate_model::JobState;
use reelgate_store::{Claim, StoreError};

use crate::fixture::{Fixture, LEASE, act, always, both, note, noting};

both!(
    the_handlers_writes_and_the_end_of_the_job_are_one,
    writes_that_fail_leave_nothing_and_the_job_is_tried_again,
    a_retry_waits_and_the_last_one_gives_up,
    a_failure_gives_up_at_once,
    giving_up_is_repeated_until_it_can_be_written,
    a_panic_is_a_retry,
    a_job_whose_workers_all_died_is_given_up_without_running,
    newer_payloads_are_left_alone,
    many_workers_run_each_job_once,
);

const LATER: Duration = Duration::from_secs(3600);

async fn the_handlers_writes_and_the_end_of_the_job_are_one(f: Fixture) {
    let id = f.enqueue().await;
    let worker = f.worker(4, always(|| Outcome::Done(noting("result", "42"))));
    assert_eq!(worker.step().await.unwrap(), Stepped::Worked(1));
    assert_eq!(f.job(&id).await.state, JobState::Done);
    assert_eq!(f.noted("result").await.as_deref(), Some("42"));
    assert_eq!(worker.step().await.unwrap(), Stepped::Idle);
}

async fn writes_that_fail_leave_nothing_and_the_job_is_tried_again(f: Fixture) {
    let id = f.enqueue().await;
    let worker = f.worker(
        1,
        always(|| {
            Outcome::Done(Box::new(|tx| {
                Box::pin(async move {
                    note(tx, "half", "1").await?;
                    // A guard of the handler's own rows; it must not be taken for a lost lease.
                    Err(StoreError::Stale)
                })
            }))
        }),
    );
    worker.step().await.unwrap();
    assert_eq!(f.noted("half").await, None);
    let job = f.job(&id).await;
    assert_eq!((job.state, job.attempts), (JobState::Ready, 1));
    assert!(job.last_error.contains("not in the state"), "{}", job.last_error);
}

async fn a_retry_waits_and_the_last_one_gives_up(f: Fixture) {
    let id = f.enqueue().await;
    let wait = Duration::from_secs(60);
    let worker = f.worker(1, always(move || Outcome::Retry { after: Some(wait), error: "busy".to_owned() }));
    for attempt in 1..=3 {
        assert_eq!(worker.step().await.unwrap(), Stepped::Worked(1), "attempt {attempt}");
        assert_eq!(worker.step().await.unwrap(), Stepped::Idle);
        f.clock.advance(wait);
    }
    assert_eq!(worker.step().await.unwrap(), Stepped::Idle);
    let job = f.job(&id).await;
    assert_eq!((job.state, job.attempts, job.last_error.as_str()), (JobState::Failed, 3, "busy"));
    assert_eq!(f.noted("given up").await.as_deref(), Some("AttemptsExhausted after 3: busy"));
}

async fn a_failure_gives_up_at_once(f: Fixture) {
    let id = f.enqueue().await;
    let failure = || Failure { code: "NotMedia".to_owned(), error: "no track".to_owned() };
    f.worker(1, always(move || Outcome::Fail(failure()))).step().await.unwrap();
    assert_eq!(f.job(&id).await.state, JobState::Failed);
    assert_eq!(f.noted("given up").await.as_deref(), Some("NotMedia after 1: no track"));
}

async fn giving_up_is_repeated_until_it_can_be_written(f: Fixture) {
    // The first job's end takes the key that the second one's wants.
    let fail = || Outcome::Fail(Failure { code: "No".to_owned(), error: String::new() });
    let worker = f.worker(1, always(fail));
    f.enqueue().await;
    worker.step().await.unwrap();
    let stuck = f.enqueue().await;
    worker.step().await.unwrap();
    let job = f.job(&stuck).await;
    assert_eq!(
        (job.state, job.finished_at),
        (JobState::Ready, None),
        "its end is not written, so it is not over"
    );
    f.clock.advance(LATER);
    assert_eq!(worker.step().await.unwrap(), Stepped::Worked(1), "it is tried again");
}

async fn a_panic_is_a_retry(f: Fixture) {
    let id = f.enqueue().await;
    f.worker(1, always(|| panic!("on purpose"))).step().await.unwrap();
    let job = f.job(&id).await;
    assert_eq!((job.state, job.last_error.as_str()), (JobState::Ready, "the handler panicked: on purpose"));
}

async fn a_job_whose_workers_all_died_is_given_up_without_running(f: Fixture) {
    let id = f.enqueue().await;
    for _ in 0..3 {
        // A worker that claims and is never heard of again.
        let claim = Claim {
            queues: vec!["q".to_owned()],
            kinds: vec![("k".to_owned(), 1)],
            worker: "dead".to_owned(),
            lease: LEASE,
            limit: 1,
        };
        let store = f.store.clone();
        let claimed: Result<_, StoreError> =
            store.write(move |tx| Box::pin(async move { tx.claim_jobs(&claim).await })).await;
        assert_eq!(claimed.unwrap().len(), 1);
        f.clock.advance(LEASE);
    }
    let worker = f.worker(1, always(|| panic!("must not run a fourth time")));
    assert_eq!(worker.step().await.unwrap(), Stepped::Worked(1));
    assert_eq!(f.job(&id).await.state, JobState::Failed);
    let noted = f.noted("given up").await.unwrap();
    assert!(noted.starts_with("AttemptsExhausted after 4: every worker"), "{noted}");
}

async fn newer_payloads_are_left_alone(f: Fixture) {
    f.enqueue_version(2).await;
    let worker = f.worker(1, always(|| Outcome::Done(nothing())));
    assert_eq!(worker.step().await.unwrap(), Stepped::Idle);
}

async fn many_workers_run_each_job_once(f: Fixture) {
    for _ in 0..60 {
        f.enqueue().await;
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let workers = (0..8).map(|_| {
        let runs = Arc::clone(&runs);
        let worker = f.worker(
            3,
            act(move |job, _context| {
                runs.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move { Outcome::Done(noting(&job.id, "once")) })
            }),
        );
        tokio::spawn(async move { while worker.step().await.unwrap() != Stepped::Idle {} })
    });
    for worker in join_all(workers).await {
        worker.unwrap();
    }
    // A worker that met only rows locked by others may have left early, but somebody ran them.
    let left = f.store.read().await.unwrap().job_counts().await.unwrap();
    assert_eq!(left, []);
    assert_eq!(runs.load(Ordering::Relaxed), 60);
}
