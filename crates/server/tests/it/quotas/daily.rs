//! What one user may do on one day: what an upload reserves, and what it has really used.

use http::Method;
use serde_json::json;

use super::{
    COVER, MIB, SIZE, amount, bytes_full, can_commit, file, put_cover, put_video, under, uploads_full,
};
use crate::upload::noise;

#[tokio::test]
async fn the_upload_beyond_daily_uploads_is_refused_and_not_counted() {
    under(json!({"name": "day", "daily_uploads": 3}), async |app| {
        for opened in 1..=3 {
            app.open_for("alice", file()).await;
            assert_eq!(app.used("alice").await, amount(opened, opened * SIZE));
        }
        for _ in 0..2 {
            app.full_for("alice", file(), &uploads_full(3, 3)).await;
        }
        assert_eq!(app.used("alice").await, amount(3, 3 * SIZE));
        assert_eq!(app.open_sessions().await, 3);
    })
    .await;
}

#[tokio::test]
async fn daily_bytes_are_reserved_as_announced_and_the_last_byte_fits() {
    under(json!({"name": "day", "daily_bytes": 3 * SIZE}), async |app| {
        app.open_for("alice", file()).await;
        app.full_for(
            "alice",
            json!({"videoType": "mp4", "videoSize": 2 * SIZE + 1}),
            &bytes_full(SIZE, 3 * SIZE, 2 * SIZE + 1),
        )
        .await;
        assert_eq!(app.used("alice").await, amount(1, SIZE));
        app.open_for("alice", json!({"videoType": "mp4", "videoSize": 2 * SIZE})).await;
        assert_eq!(app.used("alice").await, amount(2, 3 * SIZE));
        app.full_for(
            "alice",
            json!({"videoType": "mp4", "videoSize": 1}),
            &bytes_full(3 * SIZE, 3 * SIZE, 1),
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn no_bytes_arrive_beyond_those_that_were_reserved() {
    under(json!({"name": "day", "daily_bytes": 3 * SIZE}), async |app| {
        let upload = app.open_for("alice", file()).await;
        let (cos, key) = (&upload.cos, upload.cos.video.as_str());
        let id = cos.initiate(key).await;
        cos.send_part(key, &id, 1, noise(1, 600)).await;
        for call in [cos.call(Method::PUT, key).body(noise(1, 1_001)), cos.part(key, &id, 2, noise(2, 401))] {
            let (status, code, message) = call.send().await.cos_error();
            assert_eq!((status, code.as_str()), (400, "EntityTooLarge"), "{message}");
            assert!(message.contains("1001") && message.contains("1000"), "{message}");
        }
        cos.call(Method::PUT, key).body(noise(1, 1_000)).send().await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_file_of_unknown_size_reserves_the_largest_that_the_policy_allows() {
    let policy = json!({"name": "day", "max_size": 5 * MIB, "daily_bytes": 12 * MIB});
    under(policy, async |app| {
        let unknown = json!({"videoType": "mp4"});
        for opened in 1..=2 {
            app.open_for("alice", unknown.clone()).await;
            assert_eq!(app.used("alice").await, amount(opened, opened * 5 * MIB));
        }
        app.full_for("alice", unknown, &bytes_full(10 * MIB, 12 * MIB, 5 * MIB)).await;
        app.open_for("alice", json!({"videoType": "mp4", "videoSize": 2 * MIB})).await;
        assert_eq!(app.used("alice").await, amount(3, 12 * MIB));
    })
    .await;
}

#[tokio::test]
async fn a_cover_adds_the_largest_one_until_it_is_settled() {
    if !can_commit() {
        return;
    }
    let policy = json!({"name": "day", "max_size": 5 * MIB, "daily_bytes": 60 * MIB});
    under(policy, async |app| {
        let signature = app.issued("alice", true).await;
        let unknown = json!({"videoType": "mp4", "coverType": "png"});
        let upload = app.apply(&signature, unknown.clone()).await;
        assert_eq!(app.used("alice").await, amount(1, 5 * MIB + COVER));
        app.open_for("alice", unknown.clone()).await;
        let used = 2 * (5 * MIB + COVER);
        app.full_for("alice", unknown, &bytes_full(used, 60 * MIB, 5 * MIB + COVER)).await;
        put_video(&upload, noise(1, 3_000)).await;
        put_cover(&upload, noise(2, 500)).await;
        assert_eq!(app.used("alice").await, amount(2, used), "bytes that arrive settle nothing");
        for _ in 0..2 {
            app.commit_with(&signature, &upload).await;
            assert_eq!(app.used("alice").await, amount(2, 5 * MIB + COVER + 3_500));
        }
    })
    .await;
}

#[tokio::test]
async fn a_cover_that_stays_away_costs_nothing() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "day", "daily_bytes": 60 * MIB}), async |app| {
        let signature = app.issued("alice", true).await;
        let fields = json!({"videoType": "mp4", "videoSize": SIZE, "coverType": "png", "coverSize": 7});
        let upload = app.apply(&signature, fields).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE + COVER));
        put_video(&upload, noise(1, 1_000)).await;
        app.commit_with(&signature, &upload).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE));
    })
    .await;
}

#[tokio::test]
async fn another_cover_of_a_media_is_no_upload_but_has_bytes() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "day", "daily_uploads": 1, "daily_bytes": 30 * MIB}), async |app| {
        let signature = app.issued("alice", true).await;
        let upload = app.apply(&signature, file()).await;
        put_video(&upload, noise(1, 1_000)).await;
        let answer = app.commit_with(&signature, &upload).await;
        let cover = json!({"fileId": answer["fileId"], "coverName": "c", "coverType": "png"});
        let signature = app.issued("alice", true).await;
        let another = app.apply(&signature, cover.clone()).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE + COVER));
        app.full_for("alice", cover, &bytes_full(SIZE + COVER, 30 * MIB, COVER)).await;
        put_cover(&another, noise(2, 500)).await;
        app.commit_with(&signature, &another).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE + 500));
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_refused_settles_nothing() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "day", "daily_bytes": 3 * SIZE}), async |app| {
        let signature = app.issued("alice", true).await;
        let upload = app.apply(&signature, file()).await;
        put_video(&upload, noise(1, 999)).await;
        let body = crate::upload::signed(&signature, json!({"vodSessionKey": upload.session_key}));
        let message = app.refused("CommitUploadUGC", body, 10001).await;
        assert!(message.contains("999"), "{message}");
        assert_eq!(app.used("alice").await, amount(1, SIZE));
        put_video(&upload, noise(1, 1_000)).await;
        app.commit_with(&signature, &upload).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE));
    })
    .await;
}
