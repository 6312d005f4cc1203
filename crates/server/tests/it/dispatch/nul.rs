//! NUL, which PostgreSQL cannot store: refused with a sentence wherever it comes in, and never a failure inside.

use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::Parameters;
use serde_json::{Value, json};

use super::SIGN;
use crate::test_app::{ADMIN, BACKEND, TestApp};
use crate::upload::{permission, signed};

async fn servers() -> Vec<TestApp> {
    [Some(TestApp::start().await), TestApp::on_postgres().await].into_iter().flatten().collect()
}

#[tokio::test]
async fn addresses_with_it_are_refused() {
    for t in servers().await {
        for path in [
            "/v1/signature-log?user=%00",
            "/v1/revocations?after=a%00",
            "/v1/keys?after=%00",
            "/v1/keys?kind=secret&after=%00",
            "/v1/media/%00",
        ] {
            t.get(ADMIN, path).await.is_problem(400, "invalid_request", "the address holds %00");
        }
        for path in ["/v1/keys/%00/rotate", "/v1/keys/a%00b/revoke"] {
            t.post(ADMIN, path, json!({})).await.is_problem(400, "invalid_request", "the address holds %00");
        }
    }
}

#[tokio::test]
async fn orders_with_it_are_refused() {
    for t in servers().await {
        for (order, code, words) in [
            (
                json!({"source_context": "a\u{0}b"}),
                "value_out_of_range",
                "sourceContext holds a NUL character",
            ),
            (
                json!({"session_context": "\u{0}"}),
                "value_out_of_range",
                "sessionContext holds a NUL character",
            ),
            (json!({"user": "\u{0}"}), "permission_out_of_range", "the user holds control characters"),
        ] {
            t.post(BACKEND, SIGN, order).await.is_problem(422, code, words);
        }
    }
}

#[tokio::test]
async fn signatures_with_it_are_refused_at_the_door_and_explained() {
    type Change = fn(&mut Parameters);
    assert!(Permission { id: "a\u{0}".to_owned(), ..permission() }.encode().is_err());
    let changes: [(Change, &str); 3] = [
        (|p| p.source_context = Some("a\u{0}b".to_owned()), "sourceContext"),
        (|p| p.session_context = Some("\u{0}".to_owned()), "sessionContext"),
        (|p| p.procedure = Some("\u{0}".to_owned()), "procedure"),
    ];
    for t in servers().await {
        for (change, name) in changes {
            let signature = t.sign(change);
            for action in ["PrepareUploadUGC", "ApplyUploadUGC"] {
                let body = signed(&signature, json!({"videoType": "mp4"}));
                let message = t.refused(action, body, 10001).await;
                assert!(message.ends_with(&format!("{name} holds a NUL character, which cannot be stored")));
            }
            let explained = t.post(BACKEND, "/v1/signatures/explain", json!({"signature": signature})).await;
            assert_eq!(explained.expect(200).json["refusal"]["rule"], "values");
        }
        // Nobody can make it with the server's own code; somebody with the key can.
        let json = json!({"i": "a\u{0}", "k": "b", "r": 1});
        let signature = t.sign(|p| p.reelgate = Some(format!("1.{}", encoded(&json))));
        t.refused("ApplyUploadUGC", signed(&signature, json!({"videoType": "mp4"})), 10004).await;
        let explained = t.post(BACKEND, "/v1/signatures/explain", json!({"signature": signature})).await;
        assert_eq!(explained.expect(200).json["refusal"]["rule"], "permission");
    }
}

fn encoded(json: &Value) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
}
