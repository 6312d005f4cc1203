//! When a token holds, to the millisecond, by the server's clock and no other.

use std::time::Duration;

use reelgate_callers::JwtRefusal;
use reelgate_model::Time;
use serde_json::json;

use crate::NOW;
use crate::issuer::{Key, RSA, claims_with, hs256, secret, settings};

const LEEWAY: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_token_ends_at_exp_plus_leeway() {
    let token = secret().token(None, &claims_with(json!({ "exp": NOW.seconds() })));
    let jwt = hs256();
    assert!(jwt.verify(&token, NOW).await.is_ok());
    assert!(jwt.verify(&token, NOW + LEEWAY - MOMENT).await.is_ok());
    let refused = jwt.verify(&token, NOW + LEEWAY).await.unwrap_err();
    assert_eq!(refused, JwtRefusal::Expired { name: "sso".to_owned(), seconds: 30 });
    assert_eq!(refused.code(), "jwt_expired");
    assert_eq!(refused.to_string(), "the token of sso expired 30 s ago; get a new one");
}

#[tokio::test]
async fn a_token_begins_at_nbf_less_leeway() {
    let nbf = NOW.seconds() + 100;
    let token = secret().token(None, &claims_with(json!({ "nbf": nbf })));
    let jwt = hs256();
    let begins = Time::from_seconds(nbf) - LEEWAY;
    assert!(jwt.verify(&token, begins).await.is_ok());
    let refused = jwt.verify(&token, begins - MOMENT).await.unwrap_err();
    assert_eq!(refused.code(), "jwt_not_yet_valid");
    assert_eq!(
        refused.to_string(),
        "the token of sso becomes valid in 1 s; wait, or compare the clocks of the issuer and this server"
    );
    let refused = jwt.verify(&token, NOW).await.unwrap_err();
    assert_eq!(refused, JwtRefusal::NotYetValid { name: "sso".to_owned(), seconds: 70 });
}

#[tokio::test]
async fn times_may_have_fractions_and_lie_beyond_all_time() {
    let jwt = hs256();
    let half = secret().token(None, &claims_with(json!({ "exp": 1_000_000_000.5 })));
    assert!(jwt.verify(&half, NOW + LEEWAY + Duration::from_millis(499)).await.is_ok());
    assert!(jwt.verify(&half, NOW + LEEWAY + Duration::from_millis(500)).await.is_err());
    for far in [json!(1e300), json!(u64::MAX), json!(i64::MAX)] {
        let token = secret().token(None, &claims_with(json!({ "exp": far })));
        assert!(jwt.verify(&token, NOW).await.is_ok(), "{far}");
    }
    for past in [json!(-1e300), json!(i64::MIN), json!(0), json!(-1)] {
        let token = secret().token(None, &claims_with(json!({ "exp": past })));
        assert_eq!(jwt.verify(&token, NOW).await.unwrap_err().code(), "jwt_expired", "{past}");
    }
    for never in [json!(1e300), json!(u64::MAX)] {
        let token = secret().token(None, &claims_with(json!({ "nbf": never })));
        assert_eq!(jwt.verify(&token, NOW).await.unwrap_err().code(), "jwt_not_yet_valid", "{never}");
    }
}

#[tokio::test]
async fn a_remembered_token_is_measured_against_the_clock_again() {
    let keys = reelgate_callers::JwtKeys::Pem {
        algorithm: reelgate_callers::Algorithm::Rs256,
        pem: RSA.public_pem(),
    };
    let jwt = reelgate_callers::Jwt::new(settings(keys)).unwrap();
    let nbf = NOW.seconds() + 100;
    let token = Key::token(&RSA, None, &claims_with(json!({ "nbf": nbf, "exp": nbf + 100 })));
    let (begins, ends) = (Time::from_seconds(nbf) - LEEWAY, Time::from_seconds(nbf + 100) + LEEWAY);
    assert_eq!(jwt.verify(&token, begins - MOMENT).await.unwrap_err().code(), "jwt_not_yet_valid");
    let first = jwt.verify(&token, begins).await.unwrap();
    let second = jwt.verify(&token, ends - MOMENT).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second), "the second answer is the remembered one");
    assert_eq!(jwt.verify(&token, ends).await.unwrap_err().code(), "jwt_expired");
    assert_eq!(jwt.verify(&token, begins - MOMENT).await.unwrap_err().code(), "jwt_not_yet_valid");
    assert!(jwt.verify(&token, NOW + Duration::from_secs(150)).await.is_ok());
}
