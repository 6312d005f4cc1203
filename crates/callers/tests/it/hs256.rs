//! Tokens signed with a shared secret: what they give, and every way to be refused.

use proptest::prelude::*;
use reelgate_callers::{Identity, Jwt, JwtKeys};
use serde_json::{Value, json};

use crate::NOW;
use crate::issuer::{ISSUER, SECRET, claims, claims_with, encode, hs256, secret, settings};

async fn identity(claims: &Value) -> Identity {
    (*hs256().verify(&secret().token(None, claims), NOW).await.unwrap()).clone()
}

/// The code and the sentence of a refusal.
async fn refused(token: &str) -> (&'static str, String) {
    let refusal = hs256().verify(token, NOW).await.unwrap_err();
    assert!(!refusal.is_temporary());
    (refusal.code(), refusal.to_string())
}

#[tokio::test]
async fn a_token_names_the_user_and_tags() {
    let tenant = claims_with(json!({ "https://example.com/tenant": 7 }));
    let found = identity(&tenant).await;
    assert_eq!(found.user, "alice");
    let tags = [("role", vec!["editor", "viewer"]), ("tenant", vec!["7"])];
    let tags = tags.map(|(tag, values)| (tag.to_owned(), values.into_iter().map(str::to_owned).collect()));
    assert_eq!(found.tags, tags.into());
}

#[tokio::test]
async fn tokens_of_another_implementation_pass() {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(), &key).unwrap();
    assert!(hs256().recognises(&token));
    assert_eq!(hs256().verify(&token, NOW).await.unwrap().user, "alice");
}

#[tokio::test]
async fn tags_come_from_scalars_and_lists_of_them() {
    for (claim, expected) in [
        (json!("editor"), vec!["editor"]),
        (json!(true), vec!["true"]),
        (json!(-3), vec!["-3"]),
        (json!(1.5), vec!["1.5"]),
        (json!(["a", 1, false]), vec!["a", "1", "false"]),
        (json!(["a", null, {"x": 1}, ["b"], "c\u{0}"]), vec!["a"]),
        (json!([]), vec![]),
        (json!({ "a": 1 }), vec![]),
        (json!(null), vec![]),
        (json!("line\nbreak"), vec![]),
    ] {
        let found = identity(&claims_with(json!({ "realm_access": { "roles": claim } }))).await;
        let values = found.tags.get("role").cloned().unwrap_or_default();
        assert_eq!(values, expected, "{claim}");
        assert_eq!(found.tags.contains_key("role"), !expected.is_empty(), "{claim}");
    }
}

#[tokio::test]
async fn the_user_is_a_text_or_a_whole_number() {
    for (claim, expected) in
        [(json!("bob"), "bob"), (json!(42), "42"), (json!(u64::MAX), "18446744073709551615")]
    {
        assert_eq!(identity(&claims_with(json!({ "sub": claim }))).await.user, expected);
    }
    for claim in [
        json!(""),
        json!(null),
        json!(1.5),
        json!(1e30),
        json!(true),
        json!(["a"]),
        json!({}),
        json!("a\u{0}"),
    ] {
        let (code, sentence) = refused(&secret().token(None, &claims_with(json!({ "sub": claim })))).await;
        assert_eq!(code, "jwt_user_claim", "{claim}");
        assert_eq!(
            sentence,
            "the token names no user: its claim sub must be a non-empty string without control characters or a whole \
             number; let the issuer add it, or name another claim in the settings of sso"
        );
    }
}

#[tokio::test]
async fn the_issuer_and_the_audience_must_fit() {
    for aud in [json!("reelgate"), json!("uploads"), json!(["other", "uploads"])] {
        assert_eq!(identity(&claims_with(json!({ "aud": aud }))).await.user, "alice");
    }
    for aud in
        [json!(null), json!("other"), json!(""), json!([]), json!(["other"]), json!(7), json!([["reelgate"]])]
    {
        let (code, sentence) = refused(&secret().token(None, &claims_with(json!({ "aud": aud })))).await;
        assert_eq!(code, "jwt_audience", "{aud}");
        assert_eq!(
            sentence,
            "the token is meant for another service: its claim aud must hold reelgate or uploads; request a token of \
             sso for that audience"
        );
    }
    for iss in [json!(null), json!("https://issuer.example/"), json!([ISSUER]), json!("")] {
        let (code, sentence) = refused(&secret().token(None, &claims_with(json!({ "iss": iss })))).await;
        assert_eq!(code, "jwt_issuer", "{iss}");
        assert_eq!(
            sentence,
            "the token does not come from the issuer of sso: its claim iss must be https://issuer.example; get a token \
             there"
        );
    }
}

#[tokio::test]
async fn issuer_and_audience_are_not_demanded_where_none_is_configured() {
    let mut settings = settings(JwtKeys::Hs256(SECRET.into()));
    (settings.issuer, settings.audiences) = (None, Vec::new());
    let jwt = Jwt::new(settings).unwrap();
    for changes in [json!({ "iss": null, "aud": null }), json!({ "iss": "x", "aud": "y" })] {
        let token = secret().token(None, &claims_with(changes));
        assert!(jwt.recognises(&token));
        assert!(jwt.verify(&token, NOW).await.is_ok());
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_read_are_malformed() {
    let good = secret().token(None, &claims());
    let raw = |header: &str, claims: &str| {
        // Signed as it is, whatever it is.
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims));
        format!("{signed}.{}", encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
    };
    let hs256 = r#"{"alg":"HS256"}"#;
    let long = secret().token(None, &claims_with(json!({ "pad": "x".repeat(6200) })));
    for (token, problem) in [
        (String::new(), "it has not three segments with dots between them"),
        ("a.b".to_owned(), "it has not three segments with dots between them"),
        (format!("{good}.x"), "it has not three segments with dots between them"),
        (format!(".{good}"), "it has not three segments with dots between them"),
        (format!("%{good}"), "its header is not a JSON object with an alg"),
        (raw("{}", "{}"), "its header is not a JSON object with an alg"),
        (raw(r#"["HS256"]"#, &claims().to_string()), "its header is not a JSON object with an alg"),
        (raw(r#"{"alg":"HS256","alg":"HS256"}"#, "{}"), "its header is not a JSON object with an alg"),
        (raw(r#"{"alg":"HS256","kid":7}"#, "{}"), "its header is not a JSON object with an alg"),
        (raw(hs256, "[]"), "its claims are not a JSON object"),
        (raw(hs256, "{} {}"), "its claims are not a JSON object"),
        (raw(hs256, r#"{"exp":1,"exp":2000000000}"#), "its claims are not a JSON object"),
        (raw(hs256, &"[".repeat(3000)), "its claims are not a JSON object"),
        (raw(hs256, "{}"), "it has no claim exp, so it would hold forever"),
        (raw(hs256, r#"{"exp":"2000000000"}"#), "its claim exp is not a number of seconds"),
        (raw(hs256, r#"{"exp":2000000000,"nbf":"1"}"#), "its claim nbf is not a number of seconds"),
        (long, "it is longer than 8 KiB"),
    ] {
        let expected =
            format!("the token cannot be used: {problem}; send it as sso issued it, or get a new one");
        assert_eq!(refused(&token).await, ("jwt_malformed", expected), "{token}");
    }
}

#[tokio::test]
async fn a_token_cannot_choose_its_algorithm_or_demand_extensions() {
    let claims = claims();
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(claims.to_string()));
    assert_eq!(refused(&unsigned).await.0, "jwt_malformed");
    for alg in ["none", "None", "hs256", "HS384", "RS256", "ES256", ""] {
        let (code, sentence) = refused(&secret().sign(&json!({ "alg": alg }), &claims)).await;
        assert_eq!(code, "jwt_signature", "{alg}");
        assert_eq!(
            sentence,
            "the signature of the token does not fit sso: the token names another algorithm than that issuer uses; get \
             a new token there"
        );
    }
    for crit in [json!(["b64"]), json!([]), json!(null)] {
        let (code, sentence) =
            refused(&secret().sign(&json!({ "alg": "HS256", "crit": crit }), &claims)).await;
        assert_eq!(code, "jwt_malformed", "{crit}");
        assert!(sentence.contains("its header has crit, which demands extensions"), "{sentence}");
    }
}

#[tokio::test]
async fn another_secret_or_a_cut_signature_is_refused() {
    let other = crate::issuer::Key::Secret(vec![7; 32]);
    let good = secret().token(None, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for token in [
        other.token(None, &claims()),
        format!("{signed}.{}", &signature[..42]),
        format!("{signed}.{}", &signature[..10]),
        format!("{signed}.{signature}AA"),
        format!("{signed}.{signature}="),
        format!("{signed}.{}", "A".repeat(4000)),
    ] {
        let (code, sentence) = refused(&token).await;
        assert_eq!(code, "jwt_signature");
        assert_eq!(
            sentence,
            "the signature of the token does not fit sso: no key of that issuer made it; get a new token there"
        );
    }
}

#[test]
fn tokens_are_recognised_by_form_algorithm_and_issuer() {
    let jwt = hs256();
    assert!(jwt.recognises(&secret().token(None, &claims())));
    assert!(
        jwt.recognises(&secret().token(Some("any"), &claims_with(json!({ "exp": 1 })))),
        "expired, but ours"
    );
    let forged = crate::issuer::Key::Secret(vec![7; 32]).token(None, &claims());
    assert!(jwt.recognises(&forged), "ours to refuse");
    let good = secret().token(None, &claims());
    for token in [
        "",
        "..",
        "a.b.c",
        "AKID.x",
        &good[..good.len() - 44],
        &format!("{good}%"),
        &format!("{good}."),
        &secret().sign(&json!({ "alg": "none" }), &claims()),
        &secret().sign(&json!({ "alg": "RS256" }), &claims()),
        &secret().token(None, &claims_with(json!({ "iss": "https://other.example" }))),
        &secret().token(None, &claims_with(json!({ "iss": null }))),
        &secret().token(None, &json!([ISSUER])),
    ] {
        assert!(!jwt.recognises(token), "{token}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_changed_byte_of_a_token_verifies(place in any::<prop::sample::Index>(), byte in 0u8..128) {
        let token = secret().token(None, &claims());
        let place = place.index(token.len());
        let mut changed = token.clone().into_bytes();
        changed[place] = byte;
        let changed = String::from_utf8(changed).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verified = runtime.block_on(hs256().verify(&changed, NOW)).is_ok();
        prop_assert_eq!(verified, changed == token);
    }
}

#[tokio::test]
async fn every_other_last_character_of_a_signature_is_refused() {
    // 32 bytes leave two bits of the last character unused: only one spelling of them counts.
    let token = secret().token(None, &claims());
    let jwt = hs256();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for last in alphabet.chars() {
        let changed = format!("{}{last}", &token[..token.len() - 1]);
        assert_eq!(jwt.verify(&changed, NOW).await.is_ok(), changed == token, "{last}");
    }
}

#[tokio::test]
async fn a_header_that_was_good_once_does_not_vouch_for_another() {
    let jwt = hs256();
    let good = secret().token(None, &claims());
    let crit = secret().sign(&json!({ "alg": "HS256", "crit": ["x"] }), &claims());
    for _ in 0..2 {
        assert!(jwt.verify(&good, NOW).await.is_ok());
        assert!(jwt.recognises(&good));
        assert_eq!(jwt.verify(&crit, NOW).await.unwrap_err().code(), "jwt_malformed");
        let other = secret().sign(&json!({ "alg": "HS256" }), &claims());
        assert!(jwt.verify(&other, NOW).await.is_ok());
        let forged = crate::issuer::Key::Secret(vec![7; 32]).token(None, &claims());
        assert_eq!(jwt.verify(&forged, NOW).await.unwrap_err().code(), "jwt_signature");
        assert!(!jwt.recognises(&secret().token(None, &claims_with(json!({ "iss": "x" })))));
    }
}
