//! Whose limits they are: a user's, in an application, under the policy that matches.

use reelgate_model::{AppId, Scope};
use serde_json::json;

use super::{DAY, SIZE, amount, bytes_full, file, under, under_all, uploads_full};
use crate::test_app::{ADMIN, BACKEND};
use crate::upload::signed;

#[tokio::test]
async fn users_are_counted_apart() {
    under(json!({"name": "day", "daily_uploads": 1}), async |app| {
        for user in ["alice", "bob", "", "ALICE"] {
            app.open_for(user, file()).await;
            app.full_for(user, file(), &uploads_full(1, 1)).await;
            assert_eq!(app.used(user).await, amount(1, SIZE), "{user:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn applications_are_counted_apart() {
    const OTHER: i64 = 1_250_000_002;
    under(json!({"name": "day", "daily_uploads": 1}), async |app| {
        app.another_app(OTHER).await;
        let key = json!({"name": "theirs", "app": OTHER.to_string(), "scopes": ["sign"]});
        let key = app.post(ADMIN, "/v1/keys", key).await.expect(200);
        let key = key.json["secret"].as_str().unwrap().to_owned();
        let order = json!({"user": "alice"});
        app.open_for("alice", file()).await;
        for expected in [0, 10001] {
            let issued = app.post(&key, "/v1/upload-signatures", order.clone()).await.expect(200).json;
            let body = signed(issued["signature"].as_str().unwrap(), file());
            let answer = app.ugc("ApplyUploadUGC", &body).await.expect(200).json;
            assert_eq!(answer["code"], expected, "{answer}");
        }
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
        let theirs = app.quota(&Scope::system(AppId(OTHER)), "user:alice", app.today()).await;
        assert_eq!((app.used("alice").await, theirs), (amount(1, SIZE), amount(1, SIZE)));
    })
    .await;
}

#[tokio::test]
async fn who_signs_alone_has_the_limits_of_the_policy_for_it() {
    let policies = json!([
        {"name": "alone", "match": {"via": "self_signed"}, "daily_uploads": 2, "max_size": 5_000},
        {"name": "all", "daily_uploads": 1},
    ]);
    under_all(policies, async |app| {
        let own = || app.sign(|_| {});
        let upload = app.apply(&own(), json!({"videoType": "mp4"})).await;
        assert_eq!(app.session(&upload).await.request.policy, "alone");
        assert_eq!(app.used("").await, amount(1, 5_000), "they name no user");
        let message = app
            .refused("ApplyUploadUGC", signed(&own(), json!({"videoType": "mp4", "videoSize": 5_001})), 10001)
            .await;
        assert!(message.contains("5001") && message.contains("5000"), "{message}");
        app.apply(&own(), file()).await;
        let message = app.refused("ApplyUploadUGC", signed(&own(), file()), 10001).await;
        assert!(message.ends_with(&uploads_full(2, 2)), "{message}");
        app.open_for("alice", file()).await;
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
    })
    .await;
}

#[tokio::test]
async fn one_user_under_two_policies_has_one_count() {
    let policies = json!([
        {"name": "pro", "match": {"plan": "pro"}, "daily_uploads": 3},
        {"name": "all", "daily_uploads": 1, "daily_bytes": 10 * SIZE},
    ]);
    under_all(policies, async |app| {
        app.open_for("alice", file()).await;
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
        let pro = async || {
            let order = json!({"user": "alice", "tags": {"plan": "pro"}});
            let issued = app.post(BACKEND, "/v1/upload-signatures", order).await.expect(200).json;
            issued["signature"].as_str().unwrap().to_owned()
        };
        for _ in 0..2 {
            app.apply(&pro().await, file()).await;
        }
        let message = app.refused("ApplyUploadUGC", signed(&pro().await, file()), 10001).await;
        assert!(message.ends_with(&uploads_full(3, 3)), "{message}");
        assert_eq!(app.used("alice").await, amount(3, 3 * SIZE));
        app.advance(DAY);
        let large = json!({"videoType": "mp4", "videoSize": 11 * SIZE});
        app.full_for("alice", large, &bytes_full(0, 10 * SIZE, 11 * SIZE)).await;
    })
    .await;
}
