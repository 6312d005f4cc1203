use std::time::Duration;

use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::{Parameters, Unverified, UploadSignature};
use serde_json::{Value, json};

use crate::test_app::{ADMIN, Answer, BACKEND, MAIN, SECRET_ID, SECRET_KEY, START, TestApp};

const PATH: &str = "/v1/upload-signatures";

fn verified(signature: &Value) -> UploadSignature {
    let unverified = Unverified::decode(signature.as_str().unwrap()).unwrap();
    assert_eq!(unverified.secret_id(), SECRET_ID);
    unverified.verify(SECRET_KEY.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_signature_has_the_defaults_and_verifies() {
    let t = TestApp::start().await;
    let answer = Answer::of(t.http.post(t.url(PATH)).bearer_auth(BACKEND)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let signature = verified(&answer.json["signature"]);
    let parameters = signature.parameters();
    parameters.check_window(START.seconds()).unwrap();
    parameters.check_ranges().unwrap();
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 3600);
    assert_eq!((parameters.one_time_valid, parameters.vod_sub_app_id), (true, Some(MAIN.0)));
    assert_eq!(parameters.procedure.as_deref().unwrap_or(""), t.app.config.dispatch.procedure);
    assert_eq!(
        (&parameters.source_context, &answer.json["procedure"]),
        (&None, &json!(t.app.config.dispatch.procedure))
    );
    let permission = Permission::parse(parameters.reelgate.as_deref().unwrap()).unwrap();
    assert_eq!(answer.json["permission_id"], json!(permission.id));
    assert_eq!((permission.user.as_str(), permission.max_size), ("", None));
    assert_eq!(answer.json["expires_at"], "2026-05-28T21:26:40.000Z");
    assert_eq!(answer.json["one_time"], true);
    assert_eq!(answer.json["limits"], json!({"max_size": 48_u64 << 30, "types": []}));
    let host = t.base.strip_prefix("http://").unwrap();
    assert_eq!(answer.json["hosts"], json!({"ugc": t.base, "object": format!("{host}/cos/{{Bucket}}")}));
}

#[tokio::test]
async fn what_was_asked_for_is_signed() {
    let t = TestApp::start().await;
    let body = json!({
        "procedure": "ReelgateShortVideo", "user": "user-42", "source_context": "a=1&b=会", "session_context": "s s",
        "class_id": 7, "valid_seconds": 60, "one_time": false, "max_size": 1000, "types": ["MP4", ".mov"],
    });
    let answer = t.post(BACKEND, PATH, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let signature = verified(&answer.json["signature"]);
    let parameters = signature.parameters();
    assert_eq!(parameters.procedure.as_deref(), Some("ReelgateShortVideo"));
    assert_eq!(parameters.source_context.as_deref(), Some("a=1&b=会"));
    assert_eq!(parameters.session_context.as_deref(), Some("s s"));
    assert_eq!((parameters.class_id, parameters.one_time_valid), (7, false));
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 60);
    let permission = Permission::parse(parameters.reelgate.as_deref().unwrap()).unwrap();
    assert_eq!((permission.user.as_str(), permission.max_size), ("user-42", Some(1000)));
    assert_eq!(permission.types, ["mp4", "mov"]);
    assert_eq!(answer.json["limits"], json!({"max_size": 1000, "types": ["mp4", "mov"]}));
    let again = t.post(BACKEND, PATH, json!({})).await;
    assert_ne!(again.json["signature"], answer.json["signature"]);
}

#[tokio::test]
async fn every_refusal_names_its_limit() {
    let t =
        TestApp::with(&[("REELGATE_UPLOAD__MAX_SIZE", "5000")], reelgate_model::Clock::manual(START)).await;
    for (body, status, code, words) in [
        (
            json!({"procedure": "nothing"}),
            422,
            "procedure_unknown",
            "\"nothing\" is not known; known are LongVideoPreset",
        ),
        (
            json!({"valid_seconds": 7_776_001}),
            422,
            "validity_out_of_range",
            "7776001 is outside the 1 to 7776000",
        ),
        (json!({"valid_seconds": 0}), 422, "validity_out_of_range", "0 is outside"),
        (
            json!({"source_context": "界".repeat(251)}),
            422,
            "context_too_long",
            "source_context has 251 characters, more than the 250",
        ),
        (
            json!({"session_context": "x".repeat(1001)}),
            422,
            "context_too_long",
            "session_context has 1001 characters, more than the 1000",
        ),
        (json!({"max_size": 5001}), 422, "max_size_out_of_range", "5001 is outside 1 to 5000"),
        (json!({"max_size": 0}), 422, "max_size_out_of_range", "0 is outside"),
        (json!({"class_id": -1}), 422, "class_id_out_of_range", "-1 is negative"),
        (
            json!({"user": "u".repeat(257)}),
            422,
            "permission_out_of_range",
            "the user has 257 bytes, more than 256",
        ),
        (json!({"types": ["../x"]}), 422, "permission_out_of_range", "not a lower-case extension"),
        (json!({"max_sise": 1}), 400, "invalid_request", "unknown field `max_sise`"),
        (json!([1]), 400, "invalid_request", "JSON"),
    ] {
        t.post(BACKEND, PATH, body).await.is_problem(status, code, words);
    }
    let at_the_limit =
        json!({"source_context": "界".repeat(250), "session_context": "界".repeat(1000), "max_size": 5000});
    assert_eq!(t.post(BACKEND, PATH, at_the_limit).await.status, 200);
}

#[tokio::test]
async fn nobody_signs_without_a_key_that_may() {
    let t = TestApp::start().await;
    let send = |request: reqwest::RequestBuilder| Answer::of(request.json(&json!({})));
    send(t.http.post(t.url(PATH))).await.is_problem(401, "unauthenticated", "no credentials");
    send(t.http.post(t.url(PATH)).bearer_auth("rgk_x")).await.is_problem(
        401,
        "unauthenticated",
        "not known or was revoked",
    );
    send(t.http.post(t.url(PATH)).header("authorization", "Basic eA==")).await.is_problem(
        401,
        "unauthenticated",
        "Bearer",
    );
    let reader = t.post(ADMIN, "/v1/keys", json!({"name": "reader", "scopes": ["read"]})).await;
    let reader = reader.json["secret"].as_str().unwrap();
    t.post(reader, PATH, json!({})).await.is_problem(403, "forbidden", "lacks the scope `sign`");
}

#[tokio::test]
async fn without_a_secret_id_there_is_nothing_to_sign_with() {
    let t = TestApp::start().await;
    assert_eq!(t.post(ADMIN, &format!("/v1/keys/{SECRET_ID}/revoke"), json!({})).await.status, 204);
    t.post(BACKEND, PATH, json!({})).await.is_problem(409, "conflict", "no enabled SecretId");
    let made = t.post(ADMIN, "/v1/keys", json!({"kind": "secret", "name": "second"})).await;
    let answer = t.post(BACKEND, PATH, json!({})).await;
    let signature = Unverified::decode(answer.json["signature"].as_str().unwrap()).unwrap();
    assert_eq!(signature.secret_id(), made.json["id"]);
    signature.verify(made.json["secret"].as_str().unwrap().as_bytes()).unwrap();
}

#[tokio::test]
async fn the_sample_service_answers_in_its_shape_with_its_defaults() {
    let t = TestApp::start().await;
    let answer = t.get(BACKEND, "/getUploadSignature").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let signature = answer.json["data"]["signature"].as_str().unwrap();
    assert_eq!(answer.text, format!(r#"{{"code":0,"message":"ok","data":{{"signature":"{signature}"}}}}"#));
    assert!(answer.headers.get("access-control-allow-origin").is_none());
    let unverified = Unverified::decode(signature).unwrap();
    let original = unverified.original().to_owned();
    let now = START.seconds();
    let beginning =
        format!("secretId={SECRET_ID}&currentTimeStamp={now}&expireTime={}&random=", now + 86_400);
    let rest = original.strip_prefix(&beginning).unwrap_or_else(|| panic!("{original}"));
    let (_, rest) = rest.split_once('&').unwrap();
    assert!(rest.starts_with("procedure=&classId=0&oneTimeValid=0&sourceContext=&vodSubAppId="), "{rest}");
    unverified.verify(SECRET_KEY.as_bytes()).unwrap();
}

#[tokio::test]
async fn the_sample_service_takes_its_keys_from_query_form_and_json() {
    let t = TestApp::start().await;
    let keys =
        [("procedure", "LongVideoPreset"), ("classId", "3"), ("oneTimeValid", "1"), ("sourceContext", "a b")];
    let url = t.url("/getUploadSignature");
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(keys).finish();
    let form = "application/x-www-form-urlencoded";
    let json =
        json!({"procedure": "LongVideoPreset", "classId": 3, "oneTimeValid": true, "sourceContext": "a b"});
    for request in [
        t.http.get(format!("{url}?{encoded}")),
        t.http.post(&url).header("content-type", form).body(encoded.clone()),
        t.http.post(&url).json(&json),
    ] {
        let answer = Answer::of(request.bearer_auth(BACKEND)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let signature = verified(&answer.json["data"]["signature"]);
        let Parameters { procedure, class_id, one_time_valid, source_context, .. } = signature.parameters();
        assert_eq!((procedure.as_deref(), source_context.as_deref()), (Some("LongVideoPreset"), Some("a b")));
        assert_eq!((*class_id, *one_time_valid), (3, true));
    }
}

#[tokio::test]
async fn the_sample_service_refuses_in_its_shape() {
    let t = TestApp::start().await;
    let url = t.url("/getUploadSignature");
    for (request, status, words) in [
        (t.http.get(&url), 401, "no credentials"),
        (t.http.get(&url).bearer_auth("rgk_x"), 401, "not known"),
        (t.http.get(format!("{url}?procedure=x")).bearer_auth(BACKEND), 422, "procedure \"x\" is not known"),
        (
            t.http.get(format!("{url}?oneTimeValid=2")).bearer_auth(BACKEND),
            400,
            "oneTimeValid must be 0 or 1",
        ),
        (t.http.get(format!("{url}?classId=x")).bearer_auth(BACKEND), 400, "classId must be an integer"),
        (t.http.post(&url).body("[]").bearer_auth(BACKEND), 400, "neither a form nor a JSON object"),
    ] {
        let answer = Answer::of(request).await;
        assert_eq!(
            (answer.status, answer.json["code"].as_u64()),
            (status, Some(u64::from(status))),
            "{}",
            answer.text
        );
        assert!(answer.json["message"].as_str().unwrap().contains(words), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_explanation_names_the_first_rule_that_fails() {
    let t = TestApp::start().await;
    let explain =
        async |text: &str| t.post(BACKEND, "/v1/signatures/explain", json!({"signature": text})).await;
    let good = t.post(BACKEND, PATH, json!({"user": "user-42"})).await;
    let good = good.json["signature"].as_str().unwrap().to_owned();
    let answer = explain(&good).await;
    assert_eq!(
        (&answer.json["ok"], &answer.json["mac"]),
        (&json!(true), &json!("matches")),
        "{}",
        answer.text
    );
    assert_eq!(answer.json["permission"]["user"], "user-42");
    assert_eq!(answer.json["clock"]["remaining"], 3600);
    assert_eq!(answer.json["fields"][0], json!({"name": "secretId", "value": SECRET_ID}));
    assert!(!answer.text.contains(SECRET_KEY));

    let sign = |change: fn(&mut Parameters), key: &str| {
        let now = START.seconds();
        let mut parameters = Parameters {
            secret_id: SECRET_ID.to_owned(),
            current_time_stamp: now,
            expire_time: now + 100,
            ..Parameters::default()
        };
        change(&mut parameters);
        parameters.sign(key.as_bytes())
    };
    for (signature, rule, code) in [
        ("%%%".to_owned(), "form", 10004),
        (sign(|p| p.secret_id = "AKIDother".to_owned(), SECRET_KEY), "secret_id", 10004),
        (sign(|_| (), "another key"), "mac", 10004),
        (sign(|p| p.expire_time = 1, SECRET_KEY), "validity", 10004),
        (sign(|p| p.task_priority = 99, SECRET_KEY), "values", 10001),
        (sign(|p| p.vod_sub_app_id = Some(5), SECRET_KEY), "application", 10001),
        (sign(|p| p.reelgate = Some("9.x".to_owned()), SECRET_KEY), "permission", 10004),
    ] {
        let answer = explain(&signature).await;
        let refusal = &answer.json["refusal"];
        assert_eq!((&answer.json["ok"], &refusal["rule"]), (&json!(false), &json!(rule)), "{}", answer.text);
        assert_eq!(refusal["vendor_code"], code);
        assert!(
            !refusal["sentence"].as_str().unwrap().is_empty()
                && !refusal["advice"].as_str().unwrap().is_empty()
        );
    }
    t.clock.advance(Duration::from_secs(3600));
    let answer = explain(&good).await;
    assert_eq!(
        (&answer.json["refusal"]["rule"], &answer.json["refusal"]["vendor_code"]),
        (&json!("validity"), &json!(10010))
    );
}

#[tokio::test]
async fn procedures_are_listed() {
    let t = TestApp::start().await;
    let answer = t.get(BACKEND, "/v1/procedures").await;
    let names: Vec<_> =
        answer.json["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["LongVideoPreset", "ReelgateShortVideo"]);
}
