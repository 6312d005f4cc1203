//! Published keys: which are used, when they are fetched, and that an issuer's rotation is followed.

use std::sync::Arc;
use std::time::Duration;

use reelgate_callers::{Jwt, JwtKeys};
use serde_json::{Value, json};

use crate::issuer::{Answer, FLOOR, Key, KeyServer, MAX_AGE, OTHER_RSA, RSA, claims, encode, settings};
use crate::{NOW, pass, until};

async fn code(jwt: &Jwt, token: &str) -> &'static str {
    jwt.verify(token, NOW).await.map_or_else(|refusal| refusal.code(), |_| "accepted")
}

/// [`RSA`] as it is published, with other members; null takes one away.
fn jwk_with(changes: Value) -> Value {
    let mut jwk = RSA.jwk("a");
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

#[tokio::test]
async fn keys_are_fetched_once_when_the_first_tokens_need_them() {
    let p256 = Key::p256();
    let server = KeyServer::start(Answer::Wait(vec![RSA.jwk("a"), p256.jwk("b")])).await;
    let jwt = Arc::new(server.jwt());
    assert!(jwt.recognises(&RSA.token(Some("a"), &claims())));
    assert_eq!(server.fetches(), 0);
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..200 {
        let jwt = Arc::clone(&jwt);
        let token =
            if number % 2 == 0 { RSA.token(Some("a"), &claims()) } else { p256.token(Some("b"), &claims()) };
        waiting.spawn(async move { code(&jwt, &token).await });
    }
    server.fetched(1).await;
    server.release();
    assert!(waiting.join_all().await.iter().all(|code| *code == "accepted"));
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_once_for_all_tokens_that_name_it() {
    let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a")])).await;
    let jwt = Arc::new(server.jwt());
    assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "accepted");
    pass(FLOOR).await;
    server.answers(Answer::Wait(vec![RSA.jwk("a"), OTHER_RSA.jwk("b")]));
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..200 {
        let invented = RSA.token(Some(&format!("invented {number}")), &claims());
        for (token, expected) in
            [(OTHER_RSA.token(Some("b"), &claims()), "accepted"), (invented, "jwt_key_unknown")]
        {
            let jwt = Arc::clone(&jwt);
            waiting.spawn(async move { code(&jwt, &token).await == expected });
        }
    }
    server.fetched(2).await;
    assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "accepted", "known keys do not wait");
    server.release();
    assert!(waiting.join_all().await.into_iter().all(|expected| expected));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn invented_key_ids_cause_one_fetch_for_each_floor() {
    let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a")])).await;
    let jwt = server.jwt();
    assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "accepted");
    for rounds in 1..4 {
        for number in 0..50 {
            let invented = OTHER_RSA.sign(&json!({ "alg": "RS256", "kid": format!("{number}") }), &claims());
            assert_eq!(code(&jwt, &invented).await, "jwt_key_unknown");
        }
        assert_eq!(server.fetches(), rounds);
        pass(FLOOR - Duration::from_secs(1)).await;
        assert_eq!(code(&jwt, &RSA.token(Some("invented"), &claims())).await, "jwt_key_unknown");
        assert_eq!(server.fetches(), rounds, "a moment before the floor");
        pass(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_key_id_counts_together_with_its_algorithm() {
    let p256 = Key::p256();
    let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a"), p256.jwk("b")])).await;
    let jwt = server.jwt();
    assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "accepted");
    assert_eq!(code(&jwt, &RSA.token(Some("b"), &claims())).await, "jwt_key_unknown");
    assert_eq!(code(&jwt, &p256.token(Some("a"), &claims())).await, "jwt_key_unknown");
    assert_eq!(code(&jwt, &OTHER_RSA.token(Some("a"), &claims())).await, "jwt_signature");
    let confused = Key::Secret(RSA.public_pem().into_bytes());
    assert_eq!(code(&jwt, &confused.token(Some("a"), &claims())).await, "jwt_signature");
    let unknown = jwt.verify(&RSA.token(Some("b"), &claims()), NOW).await.unwrap_err();
    assert!(!unknown.is_temporary());
    assert_eq!(
        unknown.to_string(),
        "the token is signed with a key that sso does not publish; get a new token, or try again in a minute if the \
         key is new"
    );
}

#[tokio::test]
async fn a_token_without_key_id_is_tried_with_every_key() {
    let p256 = Key::p256();
    let server = KeyServer::start(Answer::Keys(vec![OTHER_RSA.jwk("a"), p256.jwk("b"), RSA.jwk("c")])).await;
    let jwt = server.jwt();
    assert_eq!(code(&jwt, &RSA.token(None, &claims())).await, "accepted");
    assert_eq!(code(&jwt, &p256.token(None, &claims())).await, "accepted");
    assert_eq!(code(&jwt, &Key::p256().token(None, &claims())).await, "jwt_signature");
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn keys_for_other_purposes_are_left_out() {
    let short = json!({ "kty": "RSA", "kid": "a", "n": encode([0xc1; 128]), "e": "AQAB" });
    let no_point =
        json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": encode([1; 32]), "y": encode([1; 32]) });
    let secret = Key::Secret(vec![7; 32]);
    for useless in [
        secret.jwk("a"),
        jwk_with(json!({ "use": "enc" })),
        jwk_with(json!({ "alg": "RS512" })),
        jwk_with(json!({ "alg": "RSA-OAEP" })),
        jwk_with(json!({ "key_ops": ["encrypt"] })),
        jwk_with(json!({ "e": "AQ" })),
        jwk_with(json!({ "e": "Ag" })),
        jwk_with(json!({ "n": "" })),
        jwk_with(json!({ "n": null })),
        jwk_with(json!({ "n": "%" })),
        jwk_with(json!({ "kid": 7 })),
        json!({ "kty": "EC", "crv": "P-384", "kid": "a", "x": encode([1; 48]), "y": encode([1; 48]) }),
        json!("a"),
        short,
        no_point,
    ] {
        let server = KeyServer::start(Answer::Keys(vec![useless.clone(), OTHER_RSA.jwk("z")])).await;
        let jwt = server.jwt();
        assert_eq!(code(&jwt, &RSA.token(Some("a"), &claims())).await, "jwt_key_unknown", "{useless}");
        assert_eq!(code(&jwt, &secret.token(Some("a"), &claims())).await, "jwt_signature", "{useless}");
        assert_eq!(code(&jwt, &OTHER_RSA.token(Some("z"), &claims())).await, "accepted", "{useless}");
    }
    let leading_zero = {
        use base64::Engine;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let modulus = engine.decode(RSA.jwk("a")["n"].as_str().unwrap()).unwrap();
        jwk_with(json!({ "n": encode([vec![0], modulus].concat()) }))
    };
    for useful in [
        leading_zero,
        jwk_with(json!({ "use": null, "alg": null })),
        jwk_with(json!({ "key_ops": ["verify"], "x5c": ["junk"], "more": {} })),
    ] {
        let server = KeyServer::start(Answer::Keys(vec![useful.clone()])).await;
        assert_eq!(code(&server.jwt(), &RSA.token(Some("a"), &claims())).await, "accepted", "{useful}");
    }
}

#[tokio::test]
async fn old_keys_are_renewed_behind_the_tokens_that_use_them() {
    let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a"), OTHER_RSA.jwk("b")])).await;
    let jwt = server.jwt();
    let (kept, withdrawn) = (RSA.token(Some("a"), &claims()), OTHER_RSA.token(Some("b"), &claims()));
    assert_eq!(code(&jwt, &kept).await, "accepted");
    assert_eq!(code(&jwt, &withdrawn).await, "accepted");
    pass(MAX_AGE - Duration::from_secs(1)).await;
    assert_eq!(code(&jwt, &kept).await, "accepted");
    assert_eq!(server.fetches(), 1);

    server.answers(Answer::Wait(vec![RSA.jwk("a")]));
    pass(Duration::from_secs(2)).await;
    assert_eq!(
        code(&jwt, &kept).await,
        "accepted",
        "a remembered token starts the fetch and does not wait for it"
    );
    server.fetched(2).await;
    assert_eq!(code(&jwt, &withdrawn).await, "accepted", "nothing is known of the withdrawal yet");
    server.release();
    until(async || code(&jwt, &withdrawn).await == "jwt_key_unknown").await;
    assert_eq!(code(&jwt, &kept).await, "accepted");
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_remembered_token_is_forgotten_with_its_key() {
    let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a")])).await;
    let jwt = server.jwt();
    let token = RSA.token(Some("a"), &claims());
    let first = jwt.verify(&token, NOW).await.unwrap();
    pass(FLOOR).await;
    assert_eq!(code(&jwt, &RSA.token(Some("x"), &claims())).await, "jwt_key_unknown");
    assert_eq!(server.fetches(), 2);
    let same_keys = jwt.verify(&token, NOW).await.unwrap();
    assert!(Arc::ptr_eq(&first, &same_keys), "the same keys again change nothing");

    // The same id, another key: what the old one verified holds no more.
    server.answers(Answer::Keys(vec![OTHER_RSA.jwk("a")]));
    pass(FLOOR).await;
    assert_eq!(code(&jwt, &RSA.token(Some("x"), &claims())).await, "jwt_key_unknown");
    assert_eq!(code(&jwt, &token).await, "jwt_signature");
    assert_eq!(code(&jwt, &OTHER_RSA.token(Some("a"), &claims())).await, "accepted");
}

#[tokio::test]
async fn several_issuers_stand_side_by_side() {
    let server = KeyServer::start(Answer::Keys(vec![RSA.jwk("a")])).await;
    let mut elsewhere = settings(JwtKeys::Hs256(crate::issuer::SECRET.into()));
    elsewhere.issuer = Some("https://elsewhere.example".to_owned());
    let entries = [Jwt::new(elsewhere).unwrap(), server.jwt()];
    let token = RSA.token(Some("a"), &claims());
    let decides = entries.iter().find(|entry| entry.recognises(&token)).unwrap();
    assert_eq!(decides.name(), "sso");
    assert!(decides.verify(&token, NOW).await.is_ok());
}

#[tokio::test]
async fn keys_that_a_token_brings_along_are_not_looked_at() {
    let (server, theirs) = (
        KeyServer::start(Answer::Keys(vec![RSA.jwk("a")])).await,
        KeyServer::start(Answer::Keys(vec![OTHER_RSA.jwk("a")])).await,
    );
    let jwt = server.jwt();
    for header in [
        json!({ "alg": "RS256", "kid": "a", "jku": theirs.url }),
        json!({ "alg": "RS256", "kid": "a", "x5u": theirs.url }),
        json!({ "alg": "RS256", "kid": "a", "jwk": OTHER_RSA.jwk("a") }),
    ] {
        assert_eq!(code(&jwt, &OTHER_RSA.sign(&header, &claims())).await, "jwt_signature", "{header}");
    }
    assert_eq!(theirs.fetches(), 0);
}
