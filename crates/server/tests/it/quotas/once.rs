//! One-time signatures and quotas: what is counted once, and what a refusal leaves as it was.

use futures_util::future::join_all;
use serde_json::json;

use super::{SIZE, amount, file, under, uploads_full};
use crate::test_app::BACKEND;
use crate::upload::signed;

#[tokio::test]
async fn the_identical_request_repeated_reserves_once() {
    under(json!({"name": "day", "daily_uploads": 1, "open_sessions": 1}), async |app| {
        let body = signed(&app.issued("alice", true).await, file());
        let answers = join_all((0..20).map(|_| app.ugc_data("ApplyUploadUGC", body.clone()))).await;
        assert!(answers.iter().all(|answer| answer["vodSessionKey"] == answers[0]["vodSessionKey"]));
        assert_eq!((app.used("alice").await, app.open_sessions().await), (amount(1, SIZE), 1));
        let id = &answers[0]["vodSessionKey"].as_str().unwrap()[..32];
        let session = app.app.store.read().await.unwrap().session(id).await.unwrap().unwrap();
        assert_eq!(app.occupied(&session).await, amount(1, SIZE));
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_apply_neither_uses_up_the_signature_nor_counts() {
    under(json!({"name": "day", "daily_uploads": 1}), async |app| {
        let waiting = app.issued("alice", true).await;
        app.open_for("alice", file()).await;
        for name in ["one", "two"] {
            let body = signed(&waiting, json!({"videoName": name, "videoType": "mp4", "videoSize": SIZE}));
            let message = app.refused("ApplyUploadUGC", body, 10001).await;
            assert!(message.ends_with(&uploads_full(1, 1)), "{message}");
        }
        assert_eq!(app.used("alice").await, amount(1, SIZE));
        // By permission: `waiting` is of the same user and was issued before.
        for permission in app.open_permissions().await {
            app.post(BACKEND, "/v1/revocations", json!({"permission_id": permission})).await.expect(200);
        }
        assert_eq!(app.used("alice").await, amount(0, 0));
        app.apply(&waiting, file()).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE));
        let other = signed(&waiting, json!({"videoName": "other", "videoType": "mp4", "videoSize": SIZE}));
        let message = app.refused("ApplyUploadUGC", other, 10004).await;
        assert!(
            message.ends_with("this one-time signature has opened another upload already; fetch a new one")
        );
    })
    .await;
}

#[tokio::test]
async fn ten_at_once_under_a_limit_of_four_open_four() {
    under(json!({"name": "day", "daily_uploads": 4, "daily_bytes": 100 * SIZE}), async |app| {
        let signatures = join_all((0..10).map(|_| app.issued("alice", true))).await;
        let bodies: Vec<_> = signatures.iter().map(|signature| signed(signature, file())).collect();
        let answers = join_all(bodies.iter().map(|body| app.ugc("ApplyUploadUGC", body))).await;
        let codes: Vec<_> = answers.iter().map(|answer| answer.json["code"].as_i64().unwrap()).collect();
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 4, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == 10001).count(), 6, "{codes:?}");
        assert_eq!((app.used("alice").await, app.open_sessions().await), (amount(4, 4 * SIZE), 4));
    })
    .await;
}
