//! Ends that cross: the same rows are taken by Commit, revocation and expiry at once, and none of them may wait for the
//! other in a circle.

use std::time::Duration;

use futures_util::future::join_all;
use reelgate_model::SessionState;
use reelgate_store::{StoreError, unit};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{SIZE, amount, can_commit, file, put_video, under};
use crate::test_app::{BACKEND, TestApp};
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
        let revocation = async {
            // In the middle of the commits, each of which takes as long as its probe.
            let first = async {
                while app.event_types().await.is_empty() {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(60), first).await.expect("a commit ends");
            let answer = app.post(BACKEND, "/v1/revocations", json!({"user": "alice"})).await.expect(200);
            answer.json["sessions_ended"].as_u64().unwrap()
        };
        let (answers, ended) = tokio::join!(commits, revocation);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_holds_no_session_while_it_waits_for_another() {
    let policies = json!([{"name": "day", "daily_uploads": 100}]).to_string();
    let Some(app) = TestApp::on_postgres_with(&[("REELGATE_DISPATCH__POLICIES", &policies)]).await else {
        return;
    };
    let mut uploads = Vec::new();
    for _ in 0..2 {
        uploads.push(app.open_for("alice", file()).await);
    }
    uploads.sort_by(|one, other| one.session_key.cmp(&other.session_key));
    let [first, last] = [&uploads[0], &uploads[1]];
    let ((held, is_held), (let_go, may_go)) = (oneshot::channel(), oneshot::channel::<()>());
    let (scope, id, day) = (app.scope.clone(), last.session_key[..32].to_owned(), app.today());
    // As a Commit does: the session first, then the quota of its user.
    let holder = app.app.store.write(unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.hold_session_open(&scope, &id).await?;
            held.send(()).unwrap();
            may_go.await.unwrap();
            tx.return_quota(&scope, "user:alice", day, amount(0, 0)).await
        })
    }));
    let revocation = async {
        is_held.await.unwrap();
        app.post(BACKEND, "/v1/revocations", json!({"user": "alice"})).await.expect(200)
    };
    let the_other_ends = async {
        let ends = async {
            while app.session(first).await.state == SessionState::Open {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = timeout(Duration::from_secs(20), ends).await;
        let_go.send(()).unwrap();
        ended.expect("the session that nobody holds ends");
    };
    let (held, revoked, ()) = tokio::join!(holder, revocation, the_other_ends);
    held.unwrap();
    assert_eq!(revoked.json["sessions_ended"], 2, "{}", revoked.text);
    assert_eq!(app.used("alice").await, amount(0, 0));
}
