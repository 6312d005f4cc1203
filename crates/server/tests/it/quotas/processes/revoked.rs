//! A revocation at one process, seen from another.

use std::time::Duration;

use reelgate_model::Clock;
use serde_json::json;
use tokio::time::Instant;

use super::{Engine, cluster, tell};
use crate::cos_client::CosClient;
use crate::quotas::SIZE;
use crate::upload::noise;

/// Within so much of the answer to the revocation.
const WITHIN: Duration = Duration::from_secs(2);
/// So often the other process is asked.
const ASKED: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_at_one_process_is_in_force_at_the_other() {
    let policy = json!({"name": "day", "daily_uploads": 100});
    let Some((cluster, _alone)) = cluster(Engine::Postgres, policy).await else { return };
    let (clients, second) = (cluster.clients(), format!("http://{}", cluster.address(1)));
    let signature = clients.issue(1, "alice", false).await.signature;
    let fields = json!({"videoType": "mp4", "videoSize": SIZE});
    let opened = clients.ugc(1, "ApplyUploadUGC", &signature, fields.clone()).await;
    let cos = CosClient::at(&second, clients.http.clone(), Clock::machine(), &opened.data);
    let upload = cos.initiate(&cos.video).await;
    cos.send_part(&cos.video, &upload, 1, noise(1, 1_000)).await;

    let revoked = clients.revoke(0, json!({"user": "alice", "reason": "test"})).await;
    let began = Instant::now();
    assert_eq!(revoked["sessions_ended"], 1, "{revoked}");
    let mut seen: Vec<(Duration, bool, bool)> = Vec::new();
    let (mut part, mut apply) = ((0, String::new()), String::new());
    for number in 0..ASKED {
        let sent = cos.part(&cos.video, &upload, 2, noise(2, 1_000)).send().await;
        let applied = clients.ugc(1, "ApplyUploadUGC", &signature, fields.clone()).await;
        seen.push((began.elapsed(), sent.status != 200, applied.code != 0));
        if number + 1 == ASKED {
            let (status, code, message) = sent.cos_error();
            (part, apply) =
                ((status, format!("{code}: {message}")), format!("{} {}", applied.code, applied.message));
        }
    }
    let since = |refused: fn(&(Duration, bool, bool)) -> bool| {
        let last_taken = seen.iter().rposition(|one| !refused(one));
        let first = last_taken.map_or(0, |last| last + 1);
        (first, seen.get(first).map(|one| one.0))
    };
    let (parts, applies) = (since(|one| one.1), since(|one| one.2));
    tell(&format!(
        "after the revocation was answered, process 2 took {} parts and {} Applies; all from {:.0?} and {:.0?} on were \
         refused ({ASKED} asked for in {:.0?}), with {} {} and {apply}",
        parts.0,
        applies.0,
        parts.1.unwrap_or_default(),
        applies.1.unwrap_or_default(),
        seen.last().unwrap().0,
        part.0,
        part.1,
    ));
    assert!(parts.1.is_some_and(|at| at <= WITHIN) && applies.1.is_some_and(|at| at <= WITHIN), "{seen:?}");
    assert!(part.0 == 403 && part.1.starts_with("AccessDenied"), "{part:?}");
    assert!(
        apply.starts_with("10004 ") && apply.contains("the permissions of this user were revoked"),
        "{apply}"
    );
    let other = clients.issue(1, "bob", true).await.signature;
    assert_eq!(clients.ugc(1, "ApplyUploadUGC", &other, fields).await.code, 0, "others go on");
}
