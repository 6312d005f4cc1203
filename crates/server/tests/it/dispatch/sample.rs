//! The vendor's sample service and its two demo backends: their shapes, whatever is answered.

use serde_json::{Value, json};

use super::callers_app::{CallersApp, Reply};
use super::{start, verified};
use crate::test_app::{Answer, BACKEND, TestApp};

const PATH: &str = "/getUploadSignature";

/// A shape: its word in the configuration, where it has the signature, and what else its success says.
const SHAPES: [(&str, &str, &str); 3] = [
    ("sample", "/data/signature", r#"{"code":0,"message":"ok","data":{"signature":"…"}}"#),
    ("demo", "/data/signature", r#"{"code":200,"message":"ok","data":{"signature":"…"}}"#),
    ("demo-upload-sign", "/Data/UploadSign", r#"{"Code":0,"Message":"ok","Data":{"UploadSign":"…"}}"#),
];

/// A server with this shape, where every user gets one signature a minute.
async fn shaped(shape: &str) -> TestApp {
    let policies = json!([{"name": "slow", "rate": {"per_minute": 1}}]);
    start(&[("SAMPLE_SHAPE", json!(shape)), ("POLICIES", policies)]).await
}

#[tokio::test]
async fn success_has_the_shape() {
    for (shape, place, whole) in SHAPES {
        let t = shaped(shape).await;
        let answer = t.get(BACKEND, PATH).await.expect(200);
        let signature = answer.json.pointer(place).unwrap();
        assert_eq!(answer.text, whole.replace('…', signature.as_str().unwrap()), "{shape}");
        verified(signature);
    }
}

#[tokio::test]
async fn refusals_have_the_shape_a_code_and_a_message() {
    for (shape, _, whole) in SHAPES {
        let t = shaped(shape).await;
        let names = if whole.contains("Code") { ["Code", "Message"] } else { ["code", "message"] };
        let is = |answer: &Answer, status: u16, words: &str| {
            assert_eq!(answer.status, status, "{shape}: {}", answer.text);
            let members = answer.json.as_object().unwrap();
            assert_eq!(members.keys().collect::<Vec<_>>(), names, "{shape}");
            assert_eq!(members[names[0]], status);
            assert!(members[names[1]].as_str().unwrap().contains(words), "{}", answer.text);
            assert_eq!(answer.header("content-type"), "application/json");
        };
        let none = Answer::of(t.http.get(t.url(PATH))).await;
        is(&none, 401, "no credentials; send `Authorization: Bearer <API key>`");
        assert_eq!(none.header("www-authenticate"), "Bearer");
        is(&t.get("rgk_nothing", PATH).await, 401, "not known or was revoked");
        is(&t.get(BACKEND, &format!("{PATH}?procedure=x")).await, 422, "procedure \"x\" is not known");
        is(&t.get(BACKEND, &format!("{PATH}?maxSize=-1")).await, 400, "maxSize must be a number of bytes");
        t.get(BACKEND, &format!("{PATH}?user=a")).await.expect(200);
        let late = t.get(BACKEND, &format!("{PATH}?user=a")).await;
        is(&late, 429, "user \"a\" has used up its signatures");
        let wait: u64 = late.header("retry-after").parse().unwrap();
        assert!((60..=61).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn an_app_that_cannot_be_asked_says_when_to_come_back() {
    let shop = CallersApp::start(Reply::Text(500, "")).await;
    let t = start(&[("CALLERS", json!([shop.entry(&["cookie"])])), ("SAMPLE_SHAPE", json!("demo"))]).await;
    let get = async || Answer::of(t.http.get(t.url(PATH)).header("cookie", "shop=1")).await;
    let failed = get().await;
    assert_eq!((failed.status, &failed.json["code"]), (503, &json!(503)), "{}", failed.text);
    assert_eq!(failed.header("retry-after"), "5");
    shop.replies(Reply::Says(403, json!({"message": "no credit left"})));
    let refused = get().await;
    assert_eq!((refused.status, &refused.json), (403, &json!({"code": 403, "message": "no credit left"})));
}

#[tokio::test]
async fn keys_come_from_the_query_a_form_or_json_and_later_ones_win() {
    let t = TestApp::start().await;
    let url = t.url(PATH);
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    for (name, request) in [
        (
            "query",
            t.http.get(format!("{url}?classId=2&classId=3&sourceContext=a%20b&maxSize=7&validSeconds=60")),
        ),
        (
            "form",
            t.http
                .post(format!("{url}?classId=2"))
                .header(form.0, form.1)
                .body("classId=3&sourceContext=a+b&maxSize=7&validSeconds=60"),
        ),
        (
            "json",
            t.http.post(format!("{url}?classId=2")).json(&json!({
                "classId": "3", "sourceContext": "a b", "maxSize": 7, "validSeconds": 60, "procedure": null,
            })),
        ),
    ] {
        let answer = Answer::of(request.bearer_auth(BACKEND)).await.expect(200);
        let parameters = verified(&answer.json["data"]["signature"]);
        assert_eq!((parameters.class_id, parameters.source_context.as_deref()), (3, Some("a b")), "{name}");
        assert_eq!(parameters.expire_time - parameters.current_time_stamp, 60, "{name}");
        let permission =
            reelgate_wire::permission::Permission::parse(parameters.reelgate.as_deref().unwrap());
        assert_eq!(permission.unwrap().max_size, Some(7), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_key() {
    let t = TestApp::start().await;
    for (query, words) in [
        ("oneTimeValid=2", "oneTimeValid must be 0 or 1"),
        ("oneTimeValid=yes", "oneTimeValid must be 0 or 1"),
        ("classId=1.5", "classId must be an integer"),
        ("validSeconds=-1", "validSeconds must be a number of seconds"),
        ("maxSize=1e3", "maxSize must be a number of bytes"),
        ("maxDuration=4294967296", "maxDuration must be a number of seconds"),
    ] {
        let answer = t.get(BACKEND, &format!("{PATH}?{query}")).await;
        assert_eq!((answer.status, &answer.json["code"]), (400, &json!(400)), "{}", answer.text);
        assert_eq!(answer.json["message"], words);
    }
    let post = t.http.post(t.url(PATH)).bearer_auth(BACKEND).header("content-type", "application/json");
    let answer = Answer::of(post.body("[1]")).await;
    let message = "the body is neither a form nor a JSON object; send one of them, or none";
    assert_eq!(answer.json, json!({"code": 400, "message": message}));
    assert_eq!(Answer::of(t.http.put(t.url(PATH))).await.status, 405);
    let empty = t.get(BACKEND, &format!("{PATH}?classId=&oneTimeValid=&storageRegion=")).await.expect(200);
    assert_eq!(verified(&empty.json["data"]["signature"]).class_id, 0);
    assert_eq!(empty.json["code"], Value::from(0));
}
