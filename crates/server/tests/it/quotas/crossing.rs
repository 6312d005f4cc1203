//! Ends that cross: the same rows are taken by Commit, revocation and expiry at once, and none of them may wait for the
//! other in a circle.

use futures_util::future::join_all;
use serde_json::json;

use super::{SIZE, amount, can_commit, file, put_video, under};
use crate::test_app::BACKEND;
use crate::upload::{noise, signed};

const UPLOADS: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn commits_and_the_revocation_of_their_user_at_once_all_get_an_answer() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "day", "daily_uploads": 100, "open_sessions": 100}), async |app| {
        let mut bodies = Vec::new();
        for _ in 0..UPLOADS {
            let signature = app.issued("alice", true).await;
            let upload = app.apply(&signature, file()).await;
            put_video(&upload, noise(1, 1_000)).await;
            bodies.push(signed(&signature, json!({"vodSessionKey": upload.session_key})));
        }
        app.advance(1);
        let commits = join_all(bodies.iter().map(|body| app.ugc("CommitUploadUGC", body)));
        let revocations = async {
            // In the middle of the commits, each of which takes as long as its probe.
            let mut ended = 0;
            for _ in 0..20 {
                let answer = app.post(BACKEND, "/v1/revocations", json!({"user": "alice"})).await.expect(200);
                ended += answer.json["sessions_ended"].as_u64().unwrap();
            }
            ended
        };
        let (answers, ended) = tokio::join!(commits, revocations);
        let codes: Vec<_> =
            answers.iter().map(|answer| (answer.status, answer.json["code"].as_i64())).collect();
        let count = |wanted| codes.iter().filter(|code| **code == wanted).count();
        let (committed, refused) =
            (count((200, Some(0))), count((200, Some(10004))) + count((200, Some(10005))));
        println!("{committed} committed, {refused} refused, {ended} ended by the revocation");
        assert_eq!(committed + refused, UPLOADS, "{codes:?}");
        assert_eq!(u64::try_from(refused).unwrap(), ended, "{codes:?}");
        let left = u64::try_from(committed).unwrap();
        assert_eq!(app.used("alice").await, amount(left, left * SIZE));
    })
    .await;
}
