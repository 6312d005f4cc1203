use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use reelgate_model::{AppId, FileId, JobState, Scope};
use reelgate_store::{Claim, Job, NewJob, Store, StoreError};

use crate::fixture::{APP, Fixture, START, both, is_stale, write};

both!(
    eight_claimers_never_get_the_same_job,
    an_expired_lease_is_claimed_again_and_its_old_holder_refused,
    jobs_wait_for_their_time_queue_kind_and_version,
    a_retried_job_comes_back_and_a_failed_one_does_not,
    a_released_job_does_not_lose_an_attempt_and_keeps_its_guard,
    a_job_is_done_together_with_what_it_wrote_or_not_at_all,
    cancelling_a_task_ends_its_jobs,
    error_text_of_any_kind_can_be_kept,
);

const LEASE: Duration = Duration::from_secs(60);

fn job(kind: &str) -> NewJob {
    NewJob {
        queue: "q".to_owned(),
        kind: kind.to_owned(),
        version: 1,
        payload: "{}".to_owned(),
        file: Some(FileId(77)),
        task: Some("task".to_owned()),
        priority: 0,
        max_attempts: 3,
        run_at: START,
    }
}

async fn enqueue(f: &Fixture, job: NewJob) -> String {
    let scope = f.scope.clone();
    write!(f.store, tx => tx.enqueue(&scope, &job).await).unwrap()
}

async fn claim(store: &Store, limit: u32) -> Vec<Job> {
    let claim = Claim {
        queues: vec!["q".to_owned(), "other".to_owned()],
        kinds: vec![("a".to_owned(), 1), ("b".to_owned(), 2)],
        worker: "w".to_owned(),
        lease: LEASE,
        limit,
    };
    write!(store, tx => tx.claim_jobs(&claim).await).unwrap()
}

async fn get(f: &Fixture, id: &str) -> Job {
    f.store.read().await.unwrap().job(&f.scope, id).await.unwrap().unwrap()
}

async fn eight_claimers_never_get_the_same_job(f: Fixture) {
    let scope = f.scope.clone();
    write!(f.store, tx => {
        for _ in 0..200 {
            tx.enqueue(&scope, &job("a")).await?;
        }
        Ok(())
    })
    .unwrap();
    let claimers = (0..8).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move {
            let mut got = Vec::new();
            loop {
                let jobs = claim(&store, 3).await;
                assert!(jobs.len() <= 3, "more than asked for");
                if jobs.is_empty() {
                    return got;
                }
                got.extend(jobs.into_iter().map(|job| job.id));
            }
        })
    });
    let mut all: Vec<String> = Vec::new();
    for claimer in join_all(claimers).await {
        all.extend(claimer.unwrap());
    }
    // A claimer that met only rows locked by others may have left early; the rest is still there.
    all.extend(claim(&f.store, 1000).await.into_iter().map(|job| job.id));
    assert_eq!(all.len(), 200);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 200);
}

async fn an_expired_lease_is_claimed_again_and_its_old_holder_refused(f: Fixture) {
    let id = enqueue(&f, job("a")).await;
    let old = claim(&f.store, 1).await.remove(0);
    assert_eq!((old.attempts, old.state, old.worker.as_str()), (1, JobState::Running, "w"));
    assert_eq!(old.lease_until, Some(START + LEASE));
    assert!(claim(&f.store, 1).await.is_empty());

    f.clock.advance(LEASE / 2);
    let (lease, until) = (old.lease(), f.clock.now() + LEASE);
    write!(f.store, tx => tx.extend_lease(&lease, until).await).unwrap();
    f.clock.advance(LEASE / 2);
    assert!(claim(&f.store, 1).await.is_empty(), "it was extended");

    f.clock.advance(LEASE);
    let new = claim(&f.store, 1).await.remove(0);
    assert_eq!((new.id.as_str(), new.attempts), (id.as_str(), 2));
    let until = f.clock.now() + LEASE;
    let lease = old.lease();
    assert!(is_stale(&write!(f.store, tx => tx.extend_lease(&lease, until).await)));
    let lease = old.lease();
    assert!(is_stale(&write!(f.store, tx => tx.complete_job(&lease).await)));
    let lease = old.lease();
    assert!(is_stale(&write!(f.store, tx => tx.retry_job(&lease, until, "").await)));
    let lease = old.lease();
    assert!(is_stale(&write!(f.store, tx => tx.fail_job(&lease, "").await)));
    let lease = old.lease();
    assert!(is_stale(&write!(f.store, tx => tx.release_job(&lease).await)));
    let lease = new.lease();
    write!(f.store, tx => tx.complete_job(&lease).await).unwrap();
    assert_eq!(get(&f, &id).await.state, JobState::Done);
    let lease = new.lease();
    assert!(is_stale(&write!(f.store, tx => tx.complete_job(&lease).await)), "only once");
}

async fn jobs_wait_for_their_time_queue_kind_and_version(f: Fixture) {
    let low = enqueue(&f, job("a")).await;
    let high = enqueue(&f, NewJob { priority: 5, ..job("b") }).await;
    enqueue(&f, NewJob { run_at: START + LEASE, ..job("a") }).await;
    enqueue(&f, NewJob { version: 2, ..job("a") }).await;
    enqueue(&f, NewJob { queue: "elsewhere".to_owned(), ..job("a") }).await;
    enqueue(&f, job("unknown")).await;
    let ids: Vec<_> = claim(&f.store, 10).await.into_iter().map(|job| job.id).collect();
    assert_eq!(ids, [high, low]);
    f.clock.advance(LEASE - Duration::from_millis(1));
    assert!(claim(&f.store, 10).await.is_empty());
    f.clock.advance(Duration::from_millis(1));
    // The two leases have run out by now as well.
    assert_eq!(claim(&f.store, 10).await.len(), 3);

    let mut read = f.store.read().await.unwrap();
    let counts = read.job_counts().await.unwrap();
    let running: u64 = counts.iter().filter(|c| c.state == JobState::Running).map(|c| c.count).sum();
    let ready: u64 = counts.iter().filter(|c| c.state == JobState::Ready).map(|c| c.count).sum();
    assert_eq!((running, ready), (3, 3));
    let all = read.file_jobs(&f.scope, FileId(77), "", 4).await.unwrap();
    let rest = read.file_jobs(&f.scope, FileId(77), &all[3].id, 4).await.unwrap();
    assert_eq!((all.len(), rest.len()), (4, 2));
    assert!(read.file_jobs(&Scope::system(AppId(9)), FileId(77), "", 4).await.unwrap().is_empty());
}

async fn a_retried_job_comes_back_and_a_failed_one_does_not(f: Fixture) {
    let id = enqueue(&f, job("a")).await;
    let lease = claim(&f.store, 1).await[0].lease();
    let later = START + LEASE;
    write!(f.store, tx => tx.retry_job(&lease, later, "disk full").await).unwrap();
    let waiting = get(&f, &id).await;
    assert_eq!(
        (waiting.state, waiting.run_at, waiting.last_error.as_str()),
        (JobState::Ready, later, "disk full")
    );
    assert!(claim(&f.store, 1).await.is_empty());
    f.clock.advance(LEASE);
    let lease = claim(&f.store, 1).await[0].lease();
    write!(f.store, tx => tx.fail_job(&lease, "hopeless").await).unwrap();
    f.clock.advance(LEASE * 2);
    assert!(claim(&f.store, 1).await.is_empty());
    let failed = get(&f, &id).await;
    assert_eq!((failed.state, failed.finished_at), (JobState::Failed, Some(later)));
    assert_eq!(f.store.read().await.unwrap().job(&Scope::system(AppId(9)), &id).await.unwrap(), None);
}

async fn a_released_job_does_not_lose_an_attempt_and_keeps_its_guard(f: Fixture) {
    let id = enqueue(&f, job("a")).await;
    let first = claim(&f.store, 1).await.remove(0);
    let lease = first.lease();
    write!(f.store, tx => tx.release_job(&lease).await).unwrap();
    let second = claim(&f.store, 1).await.remove(0);
    assert_eq!(second.id, id);
    assert_eq!(second.max_attempts - second.attempts, first.max_attempts - first.attempts);
    let lease = first.lease();
    assert!(is_stale(&write!(f.store, tx => tx.complete_job(&lease).await)));
}

async fn a_job_is_done_together_with_what_it_wrote_or_not_at_all(f: Fixture) {
    let id = enqueue(&f, job("a")).await;
    let (lease, scope) = (claim(&f.store, 1).await[0].lease(), f.scope.clone());
    let undone = write!(f.store, tx => {
        tx.complete_job(&lease).await?;
        tx.enqueue(&scope, &job("b")).await?;
        Err::<(), _>(StoreError::AlreadyExists)
    });
    assert!(undone.is_err());
    assert_eq!(get(&f, &id).await.state, JobState::Running);
    assert!(claim(&f.store, 10).await.is_empty());
}

async fn cancelling_a_task_ends_its_jobs(f: Fixture) {
    let running = enqueue(&f, job("a")).await;
    let lease = claim(&f.store, 1).await[0].lease();
    enqueue(&f, job("b")).await;
    let other = enqueue(&f, NewJob { task: None, ..job("a") }).await;
    let stranger = Scope::system(AppId(9));
    assert_eq!(write!(f.store, tx => tx.cancel_task_jobs(&stranger, "task", "").await).unwrap(), 0);
    let scope = Scope::system(APP);
    assert_eq!(write!(f.store, tx => tx.cancel_task_jobs(&scope, "task", "aborted").await).unwrap(), 2);
    assert!(is_stale(&write!(f.store, tx => tx.complete_job(&lease).await)));
    assert_eq!(get(&f, &running).await.last_error, "aborted");
    assert_eq!(claim(&f.store, 10).await.into_iter().map(|job| job.id).collect::<Vec<_>>(), [other]);
}

async fn error_text_of_any_kind_can_be_kept(f: Fixture) {
    let id = enqueue(&f, job("a")).await;
    let lease = claim(&f.store, 1).await[0].lease();
    let noise = format!("moov\0atom {}", "é".repeat(5000));
    write!(f.store, tx => tx.fail_job(&lease, &noise).await).unwrap();
    let kept = get(&f, &id).await.last_error;
    assert_eq!(kept.chars().count(), 2048);
    assert!(kept.starts_with("moov\u{fffd}atom é"));
}
