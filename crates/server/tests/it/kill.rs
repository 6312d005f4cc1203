//! SIGKILL, at any moment of upload, commit and flow, changes nothing but the time it takes (design promise 4).
//!
//! The real binary is killed again and again on the same rows and bytes. The client and the event receiver live on in
//! this process; between client and server stands a proxy that keeps one address for all servers and lets bytes in
//! slowly, so that every phase has a width to aim at.

mod aim;
mod log;
mod playable;
mod proxy;
mod receiver;
mod scene;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use reelgate_testkit::{find_program, skip};

use aim::{Phase, Widths};
use scene::Scene;

/// Rounds of `make test`; `make soak` says more by `REELGATE_KILL_ROUNDS`.
const ROUNDS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn every_file_finishes_once_wherever_the_server_is_killed() {
    if ["ffmpeg", "ffprobe"].iter().any(|name| find_program(&[name]).is_none()) {
        return skip("kill", "ffmpeg or ffprobe is not installed");
    }
    let rounds = std::env::var("REELGATE_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut scene = Scene::open().await;
    let widths = calibrate(&mut scene).await;
    tell(&format!("undisturbed: {widths}"));
    let mut hits: BTreeMap<&str, u32> = Phase::ALL.iter().map(|phase| (phase.name(), 0)).collect();
    // Chance may spare a narrow phase: then it gets as many rounds again before the test calls it missed.
    let enough = |round: u32, hits: &BTreeMap<&str, u32>| {
        round >= 2 * rounds || (round >= rounds && hits.values().all(|count| *count > 0))
    };
    let mut round = 0;
    while !enough(round, &hits) {
        round += 1;
        scene.spare_the_beaten().await;
        let (phase, fraction) = (Phase::drawn(), rand::random_range(0.0..1.0));
        let after = widths.of(phase).mul_f64(fraction);
        let hit = strike(&mut scene, phase, after).await;
        let met = hit.map_or("between", Phase::name);
        tell(&format!("round {round}: aimed at {}, {after:.0?} into it; hit {met}", phase.name()));
        if let Some(hit) = hit {
            *hits.get_mut(hit.name()).unwrap() += 1;
        }
    }
    scene.check_all().await;
    let files = scene.files.len();
    tell(&format!("{round} kills hit: {hits:?}; {files} files finished with one NewFileUpload each"));
    for (phase, count) in hits {
        assert!(count > 0, "no kill of {round} hit the phase {phase}");
    }
}

/// Straight to standard error: what a passing test prints is otherwise thrown away, and these figures are its result.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "kill: {line}");
}

/// How long each phase takes when nobody is killed.
async fn calibrate(scene: &mut Scene) -> Widths {
    let mut upload = scene.upload();
    let upload_took = upload.reaches_commit().await;
    let began = std::time::Instant::now();
    let file = upload.finishes().await;
    let commit_took = began.elapsed();
    scene.files.push(file);
    scene.wait_until_finished(&[file]).await;
    Widths { upload: upload_took, commit: commit_took, flow: began.elapsed() - commit_took }
}

/// Uploads one more file and kills the server `after` the beginning of `phase`; then brings everything up again and
/// lets the client go on. Returns the phase that rows and access log show to have been cut, if any.
async fn strike(scene: &mut Scene, phase: Phase, after: Duration) -> Option<Phase> {
    let log_before = scene.log().len();
    let mut upload = scene.upload();
    let mut file = None;
    match phase {
        Phase::Upload => {}
        Phase::Commit => drop(upload.reaches_commit().await),
        Phase::Flow => file = Some(upload.finishes().await),
    }
    tokio::time::sleep(after).await;
    scene.kill().await;
    if file.is_none() {
        file = upload.ends().await;
    }
    scene.files.extend(file);
    let cut = scene.cut(log_before).await;
    scene.start().await;
    if file.is_none() {
        let file = upload.goes_on(scene).await;
        scene.files.push(file);
    }
    cut
}
