//! The log of what was granted and refused.

use reelgate_server::upkeep;
use serde_json::{Value, json};

use super::issuer::{accounts, token};
use super::{OTHER, SIGN, ask, bearer, make_other_app, new_key, start};
use crate::test_app::{ADMIN, Answer, BACKEND, SECRET_KEY, TestApp};

const PATH: &str = "/v1/signature-log";

/// The log as `token` sees it, with everything written that was answered.
async fn log(t: &TestApp, token: &str, query: &str) -> Answer {
    t.app.dispatch.journal.flush().await;
    t.get(token, &format!("{PATH}{query}")).await.expect(200)
}

fn items(answer: &Answer) -> &Vec<Value> {
    answer.json["items"].as_array().unwrap()
}

#[tokio::test]
async fn what_was_granted_is_there_with_its_limits() {
    let policies = json!([{"name": "creators", "max_size": 1_000, "types": ["mp4"], "daily_uploads": 5}]);
    let t = start(&[("POLICIES", policies)]).await;
    let order = json!({"user": "user-42", "procedure": "LongVideoPreset", "max_size": 900});
    let answer = t.post(BACKEND, SIGN, order).await.expect(200);
    let log = log(&t, BACKEND, "").await;
    let entry = &items(&log)[0];
    assert_eq!((&entry["code"], &entry["user"]), (&json!("granted"), &json!("user-42")));
    assert_eq!((&entry["at"], &entry["remote"]), (&json!("2026-05-28T20:26:40.000Z"), &json!("127.0.0.1")));
    assert!(entry["caller"].as_str().unwrap().starts_with("api-key:"), "{entry}");
    let detail = json!({
        "permission_id": answer.json["permission_id"], "policy": "creators",
        "policy_revision": t.app.config.dispatch.policies[0].revision,
        "expires_at": answer.json["expires_at"],
        "one_time": true, "procedure": "LongVideoPreset", "types": ["mp4"],
        "limits": {"max_size": 900, "daily_uploads": 5},
    });
    assert_eq!(entry["detail"], detail);
    assert_eq!(log.json["next"], json!(null));
}

#[tokio::test]
async fn what_was_refused_is_there_with_its_sentence() {
    let entries = json!([{"kind": "api_key"}, accounts()]);
    let t = start(&[("CALLERS", entries)]).await;
    let refused = [
        ask(&t, &[], json!({"user": "a\u{0}stranger's word"})).await,
        t.post(BACKEND, SIGN, json!({"user": "user-1", "procedure": "nothing"})).await,
        ask(&t, &[("authorization", &bearer(&token(json!({}))))], json!({"user": "user-1"})).await,
        t.get(BACKEND, "/getUploadSignature?user=user-1&classId=-1").await,
    ];
    let log = log(&t, BACKEND, "").await;
    let mut found: Vec<_> = items(&log)
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().split(':').next().unwrap().to_owned();
            (text("code"), text("user"), text("caller"), entry["detail"]["sentence"].clone())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let row = |code: &str, user: &str, caller: &str, answer: &Answer| {
        let sentence =
            [&answer.json["detail"], &answer.json["message"]].into_iter().find(|one| one.is_string());
        (code.to_owned(), user.to_owned(), caller.to_owned(), sentence.unwrap().clone())
    };
    let wanted = [
        row("class_id_out_of_range", "user-1", "api-key", &refused[3]),
        row("procedure_unknown", "user-1", "api-key", &refused[1]),
        row("unauthenticated", "a\u{0}stranger's word", "", &refused[0]),
        row("user_not_yours", "user-42", "caller", &refused[2]),
    ];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn orders_of_a_batch_are_entries_of_their_own() {
    let t = TestApp::start().await;
    let orders = json!({"orders": [{"user": "a"}, {"user": "b", "class_id": -1}, {"user": "c"}]});
    t.post(BACKEND, &format!("{SIGN}/batch"), orders).await.expect(200);
    let log = log(&t, BACKEND, "").await;
    let mut found: Vec<_> = items(&log)
        .iter()
        .map(|entry| (entry["user"].as_str().unwrap(), entry["code"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("a", "granted"), ("b", "class_id_out_of_range"), ("c", "granted")]);
}

#[tokio::test]
async fn it_is_searched_by_user_and_time_and_has_pages() {
    let t = TestApp::start().await;
    for n in 0..7 {
        let user = if n % 2 == 0 { "even" } else { "odd" };
        t.post(BACKEND, SIGN, json!({"user": user, "max_size": n + 1})).await.expect(200);
        t.advance(60);
    }
    let sizes = |answer: &Answer| -> Vec<u64> {
        items(answer).iter().map(|entry| entry["detail"]["limits"]["max_size"].as_u64().unwrap()).collect()
    };
    for (query, found) in [
        ("", vec![7, 6, 5, 4, 3, 2, 1]),
        ("?user=even", vec![7, 5, 3, 1]),
        ("?user=nobody", vec![]),
        ("?since=2026-05-28T20:29:40Z", vec![7, 6, 5, 4]),
        ("?until=2026-05-28T20:29:40Z", vec![3, 2, 1]),
        ("?user=even&since=2026-05-28T20:27:00Z&until=2026-05-28T20:32:40Z", vec![5, 3]),
        ("?since=2026-05-28T22:29:40%2B02:00&limit=2", vec![7, 6]),
    ] {
        assert_eq!(sizes(&log(&t, BACKEND, query).await), found, "{query}");
    }
    for filter in ["", "&user=even"] {
        let (mut seen, mut query) = (Vec::new(), format!("?limit=2{filter}"));
        loop {
            let page = log(&t, BACKEND, &query).await;
            seen.extend(sizes(&page));
            let Some(next) = page.json["next"].as_str() else { break };
            query = format!("?limit=2{filter}&after={next}");
        }
        assert_eq!(seen.len(), if filter.is_empty() { 7 } else { 4 }, "{seen:?}");
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    }
}

#[tokio::test]
async fn entries_of_one_moment_are_all_on_some_page() {
    let t = TestApp::start().await;
    let orders: Vec<_> = (0..100).map(|n| json!({"user": format!("user-{n}")})).collect();
    t.post(BACKEND, &format!("{SIGN}/batch"), json!({"orders": orders})).await.expect(200);
    let (mut users, mut query) = (std::collections::BTreeSet::new(), "?limit=7".to_owned());
    loop {
        let page = log(&t, BACKEND, &query).await;
        users.extend(items(&page).iter().map(|entry| entry["user"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["next"].as_str() else { break };
        query = format!("?limit=7&after={next}");
    }
    assert_eq!(users.len(), 100);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused() {
    let t = TestApp::start().await;
    for (query, status, code, words) in [
        ("?since=yesterday", 400, "invalid_request", "since \"yesterday\" is not a time such as"),
        ("?until=1", 400, "invalid_request", "until \"1\" is not a time such as"),
        ("?after=x", 400, "invalid_request", "after is not a `next` of this list"),
        ("?after=1.x", 400, "invalid_request", "leave it out to begin at the newest"),
        ("?limit=0", 422, "limit_out_of_range", "1 to 200"),
        ("?limit=201", 422, "limit_out_of_range", "1 to 200"),
        ("?users=a", 400, "invalid_request", "users"),
    ] {
        t.get(BACKEND, &format!("{PATH}{query}")).await.is_problem(status, code, words);
    }
    let none = Answer::of(t.http.get(t.url(PATH))).await;
    none.is_problem(401, "unauthenticated", "no credentials");
    let (_, signer) = new_key(&t, json!({"name": "signer", "scopes": ["sign"]})).await;
    t.get(&signer, PATH).await.is_problem(403, "forbidden", "lacks the scope `read`");
}

#[tokio::test]
async fn no_signature_and_no_key_is_ever_in_it() {
    let entries = json!([{"kind": "api_key"}, accounts()]);
    let t = start(&[("CALLERS", entries)]).await;
    let signature = t.post(BACKEND, SIGN, json!({"user": "user-42"})).await.json["signature"].clone();
    let sample = t.get(BACKEND, "/getUploadSignature").await.json["data"]["signature"].clone();
    let (good, bad) = (token(json!({})), token(json!({"exp": 1})));
    for token in [&good, &bad, "rgk_that_is_none"] {
        ask(&t, &[("authorization", &bearer(token))], json!({})).await;
    }
    let log = log(&t, BACKEND, "").await;
    assert_eq!(items(&log).len(), 5);
    let secrets = [signature.as_str().unwrap(), sample.as_str().unwrap(), &good, &bad];
    for secret in secrets.into_iter().chain([BACKEND, SECRET_KEY, "rgk_that_is_none", super::issuer::SECRET])
    {
        assert!(!log.text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn whatever_a_stranger_sends_can_be_read_and_takes_little_room() {
    let t = TestApp::start().await;
    for (procedure, kept) in [
        (r"\u0000".to_owned(), r#"procedure "\\u0000" is not known; known are"#.to_owned()),
        ("a\u{0}b".to_owned(), r#"procedure "a\0b" is not known; known are"#.to_owned()),
        ("界".repeat(20_000), format!("procedure \"{}", "界".repeat(989))),
    ] {
        t.advance(1);
        t.post(BACKEND, SIGN, json!({"user": "u", "procedure": procedure})).await.expect(422);
        let log = log(&t, BACKEND, "?limit=1").await;
        let sentence = items(&log)[0]["detail"]["sentence"].as_str().unwrap();
        assert!(sentence.starts_with(&kept), "{}", sentence.chars().take(200).collect::<String>());
        assert!(sentence.chars().count() <= 1_000);
    }
}

#[tokio::test]
async fn what_an_engine_cannot_store_does_not_hold_up_the_log() {
    let sqlite = TestApp::start().await;
    for t in [Some(sqlite), TestApp::on_postgres().await].into_iter().flatten() {
        let orders = json!({"orders": [
            {"user": "a\u{0}b", "procedure": "c\u{0}d"}, {"user": "\u{0}"}, {"user": "e\u{fffe}\u{1f600}", "types": ["\u{0}"]},
            {"user": "good"},
        ]});
        t.post(BACKEND, &format!("{SIGN}/batch"), orders).await.expect(200);
        let log = log(&t, BACKEND, "").await;
        let mut users: Vec<_> = items(&log).iter().map(|entry| entry["user"].as_str().unwrap()).collect();
        users.sort_unstable();
        assert_eq!(users, ["\u{0}", "a\u{0}b", "e\u{fffe}\u{1f600}", "good"]);
        assert!(items(&log).iter().all(|entry| entry["detail"].is_object()), "{}", log.text);
    }
}

#[tokio::test]
async fn other_applications_see_their_own_only() {
    let t = TestApp::start().await;
    make_other_app(&t).await;
    let key = json!({"name": "x", "scopes": ["sign", "read"], "app": OTHER.to_string()});
    let (_, other) = new_key(&t, key).await;
    t.post(BACKEND, SIGN, json!({"user": "of main"})).await.expect(200);
    assert_eq!(items(&log(&t, &other, "").await).len(), 0);
    t.post(&other, SIGN, json!({"user": "of other"})).await.expect(200);
    for (key, user) in [(other.as_str(), "of other"), (BACKEND, "of main")] {
        let log = log(&t, key, "").await;
        assert_eq!((items(&log).len(), &items(&log)[0]["user"]), (1, &json!(user)));
    }
}

#[tokio::test]
async fn it_is_kept_for_180_days() {
    let t = TestApp::start().await;
    t.post(BACKEND, SIGN, json!({"user": "early"})).await.expect(200);
    t.advance(86_400);
    t.post(BACKEND, SIGN, json!({"user": "late"})).await.expect(200);
    let users = async || -> Vec<String> {
        upkeep::round(&t.app).await.unwrap();
        let log = log(&t, ADMIN, "").await;
        items(&log).iter().map(|entry| entry["user"].as_str().unwrap().to_owned()).collect()
    };
    t.advance(179 * 86_400);
    assert_eq!(users().await, ["late", "early"]);
    t.advance(1);
    assert_eq!(users().await, ["late"]);
    t.advance(86_400);
    assert_eq!(users().await, [""; 0]);
}
