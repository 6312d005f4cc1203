//! Tokens signed with the private part of a key whose public part is in the settings.

use std::sync::Arc;

use reelgate_callers::{Algorithm, Jwt, JwtKeys};
use serde_json::json;

use crate::NOW;
use crate::issuer::{Key, OTHER_RSA, RSA, claims, claims_with, settings};

fn jwt(algorithm: Algorithm, key: &Key) -> Jwt {
    Jwt::new(settings(JwtKeys::Pem { algorithm, pem: key.public_pem() })).unwrap()
}

async fn code(jwt: &Jwt, token: &str) -> &'static str {
    jwt.verify(token, NOW).await.map_or_else(|refusal| refusal.code(), |_| "accepted")
}

#[tokio::test]
async fn both_algorithms_verify_with_their_key_and_no_other() {
    let (p256, other_p256) = (Key::p256(), Key::p256());
    for (algorithm, key, other) in
        [(Algorithm::Rs256, &*RSA, &*OTHER_RSA), (Algorithm::Es256, &p256, &other_p256)]
    {
        let jwt = jwt(algorithm, key);
        let token = key.token(None, &claims());
        assert!(jwt.recognises(&token));
        assert_eq!(jwt.verify(&token, NOW).await.unwrap().user, "alice");
        assert_eq!(code(&jwt, &other.token(None, &claims())).await, "jwt_signature");
        assert_eq!(
            code(&jwt, &key.token(Some("whatever"), &claims())).await,
            "accepted",
            "one key needs no id"
        );
    }
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    for (algorithm, key) in [(Algorithm::Rs256, &*RSA), (Algorithm::Es256, &Key::p256())] {
        let jwt = jwt(algorithm, key);
        let confused = Key::Secret(key.public_pem().into_bytes());
        assert_eq!(code(&jwt, &confused.token(None, &claims())).await, "jwt_signature");
        let disguised = confused.sign(&json!({ "alg": algorithm.name() }), &claims());
        assert_eq!(code(&jwt, &disguised).await, "jwt_signature");
        assert!(!jwt.recognises(&confused.token(None, &claims())));
    }
}

#[tokio::test]
async fn one_algorithm_does_not_pass_for_the_other() {
    let p256 = Key::p256();
    let rs256 = jwt(Algorithm::Rs256, &RSA);
    assert_eq!(code(&rs256, &p256.token(None, &claims())).await, "jwt_signature");
    assert_eq!(code(&rs256, &RSA.sign(&json!({ "alg": "ES256" }), &claims())).await, "jwt_signature");
    assert_eq!(code(&rs256, &RSA.sign(&json!({ "alg": "none" }), &claims())).await, "jwt_signature");
    assert_eq!(code(&rs256, &RSA.sign(&json!({ "alg": "RS512" }), &claims())).await, "jwt_signature");
    let crit = RSA.sign(&json!({ "alg": "RS256", "crit": ["exp"] }), &claims());
    assert_eq!(code(&rs256, &crit).await, "jwt_malformed");
}

#[tokio::test]
async fn an_ecdsa_signature_has_one_encoding_only() {
    let key = Key::p256_asn1();
    let jwt = jwt(Algorithm::Es256, &key);
    assert_eq!(code(&jwt, &key.token(None, &claims())).await, "jwt_signature");
}

#[tokio::test]
async fn a_remembered_token_is_remembered_whole() {
    let jwt = jwt(Algorithm::Rs256, &RSA);
    let token = RSA.token(None, &claims());
    let first = jwt.verify(&token, NOW).await.unwrap();
    let again = jwt.verify(&token, NOW).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = RSA.token(None, &claims_with(json!({ "sub": "mallory" })));
    let mixed = format!("{header}.{}.{signature}", other.split('.').nth(1).unwrap());
    assert_eq!(code(&jwt, &mixed).await, "jwt_signature");
    assert_eq!(code(&jwt, &format!("{token}A")).await, "jwt_signature");
}

#[tokio::test]
async fn refused_tokens_are_not_remembered_as_good() {
    let jwt = jwt(Algorithm::Es256, &Key::p256());
    let token = Key::p256().token(None, &claims());
    for _ in 0..3 {
        assert_eq!(code(&jwt, &token).await, "jwt_signature");
    }
}
