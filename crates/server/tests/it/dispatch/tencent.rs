//! `mode = "tencent"`: signatures for the real cloud, made with the account's key pair.

use reelgate_wire::permission::suffix::Suffix;
use reelgate_wire::upload_signature::{Parameters, Unverified};
use serde_json::{Value, json};

use super::{SIGN, start_with};
use crate::test_app::{ADMIN, Answer, BACKEND, TestApp};

const ACCOUNT: &str = "AKIDofTheAccountInTheCloud0000000001";
const KEY: &str = "keyOfTheAccountInTheCloud0000001";
const MODE: [(&str, &str); 3] = [
    ("REELGATE_MODE", "tencent"),
    ("REELGATE_TENCENT__SECRET_ID", ACCOUNT),
    ("REELGATE_TENCENT__SECRET_KEY", KEY),
];

async fn server(settings: &[(&str, Value)]) -> TestApp {
    start_with(settings, &MODE).await
}

/// What is signed with this pair.
fn verified(signature: &Value, id: &str, key: &str) -> Parameters {
    let unverified = Unverified::decode(signature.as_str().unwrap()).unwrap();
    assert_eq!(unverified.secret_id(), id);
    assert!(unverified.fields().iter().all(|(name, _)| name != "reelgate"), "{}", unverified.original());
    unverified.verify(key.as_bytes()).unwrap().parameters().clone()
}

#[tokio::test]
async fn a_signature_is_the_vendors_own_with_the_permission_behind_the_context() {
    let policies = json!([{
        "name": "creators", "max_size": 1_000, "max_duration": 60, "types": ["mp4"], "daily_uploads": 3,
    }]);
    let t = server(&[("POLICIES", policies)]).await;
    for context in ["", "a=1&b=会|c", "|rg1.", "x|rg1.AAAA", &"界".repeat(160)] {
        let order =
            json!({"user": "user-42", "source_context": context, "session_context": "s", "max_size": 900});
        let answer = t.post(BACKEND, SIGN, order).await.expect(200);
        let parameters = verified(&answer.json["signature"], ACCOUNT, KEY);
        parameters.check_ranges().unwrap();
        assert_eq!((parameters.vod_sub_app_id, parameters.reelgate), (None, None));
        assert_eq!(parameters.session_context.as_deref(), Some("s"));
        let signed = parameters.source_context.unwrap();
        let (own, suffix) = Suffix::split(&signed);
        assert_eq!(own, context, "byte for byte");
        let suffix = suffix.unwrap();
        assert_eq!(hex::encode(suffix.id), answer.json["permission_id"].as_str().unwrap());
        assert_eq!(
            (suffix.user.as_str(), suffix.max_size, suffix.max_duration),
            ("user-42", Some(900), Some(60))
        );
        assert_eq!(suffix.policy_revision, t.app.config.dispatch.policies[0].revision);
    }
}

#[tokio::test]
async fn an_answer_tells_what_the_vendor_holds_and_where_its_doors_are() {
    let policies = json!([{"name": "creators", "max_duration": 60, "types": ["mp4"], "daily_bytes": 3}]);
    let t = server(&[("POLICIES", policies)]).await;
    let answer = t.post(BACKEND, SIGN, json!({})).await.expect(200);
    assert_eq!(answer.json["carried"], json!(["expires_at", "one_time", "procedure", "class_id"]));
    let advisory = json!(["limits.max_size", "limits.types", "limits.max_duration", "limits.daily_bytes"]);
    assert_eq!(answer.json["advisory"], advisory);
    let hosts = json!({"ugc": "https://vod2.qcloud.com", "object": "{Bucket}.cos.{Region}.myqcloud.com"});
    assert_eq!(answer.json["hosts"], hosts);
    assert_eq!((&answer.json["procedure"], &answer.json["policy"]), (&json!(""), &json!("creators")));
}

#[tokio::test]
async fn a_sub_application_is_signed_by_its_number() {
    let sub = [("REELGATE_TENCENT__SUB_APP_ID", "1500000099"), ("REELGATE_ROOT__APP_ID", "")];
    let t = start_with(&[], &[MODE.as_slice(), &sub].concat()).await;
    let answer = t.post(BACKEND, SIGN, json!({})).await.expect(200);
    assert_eq!(verified(&answer.json["signature"], ACCOUNT, KEY).vod_sub_app_id, Some(1_500_000_099));
    let t = server(&[]).await;
    super::make_other_app(&t).await;
    let key = json!({"name": "other", "scopes": ["sign"], "app": super::OTHER.to_string()});
    let (_, key) = super::new_key(&t, key).await;
    let answer = t.post(&key, SIGN, json!({})).await.expect(200);
    assert_eq!(verified(&answer.json["signature"], ACCOUNT, KEY).vod_sub_app_id, Some(super::OTHER));
}

#[tokio::test]
async fn signatures_are_never_for_another_application_than_the_configured_one() {
    let sub = [("REELGATE_TENCENT__SUB_APP_ID", "1500000099")];
    let settings = [MODE.as_slice(), &sub].concat();
    let started = tokio::spawn(async move { drop(start_with(&[], &settings).await) }).await;
    let reason = started.unwrap_err().into_panic();
    let reason = reason.downcast_ref::<String>().unwrap();
    assert!(reason.contains("tencent.sub_app_id 1500000099 is not 1300000001"), "{reason}");
}

#[tokio::test]
async fn the_vendors_procedures_are_not_ours_to_know() {
    let policies =
        json!([{"name": "some", "match": {"plan": "pro"}, "procedures": ["TheirOwn", "LongVideoPreset"]}]);
    let t = server(&[("POLICIES", policies)]).await;
    let answer = t.post(BACKEND, SIGN, json!({"procedure": "whatever-they-made"})).await.expect(200);
    let parameters = verified(&answer.json["signature"], ACCOUNT, KEY);
    assert_eq!(parameters.procedure.as_deref(), Some("whatever-they-made"));
    let long = t.post(BACKEND, SIGN, json!({"procedure": "x".repeat(513)})).await;
    long.is_problem(422, "value_out_of_range", "procedure has 513 characters, more than the 512 allowed");
    let pro = |procedure: &str| json!({"procedure": procedure, "tags": {"plan": "pro"}});
    t.post(BACKEND, SIGN, pro("LongVideoPreset")).await.expect(200);
    t.post(BACKEND, SIGN, pro("other")).await.is_problem(422, "procedure_not_allowed", "policy \"some\"");
}

#[tokio::test]
async fn what_does_not_fit_into_the_context_is_refused() {
    let t = server(&[]).await;
    for (order, code, sentence) in [
        (
            json!({"source_context": "界".repeat(161)}),
            "context_too_long",
            "source_context has 161 characters, more than the 160 allowed",
        ),
        (
            json!({"user": "u".repeat(43)}),
            "permission_out_of_range",
            "upload permission: the user has 43 bytes, more than the 42 that fit into a signature in tencent mode",
        ),
        (
            json!({"user": "u".repeat(42), "max_size": 1_000}),
            "permission_out_of_range",
            "upload permission: the user has 42 bytes, more than the 40 that fit into a signature in tencent mode",
        ),
    ] {
        let answer = t.post(BACKEND, SIGN, order).await;
        answer.is_problem(422, code, "");
        assert_eq!(answer.json["detail"], sentence);
    }
    let user = "01890a5d-ac96-774b-bcce-b302099a8057";
    let order = json!({"user": user, "max_size": 40_u64 << 30, "max_duration": 7_200});
    let answer = t.post(BACKEND, SIGN, order).await.expect(200);
    let signed = verified(&answer.json["signature"], ACCOUNT, KEY).source_context.unwrap();
    assert_eq!(Suffix::split(&signed).1.unwrap().user, user);
}

#[tokio::test]
async fn the_sample_service_signs_for_the_vendor_too() {
    let t = server(&[]).await;
    let answer = t.get(BACKEND, "/getUploadSignature?sourceContext=mine&procedure=theirs").await.expect(200);
    let parameters = verified(&answer.json["data"]["signature"], ACCOUNT, KEY);
    assert_eq!(parameters.procedure.as_deref(), Some("theirs"));
    let signed = parameters.source_context.unwrap();
    assert!(matches!(Suffix::split(&signed), ("mine", Some(_))), "{signed}");
}

#[tokio::test]
async fn doors_that_are_the_vendors_are_not_served() {
    let t = server(&[]).await;
    for path in
        ["/v3/index.php?Action=ApplyUploadUGC", "/play/1/2/x.mp4", "/cos/reelgate-1/x", "/ugcupload_new"]
    {
        for request in [t.http.get(t.url(path)), t.http.post(t.url(path)).json(&json!({}))] {
            Answer::of(request).await.is_problem(404, "not_found", "nothing is served at ");
        }
    }
    t.get(BACKEND, "/v1/signature-log").await.expect(200);
    Answer::of(t.http.get(t.url("/readyz"))).await.expect(200);
}

#[tokio::test]
async fn only_the_vendor_makes_key_pairs() {
    let t = server(&[]).await;
    let made = t.post(ADMIN, "/v1/keys", json!({"kind": "secret", "name": "x"})).await;
    let sentence =
        "in mode = \"tencent\" key pairs come from the vendor's console; give secret_id and secret_key";
    made.is_problem(422, "pair_missing", sentence);
    t.post(ADMIN, &format!("/v1/keys/{ACCOUNT}/rotate"), json!({})).await.is_problem(
        422,
        "pair_missing",
        sentence,
    );

    let (id, key) = ("AKIDsecondOfTheConsole00000000000002", "second_key_of_the_console_000002");
    let pair = json!({"secret_id": id, "secret_key": key});
    let made = t.post(ADMIN, &format!("/v1/keys/{ACCOUNT}/rotate"), pair).await.expect(200);
    assert_eq!((&made.json["id"], &made.json["secret"]), (&json!(id), &json!(null)));
    let answer = t.post(BACKEND, SIGN, json!({})).await.expect(200);
    verified(&answer.json["signature"], id, key);

    t.advance(1);
    let (id, key) = ("AKIDthirdOfTheConsole000000000000003", "third_key_of_the_console_0000003");
    let pair = json!({"kind": "secret", "name": "third", "secret_id": id, "secret_key": key});
    t.post(ADMIN, "/v1/keys", pair).await.expect(200);
    let answer = t.post(BACKEND, SIGN, json!({})).await.expect(200);
    verified(&answer.json["signature"], id, key);
}

#[tokio::test]
async fn an_explanation_reads_the_suffix() {
    let policies = json!([{"name": "creators", "max_size": 1_000, "max_duration": 60}]);
    let t = server(&[("POLICIES", policies)]).await;
    let answer =
        t.post(BACKEND, SIGN, json!({"user": "user-42", "source_context": "mine"})).await.expect(200);
    let explain = async || {
        t.post(BACKEND, "/v1/signatures/explain", json!({"signature": answer.json["signature"]}))
            .await
            .expect(200)
    };
    let explained = explain().await.json;
    assert_eq!((&explained["ok"], &explained["mac"]), (&json!(true), &json!("matches")), "{explained}");
    let permission = &explained["permission"];
    assert_eq!((&permission["id"], &permission["user"]), (&answer.json["permission_id"], &json!("user-42")));
    assert_eq!((&permission["max_size"], &permission["max_duration"]), (&json!(1_000), &json!(60)));
    assert_eq!(permission["policy_revision"], t.app.config.dispatch.policies[0].revision);

    t.post(BACKEND, "/v1/revocations", json!({"user": "user-42"})).await.expect(200);
    let explained = explain().await.json;
    let checks = explained["checks"].as_array().unwrap();
    let revocation = checks.iter().find(|check| check["rule"] == "revocation").unwrap();
    assert_eq!(
        (&revocation["outcome"], &explained["ok"]),
        (&json!("not_checked"), &json!(true)),
        "the cloud knows of none"
    );
}
