//! Callers whom the operator's own app knows: it is asked over HTTP, and may allow less than the policy does.

use serde_json::{Value, json};

use super::callers_app::{CallersApp, Reply};
use super::{SIGN, ask, permission_of, signed_by, start};
use crate::test_app::{Answer, TestApp};

async fn with_cookie(t: &TestApp, order: Value) -> Answer {
    ask(t, &[("cookie", "shop=1")], order).await
}

async fn shop(reply: Reply, policies: Value) -> (CallersApp, TestApp) {
    let shop = CallersApp::start(reply).await;
    let entries = json!([{"kind": "api_key"}, shop.entry(&["authorization", "cookie"])]);
    let t = start(&[("CALLERS", entries), ("POLICIES", policies)]).await;
    (shop, t)
}

#[tokio::test]
async fn the_app_sees_the_callers_credentials_and_what_is_wanted() {
    let (shop, t) = shop(Reply::Text(204, ""), json!([])).await;
    let order = json!({
        "procedure": "LongVideoPreset", "user": "", "source_context": "order 7", "session_context": "s",
        "class_id": 3, "valid_seconds": 60, "one_time": false, "max_size": 5, "max_duration": 6, "types": ["mp4"],
        "storage_region": "ap-guangzhou",
    });
    with_cookie(&t, order.clone()).await.expect(200);
    with_cookie(&t, json!({})).await.expect(200);
    let asked = shop.asked();
    let header = |name: &str| asked[0].headers[name].to_str().unwrap();
    assert_eq!((header("cookie"), header("x-forwarded-for")), ("shop=1", "127.0.0.1"));
    assert_eq!(asked[0].body, json!({"client": "127.0.0.1", "upload": order}));
    let nothing = json!({
        "procedure": null, "user": "", "source_context": "", "session_context": "", "class_id": null,
        "valid_seconds": null, "one_time": null, "max_size": null, "max_duration": null, "types": [],
        "storage_region": null,
    });
    assert_eq!(asked[1].body["upload"], nothing);
}

#[tokio::test]
async fn what_the_app_allows_less_of_is_signed() {
    let limits = json!({
        "procedures": ["LongVideoPreset", ""], "types": [".MP4", "mkv"], "max_size": 500, "max_duration": 30,
        "max_validity": 120, "one_time": true, "daily_uploads": 2, "daily_bytes": 9_000, "open_sessions": 1,
        "bytes_in_flight": 800, "addresses": 3,
    });
    let policies = json!([{
        "name": "pro", "match": {"plan": "pro"}, "types": ["mp4", "mov"], "max_size": 900, "max_duration": 20,
        "daily_uploads": 5, "addresses": 2,
    }]);
    let reply = json!({"user": "shop-7", "tags": {"plan": ["pro", "eu"]}, "limits": limits});
    let (_shop, t) = shop(Reply::Says(200, reply), policies).await;
    let answer = with_cookie(&t, json!({})).await;
    let (parameters, permission) = (signed_by(&answer), permission_of(&answer));
    assert_eq!((permission.user.as_str(), permission.key_id.as_str()), ("shop-7", "shop"));
    assert_eq!(
        (permission.policy.as_str(), permission.types.as_slice()),
        ("pro", ["mp4".to_owned()].as_slice())
    );
    assert_eq!((permission.max_size, permission.max_duration), (Some(500), Some(20)));
    assert_eq!((permission.daily_uploads, permission.daily_bytes), (Some(2), Some(9_000)));
    assert_eq!((permission.open_sessions, permission.bytes_in_flight), (Some(1), Some(800)));
    assert_eq!(permission.addresses, Some(2));
    assert_eq!((parameters.procedure.as_deref(), parameters.one_time_valid), (Some("LongVideoPreset"), true));
    assert_eq!(parameters.expire_time - parameters.current_time_stamp, 120);
    let limits = json!({
        "max_size": 500, "types": ["mp4"], "max_duration": 20, "daily_uploads": 2, "daily_bytes": 9_000,
        "open_sessions": 1, "bytes_in_flight": 800, "addresses": 2,
    });
    assert_eq!(answer.json["limits"], limits);
}

#[tokio::test]
async fn more_than_the_app_allows_is_refused_in_its_name() {
    let limits = json!({
        "procedures": ["LongVideoPreset"], "types": ["mp4"], "max_size": 500, "max_duration": 30,
        "max_validity": 120, "one_time": true,
    });
    let (_shop, t) = shop(Reply::Says(200, json!({"limits": limits})), json!([])).await;
    for (order, code, words) in [
        (
            json!({"procedure": "ReelgateShortVideo"}),
            "procedure_not_allowed",
            "\"ReelgateShortVideo\" is not among those that the app that was asked allows: \"LongVideoPreset\"",
        ),
        (
            json!({"types": ["mov"]}),
            "type_not_allowed",
            "\"mov\" is not among those that the app that was asked",
        ),
        (
            json!({"max_size": 501}),
            "max_size_out_of_range",
            "501 is outside 1 to 500, the largest file that the app",
        ),
        (
            json!({"max_duration": 31}),
            "max_duration_out_of_range",
            "31 is outside 1 to 30 s, the longest video",
        ),
        (json!({"valid_seconds": 121}), "validity_out_of_range", "121 is outside the 1 to 120 that the app"),
        (
            json!({"one_time": false}),
            "one_time_only",
            "one_time false is more than the app that was asked allows",
        ),
    ] {
        with_cookie(&t, order).await.is_problem(422, code, words);
    }
    let less = json!({
        "types": ["mp4"], "max_size": 400, "max_duration": 3, "valid_seconds": 60, "one_time": true,
        "procedure": "LongVideoPreset",
    });
    assert_eq!(permission_of(&with_cookie(&t, less).await).max_size, Some(400));
}

#[tokio::test]
async fn a_refusal_names_whose_limit_was_passed() {
    let policies = json!([{
        "name": "pro", "procedures": ["LongVideoPreset", "ReelgateShortVideo"], "types": ["mp4", "mov"],
        "max_size": 900, "max_duration": 20, "max_validity": 300, "one_time": true,
    }]);
    let limits = json!({
        "procedures": ["", "ReelgateShortVideo"], "types": ["mp4", "mkv"], "max_size": 500, "max_duration": 30,
        "max_validity": 400,
    });
    let (shop, t) = shop(Reply::Says(200, json!({"limits": limits})), policies).await;
    let (policy, app) = ("policy \"pro\" allows", "the app that was asked allows");
    for (order, by) in [
        (json!({"procedure": "LongVideoPreset"}), format!("{app}: \"ReelgateShortVideo\"")),
        (json!({"procedure": ""}), format!("{policy}: \"ReelgateShortVideo\"")),
        (json!({"types": ["mov"]}), format!("{app}: mp4")),
        (json!({"types": ["mkv"]}), format!("{policy}: mp4")),
        (json!({"max_size": 501}), app.to_owned()),
        (json!({"max_duration": 25}), policy.to_owned()),
        (json!({"valid_seconds": 350}), policy.to_owned()),
        (json!({"one_time": false}), policy.to_owned()),
    ] {
        let answer = with_cookie(&t, order.clone()).await.expect(422);
        assert!(answer.json["detail"].as_str().unwrap().contains(&by), "{order}: {}", answer.text);
    }
    assert_eq!(signed_by(&with_cookie(&t, json!({})).await).procedure.as_deref(), Some("ReelgateShortVideo"));
    shop.replies(Reply::Text(204, ""));
    let answer = with_cookie(&t, json!({"max_size": 901})).await;
    answer.is_problem(422, "max_size_out_of_range", policy);
    shop.replies(Reply::Says(200, json!({"limits": {"max_validity": 0}})));
    let answer = with_cookie(&t, json!({})).await;
    answer.is_problem(422, "validity_out_of_range", "outside the 1 to 0 that the app that was asked allows");
    shop.replies(Reply::Says(200, json!({"limits": {"procedures": []}})));
    with_cookie(&t, json!({})).await.is_problem(
        422,
        "procedure_not_allowed",
        "the app that was asked allows: ",
    );
}

#[tokio::test]
async fn an_app_that_leaves_no_type_allows_no_file() {
    let policies = json!([{"name": "videos", "types": ["mp4"]}]);
    for (types, words) in [(json!([]), "allows []"), (json!(["mov", "avi"]), "allows [mov, avi]")] {
        let (_shop, t) = shop(Reply::Says(200, json!({"limits": {"types": types}})), policies.clone()).await;
        for order in [json!({}), json!({"types": ["mp4"]}), json!({"types": ["none"]})] {
            let sentence = format!(
                "no type is left to upload: the app that was asked {words}, and policy \"videos\" allows [mp4]"
            );
            with_cookie(&t, order).await.is_problem(422, "type_not_allowed", &sentence);
        }
    }
}

#[tokio::test]
async fn the_apps_no_is_passed_on_with_its_words_and_status() {
    let (shop, t) = shop(Reply::Text(200, ""), json!([])).await;
    for (reply, status, words) in [
        (Reply::Says(403, json!({"message": "no credit left"})), 403, "no credit left"),
        (Reply::Says(401, json!({"detail": "sign in first"})), 401, "sign in first"),
        (Reply::Text(403, "plain words\u{7}"), 403, "plain words"),
        (Reply::Text(401, ""), 401, "the app refused this upload without saying why"),
    ] {
        shop.replies(reply);
        let answer = with_cookie(&t, json!({})).await;
        answer.is_problem(status, "forward_auth_refused", words);
        assert_eq!(answer.header("retry-after"), "");
        assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
    }
}

#[tokio::test]
async fn an_app_that_says_nothing_usable_refuses_for_a_moment() {
    let (shop, t) = shop(Reply::Text(200, ""), json!([])).await;
    for (reply, words) in [
        (Reply::Text(500, "stack trace"), "shop answered 500 Internal Server Error; try again"),
        (Reply::Text(404, ""), "shop answered 404 Not Found"),
        (Reply::Text(302, ""), "redirects are not followed"),
        (Reply::Text(200, "yes"), "shop allowed it with an answer that cannot be understood"),
        (Reply::Says(200, json!([])), "cannot be understood"),
        (Reply::Says(200, json!({"limits": {"max_sise": 5}})), "cannot be understood"),
    ] {
        shop.replies(reply);
        let answer = with_cookie(&t, json!({})).await;
        answer.is_problem(503, "forward_auth_failed", words);
        assert_eq!(answer.header("retry-after"), "5");
        assert!(!answer.text.contains("stack trace"));
    }
}

#[tokio::test]
async fn an_app_that_never_answers_or_is_not_there_refuses_for_a_moment() {
    let shop = CallersApp::start(Reply::Never).await;
    let mut entry = shop.entry(&["cookie"]);
    entry["timeout"] = json!(0.05);
    let t = start(&[("CALLERS", json!([entry]))]).await;
    let answer = with_cookie(&t, json!({})).await;
    answer.is_problem(503, "forward_auth_failed", "shop did not answer within 0.05 s");
    assert_eq!(answer.header("retry-after"), "5");

    let gone = json!([{"kind": "forward", "name": "gone", "url": "http://127.0.0.1:1/may-upload"}]);
    let t = start(&[("CALLERS", gone)]).await;
    with_cookie(&t, json!({})).await.is_problem(503, "forward_auth_failed", "gone cannot be connected to");
}

#[tokio::test]
async fn the_apps_word_on_the_user_counts() {
    let (_shop, t) = shop(Reply::Says(200, json!({"user": "shop-7"})), json!([])).await;
    with_cookie(&t, json!({"user": "shop-7"})).await.expect(200);
    with_cookie(&t, json!({"user": "shop-8"})).await.is_problem(403, "user_not_yours", "another user");
    with_cookie(&t, json!({"tags": {"plan": "pro"}})).await.is_problem(403, "tags_not_yours", "an API key");
}

#[tokio::test]
async fn what_the_app_allowed_is_remembered_for_the_same_question_only() {
    let shop = CallersApp::start(Reply::Says(200, json!({"user": "shop-7"}))).await;
    let mut entry = shop.entry(&["cookie"]);
    entry["cache"] = json!(3600);
    let t = start(&[("CALLERS", json!([entry]))]).await;
    for _ in 0..3 {
        with_cookie(&t, json!({"max_size": 5})).await.expect(200);
    }
    assert_eq!(shop.asked().len(), 1);
    with_cookie(&t, json!({"max_size": 6})).await.expect(200);
    ask(&t, &[("cookie", "shop=2")], json!({"max_size": 5})).await.expect(200);
    assert_eq!(shop.asked().len(), 3);
    Answer::of(t.http.post(t.url(SIGN))).await.is_problem(401, "unauthenticated", "the credentials of shop");
}

#[tokio::test]
async fn a_batch_asks_an_app_that_fails_only_once() {
    let (shop, t) = shop(Reply::Text(500, "broken"), json!([])).await;
    let batch = t.http.post(t.url(&format!("{SIGN}/batch"))).header("cookie", "shop=1");
    let orders = json!({"orders": [{"max_size": 1}, {"max_size": 2}, {"max_size": 3}]});
    let answer = Answer::of(batch.json(&orders)).await.expect(200);
    for item in answer.json["items"].as_array().unwrap() {
        assert_eq!(
            (&item["refused"]["code"], &item["retry_after"]),
            (&json!("forward_auth_failed"), &json!(5))
        );
    }
    assert_eq!((answer.json["items"].as_array().unwrap().len(), shop.asked().len()), (3, 1));
}
