//! Callers with a token of the operator's issuers.

use serde_json::{Value, json};

use super::callers_app::{CallersApp, Reply};
use super::issuer::{Key, PARTNER, SECRET, accounts, claims, token};
use super::{OTHER, SIGN, ask, bearer, make_other_app, permission_of, signed_by, start};
use crate::test_app::{ADMIN, Answer, BACKEND, MAIN, START, TestApp};

async fn with_token(t: &TestApp, token: &str, order: Value) -> Answer {
    ask(t, &[("authorization", &bearer(token))], order).await
}

#[tokio::test]
async fn the_token_names_the_user_and_the_tags_that_policies_match() {
    let policies = json!([
        {"name": "editors", "match": {"group": "editors", "plan": ["pro", "team"]}, "max_size": 900},
        {"name": "free", "match": {"plan": "free"}, "max_size": 100},
    ]);
    let t = start(&[("CALLERS", json!([accounts()])), ("POLICIES", policies)]).await;
    for (changes, user, policy, max_size) in [
        (json!({}), "user-42", "editors", Some(900)),
        (json!({"profile": {"id": 42}}), "42", "editors", Some(900)),
        (json!({"subscription": {"plan": "free", "groups": ["editors"]}}), "user-42", "free", Some(100)),
        (json!({"subscription": {"plan": "pro"}}), "user-42", "", None),
        (json!({"subscription": null}), "user-42", "", None),
    ] {
        let permission = permission_of(&with_token(&t, &token(changes), json!({})).await);
        assert_eq!((permission.user.as_str(), permission.key_id.as_str()), (user, "accounts"));
        assert_eq!((permission.policy.as_str(), permission.max_size), (policy, max_size));
    }
}

#[tokio::test]
async fn two_issuers_stand_side_by_side_each_with_its_application() {
    let dir = tempfile::tempdir().unwrap();
    let key = Key::p256();
    let partner = json!({
        "kind": "jwt", "name": "partner", "algorithm": "ES256", "public_key": key.write_public(dir.path()),
        "issuer": PARTNER, "audience": ["uploads"], "app": OTHER.to_string(),
        "tags": {"tier": "/https:~1~1partner.example~1tier"},
    });
    let policies = json!([{"name": "gold", "match": {"tier": "gold"}, "max_size": 700}]);
    let entries = json!([{"kind": "api_key"}, accounts(), partner]);
    let t = start(&[("CALLERS", entries), ("POLICIES", policies)]).await;
    make_other_app(&t).await;
    let of_partner = key.token(&json!({
        "iss": PARTNER, "aud": ["other", "uploads"], "sub": "bob", "exp": START.seconds() + 60,
        "https://partner.example/tier": "gold",
    }));
    for (token, app, user, caller, policy) in
        [(of_partner, OTHER, "bob", "partner", "gold"), (token(json!({})), MAIN.0, "user-42", "accounts", "")]
    {
        let answer = with_token(&t, &token, json!({})).await;
        assert_eq!(signed_by(&answer).vod_sub_app_id, Some(app));
        let permission = permission_of(&answer);
        assert_eq!((permission.user.as_str(), permission.key_id.as_str()), (user, caller));
        assert_eq!(permission.policy, policy);
    }
    t.post(BACKEND, SIGN, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_token_ends_when_it_says_so_and_a_minute_later() {
    let t = start(&[("CALLERS", json!([accounts()]))]).await;
    let token = token(json!({}));
    t.advance(359);
    with_token(&t, &token, json!({})).await.expect(200);
    t.advance(1);
    let answer = with_token(&t, &token, json!({})).await;
    answer.is_problem(401, "jwt_expired", "the token of accounts expired 60 s ago; get a new one");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn the_request_may_repeat_its_user_but_name_no_other() {
    let t = start(&[("CALLERS", json!([accounts()]))]).await;
    let token = token(json!({}));
    with_token(&t, &token, json!({"user": "user-42"})).await.expect(200);
    with_token(&t, &token, json!({"user": ""})).await.expect(200);
    with_token(&t, &token, json!({"user": "user-43"})).await.is_problem(
        403,
        "user_not_yours",
        "the credential is that of another user than the one asked for; leave `user` out",
    );
    with_token(&t, &token, json!({"tags": {"plan": "pro"}})).await.is_problem(
        403,
        "tags_not_yours",
        "`tags` are taken from the credential, not from the request; leave them out, or ask with an API key",
    );
}

#[tokio::test]
async fn every_token_that_is_not_good_is_refused_with_its_reason() {
    let entry = {
        let mut entry = accounts();
        entry["audience"] = json!(["reelgate"]);
        entry
    };
    let t = start(&[("CALLERS", json!([entry]))]).await;
    let now = START.seconds();
    let good = json!({"aud": "reelgate"});
    let with = |changes: Value| {
        let mut all = claims(good.clone());
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        all
    };
    let key = Key::Secret(SECRET);
    let changed = {
        let token = key.token(&with(json!({})));
        let (signed, mac) = token.rsplit_once('.').unwrap();
        let first = if mac.starts_with('A') { "B" } else { "A" };
        format!("{signed}.{first}{}", &mac[1..])
    };
    with_token(&t, &key.token(&with(json!({}))), json!({})).await.expect(200);
    for (token, code, words) in [
        (
            key.token_with(&json!({"alg": "HS256", "crit": ["exp"]}), &with(json!({}))),
            "jwt_malformed",
            "the token cannot be used: ",
        ),
        (key.token(&with(json!({"exp": null}))), "jwt_malformed", "exp"),
        (changed, "jwt_signature", "the signature of the token does not fit accounts: "),
        (
            Key::Secret("another secret of 32 bytes or so").token(&with(json!({}))),
            "jwt_signature",
            "accounts",
        ),
        (key.token(&with(json!({"exp": now - 60}))), "jwt_expired", "expired 60 s ago"),
        (key.token(&with(json!({"nbf": now + 61}))), "jwt_not_yet_valid", "becomes valid in 1 s; wait"),
        (key.token(&claims(json!({}))), "jwt_audience", "its claim aud must hold reelgate"),
        (key.token(&with(json!({"aud": ["x", "y"]}))), "jwt_audience", "request a token of accounts"),
        (key.token(&with(json!({"profile": {}}))), "jwt_user_claim", "its claim profile.id must be"),
        (key.token(&with(json!({"profile": {"id": ""}}))), "jwt_user_claim", "the token names no user"),
    ] {
        with_token(&t, &token, json!({})).await.is_problem(401, code, words);
    }
    // No issuer at all is believed by accident: that entry knows nothing of this token.
    let unsigned = key.token_with(&json!({"alg": "none"}), &with(json!({})));
    with_token(&t, &unsigned, json!({})).await.is_problem(401, "unauthenticated", "<token of accounts>");
}

#[tokio::test]
async fn published_keys_are_fetched_and_what_is_missing_is_told_apart() {
    let server = CallersApp::start(Reply::Text(500, "")).await;
    let key = Key::p256();
    let entry =
        json!({"kind": "jwt", "name": "partner", "jwks_url": server.url, "issuer": PARTNER, "jwks_floor": 0});
    let t = start(&[("CALLERS", json!([entry]))]).await;
    let claims = json!({"iss": PARTNER, "sub": "bob", "exp": START.seconds() + 60});
    let answer = with_token(&t, &key.token(&claims), json!({})).await;
    answer.is_problem(503, "jwt_keys_unavailable", "the keys of partner cannot be fetched at the moment");
    assert_eq!(answer.header("retry-after"), "5");
    server.replies(Reply::Says(200, json!({"keys": [key.published()]})));
    with_token(&t, &key.token(&claims), json!({})).await.expect(200);
    let unknown = key.token_with(&json!({"alg": "ES256", "kid": "tomorrow's"}), &claims);
    let answer = with_token(&t, &unknown, json!({})).await;
    answer.is_problem(401, "jwt_key_unknown", "signed with a key that partner does not publish");
}

#[tokio::test]
async fn the_application_of_an_issuer_must_be_there() {
    let mut entry = accounts();
    entry["app"] = json!(OTHER.to_string());
    let t = start(&[("CALLERS", json!([{"kind": "api_key"}, entry]))]).await;
    let sentence =
        format!("application {OTHER} does not exist or is revoked; `reelgate app list` shows them");
    with_token(&t, &token(json!({})), json!({})).await.is_problem(403, "app_unknown", &sentence);
    make_other_app(&t).await;
    with_token(&t, &token(json!({})), json!({})).await.expect(200);
    t.post(ADMIN, &format!("/v1/apps/{OTHER}/revoke"), json!({})).await.expect(200);
    with_token(&t, &token(json!({})), json!({})).await.is_problem(403, "app_unknown", &sentence);
}
