//! What one signature may have open at once.

use reelgate_server::upkeep;
use serde_json::json;

use super::{COVER, DAY, MIB, SIZE, amount, can_commit, file, put_video, under};
use crate::test_app::TestApp;
use crate::upload::{noise, signed};

async fn refused(app: &TestApp, signature: &str, fields: serde_json::Value) -> String {
    let message = app.refused("ApplyUploadUGC", signed(signature, fields), 10001).await;
    message.strip_prefix("ugc upload | invalid request: ").unwrap().to_owned()
}

fn sessions_full(used: u64, most: u64) -> String {
    format!(
        "this signature has {used} uploads open and allows {most} at once; finish one of them, or fetch another signature"
    )
}

fn flight_full(used: u64, most: u64, wanted: u64) -> String {
    format!(
        "the open uploads of this signature have announced {used} of {most} bytes, and this one {wanted}; finish one of \
         them, or fetch another signature"
    )
}

#[tokio::test]
async fn open_sessions_are_held_until_a_commit_or_an_end() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "open", "open_sessions": 2}), async |app| {
        let signature = app.issued("alice", false).await;
        let first = app.apply(&signature, file()).await;
        app.apply(&signature, file()).await;
        assert_eq!(refused(app, &signature, file()).await, sessions_full(2, 2));
        let session = app.session(&first).await;
        assert_eq!(app.occupied(&session).await, amount(2, 2 * SIZE));
        app.apply(&app.issued("alice", false).await, file()).await;
        app.apply(&signature, json!({"vodSessionKey": first.session_key})).await;
        assert_eq!(
            app.occupied(&session).await,
            amount(2, 2 * SIZE),
            "neither another signature nor a resume counts"
        );
        put_video(&first, noise(1, 1_000)).await;
        app.commit_with(&signature, &first).await;
        assert_eq!(app.occupied(&session).await, amount(1, SIZE));
        app.apply(&signature, file()).await;
        assert_eq!(refused(app, &signature, file()).await, sessions_full(2, 2));
        app.advance(2 * DAY);
        upkeep::round(&app.app).await.unwrap();
        assert_eq!(app.occupied(&session).await, amount(0, 0));
        assert_eq!(app.used("alice").await, amount(0, 0), "this policy counts no days");
    })
    .await;
}

#[tokio::test]
async fn bytes_in_flight_are_what_open_uploads_have_announced() {
    let policy = json!({"name": "open", "max_size": 4 * MIB, "bytes_in_flight": 30 * MIB});
    under(policy, async |app| {
        let signature = app.issued("alice", false).await;
        let cover =
            app.apply(&signature, json!({"videoType": "mp4", "videoSize": MIB, "coverType": "png"})).await;
        app.apply(&signature, json!({"videoType": "mp4"})).await;
        let session = app.session(&cover).await;
        assert_eq!(app.occupied(&session).await, amount(2, 5 * MIB + COVER));
        app.apply(&signature, json!({"videoType": "mp4"})).await;
        let used = 9 * MIB + COVER;
        assert_eq!(
            refused(app, &signature, json!({"videoType": "mp4", "videoSize": MIB + 1})).await,
            flight_full(used, 30 * MIB, MIB + 1)
        );
        app.apply(&signature, json!({"videoType": "mp4", "videoSize": MIB})).await;
        assert_eq!(app.occupied(&session).await, amount(4, 30 * MIB));
        assert_eq!(refused(app, &signature, file()).await, flight_full(30 * MIB, 30 * MIB, SIZE));
    })
    .await;
}

#[tokio::test]
async fn a_signature_that_the_application_made_itself_is_held_by_its_mac() {
    let policy = json!({"name": "alone", "match": {"via": "self_signed"}, "open_sessions": 1});
    under(policy, async |app| {
        let (one, other) = (app.sign(|_| {}), app.sign(|_| {}));
        let upload = app.apply(&one, file()).await;
        assert!(app.session(&upload).await.request.holder.starts_with("mac-"));
        assert_eq!(refused(app, &one, file()).await, sessions_full(1, 1));
        app.apply(&other, file()).await;
    })
    .await;
}

#[tokio::test]
async fn what_the_day_refuses_does_not_occupy_the_signature_and_the_other_way_round() {
    under(json!({"name": "both", "daily_uploads": 1, "open_sessions": 2}), async |app| {
        let signature = app.issued("alice", false).await;
        let session = app.session(&app.apply(&signature, file()).await).await;
        refused(app, &signature, file()).await;
        assert_eq!(
            (app.used("alice").await, app.occupied(&session).await),
            (amount(1, SIZE), amount(1, SIZE))
        );
    })
    .await;
    under(json!({"name": "both", "daily_uploads": 2, "open_sessions": 1}), async |app| {
        let signature = app.issued("alice", false).await;
        let session = app.session(&app.apply(&signature, file()).await).await;
        assert_eq!(refused(app, &signature, file()).await, sessions_full(1, 1));
        assert_eq!(
            (app.used("alice").await, app.occupied(&session).await),
            (amount(1, SIZE), amount(1, SIZE))
        );
    })
    .await;
}
