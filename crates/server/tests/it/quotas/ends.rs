//! Sessions that end without a Commit give back all they took, on the day on which they took it.

use reelgate_server::upkeep;
use serde_json::json;

use super::{COVER, DAY, SIZE, amount, can_commit, file, put_video, under, uploads_full};
use crate::test_app::{BACKEND, START};
use crate::upload::{noise, signed};

/// From the beginning of every test to the end of its UTC day.
const TO_MIDNIGHT: u64 = 12_800;

#[tokio::test]
async fn expiry_gives_back_the_whole_reservation() {
    under(json!({"name": "day", "daily_uploads": 2, "open_sessions": 2}), async |app| {
        let day = app.today();
        let with_cover = json!({"videoType": "mp4", "videoSize": SIZE, "coverType": "png"});
        let upload = app.open_for("alice", with_cover).await;
        put_video(&upload, noise(1, 1_000)).await;
        app.open_for("alice", file()).await;
        assert_eq!(app.used_on("alice", day).await, amount(2, 2 * SIZE + COVER));
        assert_eq!(app.occupied(&app.session(&upload).await).await, amount(1, SIZE + COVER));
        app.advance(2 * DAY - 1);
        upkeep::round(&app.app).await.unwrap();
        assert_eq!(app.used_on("alice", day).await, amount(2, 2 * SIZE + COVER), "not due yet");
        app.advance(1);
        for _ in 0..2 {
            upkeep::round(&app.app).await.unwrap();
            assert_eq!(app.used_on("alice", day).await, amount(0, 0));
            assert_eq!(app.occupied(&app.session(&upload).await).await, amount(0, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn revocation_gives_back_the_whole_reservation_and_ends_what_is_open() {
    under(json!({"name": "day", "daily_uploads": 3}), async |app| {
        let (mine, other) = (app.issued("alice", true).await, app.open_for("bob", file()).await);
        let upload = app.apply(&mine, file()).await;
        for _ in 0..2 {
            app.open_for("alice", file()).await;
        }
        app.full_for("alice", file(), &uploads_full(3, 3)).await;
        app.advance(1);
        let revoked = app.post(BACKEND, "/v1/revocations", json!({"user": "alice"})).await.expect(200).json;
        assert_eq!(revoked["sessions_ended"], 3, "{revoked}");
        assert_eq!(app.session(&upload).await.end_reason, "permission_revoked");
        assert_eq!((app.used("alice").await, app.used("bob").await), (amount(0, 0), amount(1, SIZE)));
        let sentence = "the permissions of this user were revoked; fetch a new signature";
        for action in ["ApplyUploadUGC", "CommitUploadUGC"] {
            let body = signed(&mine, json!({"vodSessionKey": upload.session_key}));
            assert!(app.refused(action, body, 10004).await.ends_with(sentence));
        }
        let late = upload.cos.call(http::Method::PUT, &upload.cos.video).body("late").send().await;
        let (status, code, message) = late.cos_error();
        assert_eq!((status, code.as_str()), (403, "AccessDenied"), "{message}");
        put_video(&other, noise(1, 1_000)).await;
        app.advance(1);
        app.open_for("alice", file()).await;
        assert_eq!(app.used("alice").await, amount(1, SIZE), "a new permission counts anew");
    })
    .await;
}

#[tokio::test]
async fn a_new_utc_day_begins_at_nothing() {
    under(json!({"name": "day", "daily_uploads": 1, "daily_bytes": SIZE}), async |app| {
        let yesterday = app.today();
        app.open_for("alice", file()).await;
        app.advance(TO_MIDNIGHT - 1);
        assert_eq!(app.clock.now().seconds() % 86_400, 86_399);
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
        app.advance(1);
        assert_eq!(app.today(), yesterday + 1);
        app.open_for("alice", file()).await;
        assert_eq!(
            (app.used_on("alice", yesterday).await, app.used("alice").await),
            (amount(1, SIZE), amount(1, SIZE))
        );
        app.full_for("alice", file(), &uploads_full(1, 1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_session_of_yesterday_settles_yesterdays_row() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "day", "max_size": 5_000, "daily_uploads": 5}), async |app| {
        let yesterday = app.today();
        assert_eq!(yesterday, START.seconds() / 86_400);
        let signature = app.issued("alice", true).await;
        let unknown = json!({"videoType": "mp4"});
        let committed = app.apply(&signature, unknown.clone()).await;
        put_video(&committed, noise(1, 300)).await;
        app.open_for("alice", unknown.clone()).await;
        assert_eq!(app.used("alice").await, amount(2, 10_000));
        app.advance(TO_MIDNIGHT);
        app.open_for("alice", unknown).await;
        app.commit_with(&signature, &committed).await;
        assert_eq!(app.used_on("alice", yesterday).await, amount(2, 5_300), "settled");
        assert_eq!(app.used("alice").await, amount(1, 5_000));
        app.advance(2 * DAY - TO_MIDNIGHT);
        upkeep::round(&app.app).await.unwrap();
        assert_eq!(app.used_on("alice", yesterday).await, amount(1, 300), "given back");
        assert_eq!(app.used_on("alice", yesterday + 1).await, amount(1, 5_000), "not due yet");
        app.advance(TO_MIDNIGHT);
        upkeep::round(&app.app).await.unwrap();
        assert_eq!(app.used_on("alice", yesterday + 1).await, amount(0, 0));
        app.advance(5 * DAY);
        upkeep::round(&app.app).await.unwrap();
        assert_eq!(
            app.used_on("alice", yesterday).await,
            amount(0, 0),
            "forgotten when nobody settles it any more"
        );
    })
    .await;
}
