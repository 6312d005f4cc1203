//! No changed signature opens anything on a running server. (The wire crate tries every byte of its own.)

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reelgate_server::uploads::Permit;
use reelgate_wire::upload_signature::Unverified;
use serde_json::json;

use super::{signature, start_with};
use crate::test_app::{BACKEND, TestApp};

const CASES: u32 = 400;

/// Any other character: of the alphabet, of URLs, white space, and longer ones.
fn character() -> impl Strategy<Value = char> {
    let alphabet: Vec<char> =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \t\n\r\0%".chars().collect();
    prop_oneof![6 => prop::sample::select(alphabet), 1 => any::<char>()]
}

/// `text` with the character at `place` replaced; `None` if that changes nothing.
fn changed(text: &str, place: prop::sample::Index, with: char) -> Option<String> {
    let place = place.index(text.len());
    (text.as_bytes()[place] != u8::try_from(with).unwrap_or(0))
        .then(|| format!("{}{with}{}", &text[..place], &text[place + 1..]))
}

/// Tries changes of a signature that this order gives, at the use case and at the door.
fn no_change_is_taken(t: &TestApp, runtime: &tokio::runtime::Runtime, original: &str) {
    runtime.block_on(async {
        Permit::verify(&t.app, original).await.unwrap();
        t.ugc_data("PrepareUploadUGC", json!({"signature": original, "videoType": "mp4"})).await;
    });
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let taken = runner.run(&(any::<prop::sample::Index>(), character()), |(place, with)| {
        let Some(text) = changed(original, place, with) else { return Ok(()) };
        runtime.block_on(async {
            prop_assert!(Permit::verify(&t.app, &text).await.is_err(), "{text}");
            for action in ["PrepareUploadUGC", "ApplyUploadUGC"] {
                let answer = t.ugc(action, &json!({"signature": text, "videoType": "mp4"})).await;
                prop_assert_eq!(answer.status, 200);
                prop_assert_eq!(&answer.json["code"], &json!(10004), "{}", answer.text);
            }
            Ok(())
        })
    });
    taken.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async { assert_eq!(t.open_sessions().await, 0) });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn no_changed_character_of_our_signatures_is_taken() {
    let runtime = runtime();
    let (t, text) = runtime.block_on(async {
        let t = start_with(&[], &[]).await;
        let order =
            json!({"user": "user-42", "source_context": "a=1&b=会", "max_size": 1_000, "types": ["mp4"]});
        let (text, _) = signature(&t, order).await;
        (t, text)
    });
    no_change_is_taken(&t, &runtime, &text);
    runtime.block_on(async { drop(t) });
}

#[test]
fn no_changed_character_of_the_samples_signatures_is_taken() {
    let runtime = runtime();
    let (t, text) = runtime.block_on(async {
        let t = start_with(&[], &[]).await;
        let answer = t.get(BACKEND, "/getUploadSignature?sourceContext=a").await.expect(200);
        (t, answer.json["data"]["signature"].as_str().unwrap().to_owned())
    });
    no_change_is_taken(&t, &runtime, &text);
    runtime.block_on(async { drop(t) });
}

#[tokio::test]
async fn a_signature_of_other_limits_cannot_borrow_a_mac() {
    let t = TestApp::start().await;
    let (small, _) = signature(&t, json!({"max_size": 10})).await;
    let (large, _) = signature(&t, json!({"max_size": 1_000})).await;
    let bytes =
        |text: &str| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
    let (small, large) = (bytes(&small), bytes(&large));
    let mixed = [&small[..20], &large[20..]].concat();
    let mixed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, mixed);
    assert!(Unverified::decode(&mixed).is_ok());
    t.refused("ApplyUploadUGC", json!({"signature": mixed, "videoType": "mp4"}), 10004).await;
}
