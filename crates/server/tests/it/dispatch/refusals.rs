//! What no caller may have of this server, whatever its policy: a code, a status and a sentence for each. Refusals of
//! credentials are in `callers`, `jwt`, `forward` and `anonymous`, those of policies in `policy_refusals`, those of
//! rates in `rates`.

use serde_json::json;

use super::{SIGN, start, start_with};
use crate::test_app::{ADMIN, Answer, BACKEND, SECRET_ID, TestApp};

#[tokio::test]
async fn every_limit_of_the_server_is_named() {
    let t = start_with(&[], &[("REELGATE_UPLOAD__MAX_SIZE", "5000")]).await;
    let many: Vec<_> = (0..33).map(|n| format!("t{n}")).collect();
    for (order, code, sentence) in [
        (
            json!({"procedure": "nothing"}),
            "procedure_unknown",
            "procedure \"nothing\" is not known; known are LongVideoPreset, ReelgateShortVideo",
        ),
        (
            json!({"valid_seconds": 7_776_001}),
            "validity_out_of_range",
            "valid_seconds 7776001 is outside the 1 to 7776000 that this server allows; no signature is good for \
             more than 7776000 (90 days)",
        ),
        (
            json!({"source_context": "界".repeat(251)}),
            "context_too_long",
            "source_context has 251 characters, more than the 250 allowed",
        ),
        (
            json!({"session_context": "x".repeat(1001)}),
            "context_too_long",
            "session_context has 1001 characters, more than the 1000 allowed",
        ),
        (
            json!({"max_size": 5001}),
            "max_size_out_of_range",
            "max_size 5001 is outside 1 to 5000, the largest file that this server allows",
        ),
        (
            json!({"max_duration": 0}),
            "max_duration_out_of_range",
            "max_duration 0 is outside 1 to 4294967295 s, the longest video that this server allows",
        ),
        (json!({"class_id": -7}), "class_id_out_of_range", "class_id -7 is negative; 0 means no category"),
        (
            json!({"storage_region": ""}),
            "storage_region_out_of_range",
            "storage_region \"\" is not a region name such as ap-guangzhou",
        ),
        (
            json!({"user": "u".repeat(257)}),
            "permission_out_of_range",
            "upload permission: the user has 257 bytes, more than 256",
        ),
        (
            json!({"user": "a\nb"}),
            "permission_out_of_range",
            "upload permission: the user holds control characters",
        ),
        (json!({"types": many}), "permission_out_of_range", "upload permission: 33 types, more than 32"),
        (
            json!({"types": ["mp4", "a/b"]}),
            "permission_out_of_range",
            "upload permission: type \"a/b\" is not a lower-case extension of up to 16 characters",
        ),
    ] {
        let answer = t.post(BACKEND, SIGN, order.clone()).await;
        answer.is_problem(422, code, "");
        assert_eq!(answer.json["detail"], sentence, "{order}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_order_are_refused_by_their_field() {
    let t = TestApp::start().await;
    let json_type = ("content-type", "application/json");
    for (kind, body, status, code, words) in [
        (json_type, "{", 400, "invalid_request", "the body is not the JSON that is wanted"),
        (json_type, r#"{"max_sise":1}"#, 400, "invalid_request", "unknown field `max_sise`"),
        (json_type, r#"{"max_size":-1}"#, 400, "invalid_request", "invalid value"),
        (json_type, r#"{"tags":{"plan":7}}"#, 400, "invalid_request", "the body is not"),
        (("content-type", "text/plain"), "{}", 415, "unsupported_media_type", "application/json"),
    ] {
        let request = t.http.post(t.url(SIGN)).bearer_auth(BACKEND).header(kind.0, kind.1).body(body);
        Answer::of(request).await.is_problem(status, code, words);
    }
    let huge = t.http.post(t.url(SIGN)).bearer_auth(BACKEND).header(json_type.0, json_type.1);
    let answer = Answer::of(huge.body(vec![b' '; (1 << 20) + 1])).await;
    answer.is_problem(413, "too_large", "larger than the 65536 bytes that are taken; send less");
    let odd = t.http.post(t.url(SIGN)).bearer_auth(BACKEND).header("content-type", "application/x+json");
    Answer::of(odd.body("{}")).await.expect(200);
}

#[tokio::test]
async fn without_a_secret_id_for_the_application_there_is_a_conflict() {
    let t = TestApp::start().await;
    t.post(ADMIN, &format!("/v1/keys/{SECRET_ID}/revoke"), json!({})).await.expect(204);
    let sentence = format!(
        "application {} has no enabled SecretId to sign with; create one with `reelgate key create NAME --secret`",
        crate::test_app::MAIN
    );
    t.post(BACKEND, SIGN, json!({})).await.is_problem(409, "conflict", &sentence);
}

#[tokio::test]
async fn what_fails_inside_is_not_told() {
    let t = start(&[]).await;
    // The copy of keys must be checked now, and the database is no database any more.
    for file in ["reelgate.db", "reelgate.db-wal"] {
        let path = t.dir.path().join("data").join(file);
        let length = std::fs::metadata(&path).map_or(0, |found| found.len());
        std::fs::write(&path, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    }
    t.app.directory.changed();
    let answer = t.post(BACKEND, SIGN, json!({})).await;
    answer.is_problem(503, "unavailable", "the database does not answer, so keys cannot be checked");
    assert!(!answer.text.contains("SQLite") && !answer.text.contains("malformed"), "{}", answer.text);
}
