//! Callers without any credential, at the rate of their address.

use serde_json::{Value, json};

use super::{SIGN, ask, permission_of, start, start_with};
use crate::test_app::{BACKEND, TestApp};

const PROXIES: (&str, &str) = ("REELGATE_SERVER__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);

fn entries() -> Value {
    json!([{"kind": "api_key"}, {"kind": "anonymous", "rate": {"per_minute": 6, "burst": 2}}])
}

#[tokio::test]
async fn nobody_is_anonymous_unless_the_configuration_says_so() {
    let t = TestApp::start().await;
    ask(&t, &[], json!({})).await.is_problem(401, "unauthenticated", "no credentials");
}

#[tokio::test]
async fn each_address_has_a_bucket_that_fills_with_time() {
    let t = start_with(&[("CALLERS", entries())], &[PROXIES]).await;
    let from = async |address: &str| ask(&t, &[("x-forwarded-for", address)], json!({})).await;
    for _ in 0..2 {
        assert_eq!(permission_of(&from("192.0.2.1").await).user, "192.0.2.1");
    }
    let refused = from("192.0.2.1").await;
    refused.is_problem(429, "rate_limited", "\"192.0.2.1\" has used up its signatures: 6 a minute come back");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((10..=11).contains(&wait), "{wait}");
    from("192.0.2.2").await.expect(200);
    t.advance(wait);
    from("192.0.2.1").await.expect(200);
    assert_eq!(from("192.0.2.1").await.status, 429, "one came back, not all");
    t.advance(60);
    for status in [200, 200, 429] {
        from("192.0.2.1").await.expect(status);
    }
    t.post(BACKEND, SIGN, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_household_with_ipv6_shares_a_bucket() {
    let t = start_with(&[("CALLERS", entries())], &[PROXIES]).await;
    let from = async |address: &str| ask(&t, &[("x-forwarded-for", address)], json!({})).await;
    assert_eq!(permission_of(&from("2001:db8:1:2::3").await).user, "2001:db8:1:2::/64");
    from("2001:db8:1:2:ffff::4").await.expect(200);
    from("2001:db8:1:2::5").await.is_problem(429, "rate_limited", "2001:db8:1:2::/64");
    from("2001:db8:1:3::3").await.expect(200);
}

#[tokio::test]
async fn an_address_cannot_be_made_up() {
    let t = start(&[("CALLERS", entries())]).await;
    for (address, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.3", 429)] {
        ask(&t, &[("x-forwarded-for", address)], json!({})).await.expect(status);
    }
}

#[tokio::test]
async fn nobody_in_particular_names_no_user_and_no_tags() {
    let t = start(&[("CALLERS", entries())]).await;
    ask(&t, &[], json!({"user": "user-42"})).await.is_problem(403, "user_not_yours", "leave `user` out");
    ask(&t, &[], json!({"tags": {"plan": "pro"}})).await.is_problem(
        403,
        "tags_not_yours",
        "ask with an API key",
    );
    for _ in 0..2 {
        ask(&t, &[], json!({})).await.expect(200);
    }
}
