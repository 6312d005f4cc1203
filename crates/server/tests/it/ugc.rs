//! The UGC door: every refusal of wire reference 1.4, the answers that SDKs read, and what "once" means.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use reelgate_model::Clock;
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::sign_original;
use serde_json::{Value, json};

use crate::test_app::{Answer, BACKEND, MAIN, SECRET_ID, SECRET_KEY, START, TestApp};
use crate::upload::{permission, signed};

fn video() -> Value {
    json!({"videoName": "holiday", "videoType": "mp4", "videoSize": 20_971_525})
}

#[tokio::test]
async fn bodies_and_actions_that_are_none_are_10001() {
    let app = TestApp::start().await;
    let post = async |query: &str, body: &'static str| {
        let url = format!("{}/v3/index.php{query}", app.base);
        Answer::of(app.http.post(url).body(body)).await.expect(200)
    };
    for (query, body, word) in [
        ("?Action=ApplyUploadUGC", "{", "JSON"),
        ("?Action=ApplyUploadUGC", "", "JSON"),
        ("?Action=ApplyUploadUGC", "[]", "object"),
        ("?Action=ApplyUploadUGC", "{}", "signature"),
        ("?Action=CommitUploadUGC", r#"{"signature":5}"#, "signature"),
        ("?Action=PrepareUploadUGC", r#"{"signature":""}"#, "signature"),
        ("?Action=DeleteEverything", "{}", "DeleteEverything"),
        ("?Action=ApplyUploadUGC&Action=x", "{}", "signature"),
        ("", "{}", "Action"),
        ("?%ff=%", "{}", "Action"),
    ] {
        let answer = post(query, body).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let answer = answer.json;
        assert_eq!(answer["code"], 10001, "{query} {body}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with("ugc upload | invalid request: ") && message.contains(word), "{message}");
    }
}

#[tokio::test]
async fn signatures_that_fail_a_rule_are_refused_with_its_code_and_sentence() {
    let app = TestApp::start().await;
    let now = START.seconds();
    let raw = |original: String| sign_original(SECRET_KEY.as_bytes(), &original);
    let times = format!("currentTimeStamp={now}&expireTime={}&random=1", now + 60);
    let tampered = app.sign(|_| {}).replace('A', "B");
    let cases: Vec<(String, i64, &str)> = vec![
        ("not base64!".to_owned(), 10004, "base64"),
        ("AAAA".to_owned(), 10004, "20"),
        (raw(format!("secretId={SECRET_ID}")), 10004, "currentTimeStamp"),
        (raw(format!("secretId={SECRET_ID}&{}", times.replace("random=1", "random=x"))), 10004, "random"),
        (
            raw(format!("secretId={SECRET_ID}&{}", times.replace("0000&", "0000.5&"))),
            10004,
            "currentTimeStamp",
        ),
        (app.sign(|p| p.secret_id = "AKIDnobody".to_owned()), 10004, "AKIDnobody"),
        (tampered, 10004, ""),
        (app.sign(|p| p.expire_time = now), 10004, "expireTime"),
        (app.sign(|p| p.expire_time = now + 7_776_001), 10004, "7776000"),
        (app.sign(|p| (p.current_time_stamp, p.expire_time) = (now + 301, now + 400)), 10004, "ahead"),
        (app.sign(|p| (p.current_time_stamp, p.expire_time) = (now - 60, now)), 10010, "expired"),
        (app.sign(|p| p.task_priority = 11), 10001, "taskPriority"),
        (app.sign(|p| p.task_notify_mode = Some("Sometimes".to_owned())), 10001, "taskNotifyMode"),
        (app.sign(|p| p.source_context = Some("界".repeat(251))), 10001, "sourceContext"),
        (app.sign(|p| p.session_context = Some("x".repeat(1001))), 10001, "sessionContext"),
        (app.sign(|p| p.vod_sub_app_id = Some(404)), 10001, "404"),
        (app.sign(|p| p.reelgate = Some("9.x".to_owned())), 10004, "permission"),
    ];
    for (signature, code, word) in cases {
        for action in ["PrepareUploadUGC", "ApplyUploadUGC"] {
            let message = app.refused(action, signed(&signature, video()), code).await;
            assert!(message.contains(word), "{word:?} in {message:?}");
        }
    }
    assert_eq!(app.open_sessions().await, 0);
}

#[tokio::test]
async fn a_signature_of_a_clock_that_is_a_little_ahead_and_an_unknown_procedure_are_taken() {
    let app = TestApp::start().await;
    let ahead = app.sign(|p| {
        p.current_time_stamp += 300;
        p.procedure = Some("NobodyDefinedThis".to_owned());
        p.vod_sub_app_id = Some(MAIN.0);
        p.storage_region = Some("ap-elsewhere".to_owned());
    });
    let upload = app.apply(&ahead, video()).await;
    assert_eq!(upload.data["storageRegionV5"], "ap-guangzhou", "there is one region");
}

#[tokio::test]
async fn the_window_of_a_signature_passes_as_the_clock_moves() {
    let app = TestApp::start().await;
    let signature = app.sign(|p| {
        p.current_time_stamp += 301;
        p.expire_time = p.current_time_stamp + 60;
    });
    let body = json!({"signature": signature});
    let ahead = app.refused("PrepareUploadUGC", body.clone(), 10004).await;
    assert!(
        ahead.contains("301 s ahead of the server's time") && ahead.contains("the 300 s allowed"),
        "{ahead}"
    );
    app.clock.advance(Duration::from_secs(1));
    app.ugc_data("PrepareUploadUGC", body.clone()).await;
    app.clock.advance(Duration::from_millis(359_999));
    app.ugc_data("PrepareUploadUGC", body.clone()).await;
    app.clock.advance(Duration::from_millis(1));
    let over = app.refused("PrepareUploadUGC", body, 10010).await;
    assert!(over.contains("signature expired") && over.contains("fetch a new one"), "{over}");
}

#[tokio::test]
async fn the_limits_of_a_permission_are_named_in_the_refusal() {
    let app = TestApp::with(&[("REELGATE_UPLOAD__MAX_SIZE", "5000")], Clock::manual(START)).await;
    let permission =
        Permission { max_size: Some(1_000), types: vec!["mp4".to_owned(), "mov".to_owned()], ..permission() };
    let permitted = app.sign_permission(permission);
    let announce = |kind: &str, size: u64| json!({"videoType": kind, "videoSize": size});
    let message = app.refused("ApplyUploadUGC", signed(&permitted, announce("mp4", 1_001)), 10001).await;
    assert!(message.contains("1001") && message.contains("1000"), "{message}");
    let message = app.refused("ApplyUploadUGC", signed(&permitted, announce("exe", 1)), 10001).await;
    assert!(message.contains("mp4, mov"), "{message}");
    let own = app.sign(|_| {});
    let message = app.refused("ApplyUploadUGC", signed(&own, announce("exe", 5_001)), 10001).await;
    assert!(message.contains("5000"), "{message}");
    app.apply(&permitted, announce("MP4", 1_000)).await;
}

#[tokio::test]
async fn prepare_names_one_region_so_that_nobody_races() {
    let app = TestApp::start().await;
    let data =
        app.ugc_data("PrepareUploadUGC", json!({"signature": app.sign(|_| {}), "clientVersion": "13"})).await;
    assert_eq!(data["appId"], MAIN.0);
    let regions = data["cosRegionList"].as_array().unwrap();
    assert_eq!(regions.len(), 1);
    assert_eq!(regions[0]["region"], "ap-guangzhou");
    assert_eq!(regions[0]["domain"], format!("reelgate-{MAIN}.cos.ap-guangzhou.myqcloud.com"));
}

#[tokio::test]
async fn apply_answers_every_field_in_the_type_that_sdks_insist_on() {
    let app = TestApp::start().await;
    let fields = json!({"videoName": "a", "videoType": "MP4", "coverName": "c", "coverType": "png", "coverSize": 2000,
        "uploadFromWeb": true, "storageRegion": "ap-shanghai", "ExpireTime": "9999-12-31T23:59:59Z"});
    let data = app.apply(&app.sign(|_| {}), fields).await.data;
    for number in ["appId", "storageAppId"] {
        assert_eq!(data[number], MAIN.0, "{number}");
    }
    assert_eq!(data["timestamp"], START.seconds());
    assert_eq!(data["tempCertificate"]["expiredTime"], START.seconds() + 7_200);
    for name in ["secretId", "secretKey", "token"] {
        assert!(!data["tempCertificate"][name].as_str().unwrap().is_empty(), "{name}");
    }
    for region in ["storageRegionV5", "StorageRegionV5"] {
        assert_eq!(data[region], "ap-guangzhou", "{region}");
    }
    assert_eq!((&data["storageBucket"], &data["cosAcc"]["isOpen"]), (&json!("reelgate"), &json!(0)));
    assert_eq!(data["domain"], app.base.trim_start_matches("http://"));
    let video = data["video"]["storagePath"].as_str().unwrap();
    let cover = data["cover"]["storagePath"].as_str().unwrap();
    assert!(video.starts_with(&format!("/{MAIN}/")) && video.ends_with(".mp4"), "{video}");
    assert_eq!(
        video.rsplit_once('/').unwrap().0,
        cover.rsplit_once('/').unwrap().0,
        "one directory for each file"
    );
    assert!(data["video"]["storageSignature"].is_string());
}

#[tokio::test]
async fn a_file_without_a_dot_and_a_hostile_type_get_keys_without_one() {
    let app = TestApp::start().await;
    for kind in ["a file whose whole name is its type", "ｍｐ４", "m-p4"] {
        let upload = app.apply(&app.sign(|_| {}), json!({"videoName": "", "videoType": kind})).await;
        assert!(!upload.cos.video.contains('.') && upload.cos.video.is_ascii(), "{}", upload.cos.video);
    }
    let refused =
        app.refused("ApplyUploadUGC", signed(&app.sign(|_| {}), json!({"videoType": "../x"})), 10001).await;
    assert!(refused.contains("videoType"), "{refused}");
    let past = json!({"videoType": "mp4", "ExpireTime": "2020-01-01T00:00:00Z"});
    let refused = app.refused("ApplyUploadUGC", signed(&app.sign(|_| {}), past), 10001).await;
    assert!(refused.contains("ExpireTime"), "{refused}");
}

#[tokio::test]
async fn browsers_may_call_from_anywhere() {
    let app = TestApp::start().await;
    let url = format!("{}/v3/index.php?Action=ApplyUploadUGC", app.base);
    let preflight = app.http.request(Method::OPTIONS, &url).header("origin", "https://app.example");
    let preflight = Answer::of(preflight).await.expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), "content-type");
    let get = Answer::of(app.http.get(&url)).await.expect(200);
    assert_eq!((get.header("access-control-allow-origin"), get.json["code"].as_i64()), ("*", Some(10001)));
    let large = app.http.post(&url).body(vec![b' '; (1 << 20) + 1]);
    let large = Answer::of(large).await.expect(200);
    assert_eq!(
        (large.header("access-control-allow-origin"), large.json["code"].as_i64()),
        ("*", Some(10001))
    );
    let report = app.http.post(format!("{}/ugcupload_new", app.base)).body("anything");
    assert_eq!(Answer::of(report).await.expect(200).header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn resume_answers_the_same_paths_and_fresh_credentials_to_its_owner_only() {
    let app = TestApp::start().await;
    app.another_app(1_250_000_002).await;
    let alice = |app: &TestApp| app.sign_permission(Permission { user: "alice".to_owned(), ..permission() });
    let first = app.apply(&alice(&app), video()).await;
    app.advance(3_000);
    let resume = json!({"vodSessionKey": first.session_key, "uploadFromWeb": true});
    let again = app.apply(&alice(&app), resume.clone()).await;
    assert_eq!((&again.cos.video, &again.session_key), (&first.cos.video, &first.session_key));
    assert_ne!(again.cos.access_key, first.cos.access_key);
    assert_eq!(app.open_sessions().await, 1);

    let bob = app.sign_permission(Permission { user: "bob".to_owned(), ..permission() });
    let elsewhere = app.sign(|p| {
        p.vod_sub_app_id = Some(1_250_000_002);
        p.reelgate = Permission { user: "alice".to_owned(), ..permission() }.encode().ok();
    });
    for signature in [app.sign(|_| {}), bob, elsewhere] {
        app.refused("ApplyUploadUGC", signed(&signature, resume.clone()), 10005).await;
        app.refused("CommitUploadUGC", signed(&signature, resume.clone()), 10005).await;
    }
    for key in ["x".to_owned(), "0".repeat(64), format!("{}0", first.session_key)] {
        app.refused("ApplyUploadUGC", signed(&alice(&app), json!({"vodSessionKey": key})), 10005).await;
    }
    app.advance(2 * 86_400);
    let message = app.refused("ApplyUploadUGC", signed(&alice(&app), resume), 10005).await;
    assert!(message.contains("expired"), "{message}");
}

#[tokio::test]
async fn a_one_time_signature_serves_one_mobile_upload_from_prepare_to_commit() {
    let app = TestApp::start().await;
    let once = app.sign(|p| p.one_time_valid = true);
    app.ugc_data("PrepareUploadUGC", signed(&once, json!({}))).await;
    let first = app.apply(&once, video()).await;
    let repeated = app.apply(&once, video()).await;
    assert_eq!(repeated.session_key, first.session_key, "a transport retry");
    let resumed = app.apply(&once, json!({"vodSessionKey": first.session_key, "videoType": "mp4"})).await;
    assert_eq!(resumed.session_key, first.session_key);
    let other = signed(&once, json!({"videoName": "another", "videoType": "mp4"}));
    let message = app.refused("ApplyUploadUGC", other, 10004).await;
    assert!(message.contains("one-time"), "{message}");
    assert_eq!(app.open_sessions().await, 1);
}

#[tokio::test]
async fn web_uploads_take_a_fresh_one_time_signature_for_each_call() {
    let app = TestApp::start().await;
    let once = || app.sign(|p| p.one_time_valid = true);
    app.ugc_data("PrepareUploadUGC", signed(&once(), json!({}))).await;
    let upload = app.apply(&once(), video()).await;
    let resume = once();
    app.apply(&resume, json!({"vodSessionKey": upload.session_key})).await;
    app.apply(&resume, video()).await;
    assert_eq!(app.open_sessions().await, 2, "a resume consumes nothing");
}

/// 200 Applies with one one-time signature, spread over `urls`: those that succeed get one and the same session.
async fn race(app: &TestApp, urls: &[&str]) {
    let once = app.sign(|p| p.one_time_valid = true);
    let same = signed(&once, video());
    let calls = (0..200).map(|number| {
        let body = if number % 2 == 0 {
            same.clone()
        } else {
            signed(&once, json!({"videoType": number.to_string()}))
        };
        let url = format!("{}/v3/index.php?Action=ApplyUploadUGC", urls[number % urls.len()]);
        async move {
            let answer = Answer::of(app.http.post(url).json(&body)).await.expect(200).json;
            let code = answer["code"].as_i64().unwrap();
            assert!([0, 10004].contains(&code), "{answer}");
            (code == 0).then(|| answer["data"]["vodSessionKey"].as_str().unwrap().to_owned())
        }
    });
    let opened: HashSet<String> = join_all(calls).await.into_iter().flatten().collect();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(app.open_sessions().await, 1);
}

#[tokio::test]
async fn two_hundred_applies_with_one_one_time_signature_open_one_session() {
    let app = TestApp::start().await;
    race(&app, &[&app.base]).await;
}

#[tokio::test]
async fn two_hundred_applies_at_two_nodes_on_postgresql_open_one_session() {
    let Some(app) = TestApp::on_postgres().await else { return };
    let other = app.another_node().await;
    race(&app, &[&app.base, &other.base]).await;
}

#[tokio::test]
async fn a_signature_of_the_signature_service_opens_an_upload() {
    let app = TestApp::start().await;
    let issued = app.post(BACKEND, "/v1/upload-signatures", json!({"user": "alice"})).await.json;
    let signature = issued["signature"].as_str().unwrap_or_else(|| panic!("{issued}"));
    let upload = app.apply(signature, json!({"videoType": "mp4"})).await;
    let session =
        app.app.store.read().await.unwrap().session(&upload.session_key[..32]).await.unwrap().unwrap();
    assert_eq!(session.request.user, "alice");
}
