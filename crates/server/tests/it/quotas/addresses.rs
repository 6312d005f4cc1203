//! From how many addresses one signature may be used.

use serde_json::{Value, json};

use super::{SIZE, amount, can_commit, file, put_video, under};
use crate::test_app::TestApp;
use crate::upload::{noise, signed};

/// The code of an Apply from `address`; a refusal has the sentence of this limit.
async fn apply_from(app: &TestApp, address: &str, body: &Value) -> (i64, Value) {
    let answer = app.ugc_from(address, "ApplyUploadUGC", body).await;
    let code = answer["code"].as_i64().unwrap();
    if code != 0 {
        assert_eq!(
            answer["message"],
            "ugc upload | invalid request: this signature has been used from 2 addresses already, which is all it \
             allows; fetch a new one"
        );
    }
    (code, answer["data"].clone())
}

#[tokio::test]
async fn a_third_address_is_refused_and_the_known_ones_stay_good() {
    under(json!({"name": "near", "addresses": 2, "daily_uploads": 9}), async |app| {
        let body = signed(&app.issued("alice", false).await, file());
        for (address, code) in [
            ("203.0.113.1", 0),
            ("203.0.113.2", 0),
            ("203.0.113.3", 10001),
            ("203.0.113.3", 10001),
            ("203.0.113.1", 0),
            ("::ffff:203.0.113.2", 0),
            ("198.51.100.9, 203.0.113.1", 0),
        ] {
            assert_eq!(apply_from(app, address, &body).await.0, code, "{address}");
        }
        assert_eq!(app.used("alice").await, amount(5, 5 * SIZE), "who is refused is not counted");
        let other = signed(&app.issued("alice", false).await, file());
        assert_eq!(apply_from(app, "203.0.113.3", &other).await.0, 0, "another signature counts for itself");
    })
    .await;
}

#[tokio::test]
async fn ipv6_is_counted_by_64() {
    under(json!({"name": "near", "addresses": 2}), async |app| {
        let body = signed(&app.issued("alice", false).await, file());
        for (address, code) in [
            ("2001:db8:1:1::1", 0),
            ("2001:db8:1:1:ffff:ffff:ffff:ffff", 0),
            ("2001:db8:1:2::1", 0),
            ("2001:db8:1:3::1", 10001),
            ("203.0.113.1", 10001),
            ("2001:db8:1:2:8000::7", 0),
        ] {
            assert_eq!(apply_from(app, address, &body).await.0, code, "{address}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_resume_is_counted_and_a_commit_is_not() {
    if !can_commit() {
        return;
    }
    under(json!({"name": "near", "addresses": 2}), async |app| {
        let signature = app.issued("alice", false).await;
        let upload = app.apply_at("203.0.113.1", &signature, file()).await;
        let resume = signed(&signature, json!({"vodSessionKey": upload.session_key}));
        assert_eq!(apply_from(app, "203.0.113.2", &resume).await.0, 0);
        for _ in 0..2 {
            assert_eq!(apply_from(app, "203.0.113.3", &resume).await.0, 10001);
        }
        assert_eq!(apply_from(app, "203.0.113.2", &signed(&signature, file())).await.0, 0);
        put_video(&upload, noise(1, 1_000)).await;
        let answer = app.ugc_from("203.0.113.4", "CommitUploadUGC", &resume).await;
        assert_eq!(answer["code"], 0, "{answer}");
        assert_eq!(apply_from(app, "203.0.113.4", &signed(&signature, file())).await.0, 10001);
    })
    .await;
}

/// Who repeats the request gets credentials of the session, as who resumes it does.
#[tokio::test]
async fn the_identical_request_of_a_one_time_signature_is_counted_from_each_address() {
    under(json!({"name": "near", "addresses": 2, "daily_uploads": 9}), async |app| {
        let body = signed(&app.issued("alice", true).await, file());
        let (code, first) = apply_from(app, "203.0.113.1", &body).await;
        assert_eq!(code, 0);
        let (code, again) = apply_from(app, "203.0.113.2", &body).await;
        assert_eq!((code, &again["vodSessionKey"]), (0, &first["vodSessionKey"]));
        assert_eq!(apply_from(app, "203.0.113.3", &body).await.0, 10001);
        assert_eq!(apply_from(app, "203.0.113.1", &body).await.0, 0);
        assert_eq!(app.used("alice").await, amount(1, SIZE));
    })
    .await;
}

#[tokio::test]
async fn addresses_are_remembered_as_long_as_the_signature_is_good() {
    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
    under(json!({"name": "near", "addresses": 2, "validity": 30 * 86_400}), async |app| {
        let body = signed(&app.issued("alice", false).await, file());
        for address in ["203.0.113.1", "203.0.113.2"] {
            assert_eq!(apply_from(app, address, &body).await.0, 0, "{address}");
        }
        // Their sessions are long over, and what nobody asks for any more is forgotten.
        app.clock.advance(29 * DAY);
        reelgate_server::upkeep::round(&app.app).await.unwrap();
        assert_eq!(apply_from(app, "203.0.113.3", &body).await.0, 10001);
        assert_eq!(apply_from(app, "203.0.113.1", &body).await.0, 0);
    })
    .await;
}
