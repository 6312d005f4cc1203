use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::ugc::Code;

/// Vectors of wire reference 1.6.
const KEY: &[u8] = b"QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B";

const V1: &str = "BH/hp78QCoUIw9KGnY5AOy8412pzZWNyZXRJZD1BS0lEZXhhbXBsZTAwMDF2b2R2ZWN0b3ImY3VycmVudFRpbWVTdGFtcD0xNzAwMDAwMDAwJmV4cGlyZVRpbWU9MTcwMDA4NjQwMCZyYW5kb209MjIwNjI1";
const V2: &str = "Q8TNwfAqJnZcgZr0Oll7aOCSi6lzZWNyZXRJZD1BS0lEZXhhbXBsZTAwMDF2b2R2ZWN0b3ImY3VycmVudFRpbWVTdGFtcD0xNzAwMDAwMDAwJmV4cGlyZVRpbWU9MTcwMDAwMzYwMCZyYW5kb209NDI5NDk2NzI5NSZwcm9jZWR1cmU9TG9uZ1ZpZGVvUHJlc2V0JnRhc2tQcmlvcml0eT01JnRhc2tOb3RpZnlNb2RlPUNoYW5nZSZjbGFzc0lkPTcmdm9kU3ViQXBwSWQ9MTUwMDAxMjM0NSZvbmVUaW1lVmFsaWQ9MSZzb3VyY2VDb250ZXh0PXVzZXIlM0Q0MiUyNnRyYWNlJTNEYWJjJnNlc3Npb25Db250ZXh0PSVFNCVCQyU5QSVFOCVBRiU5RCUyMCVGMCU5RiU4RSVBQyZzdG9yYWdlUmVnaW9uPWFwLWd1YW5nemhvdQ==";
const V3: &str = "sH2/oxBWh/lrI9TXA3g8Ovdoq/pzZWNyZXRJZD1BS0lEZXhhbXBsZTAwMDF2b2R2ZWN0b3ImY3VycmVudFRpbWVTdGFtcD0xNzAwMDAwMDAwJmV4cGlyZVRpbWU9MTcwMDA4NjQwMCZyYW5kb209MzE0MTU5MjY1MyZwcm9jZWR1cmU9JmNsYXNzSWQ9MCZvbmVUaW1lVmFsaWQ9MCZzb3VyY2VDb250ZXh0PQ==";
const V3_ORIGINAL: &str = "secretId=AKIDexample0001vodvector&currentTimeStamp=1700000000&expireTime=1700086400&random=3141592653&procedure=&classId=0&oneTimeValid=0&sourceContext=";

fn minimal() -> Parameters {
    Parameters {
        secret_id: "AKIDexample0001vodvector".to_owned(),
        current_time_stamp: 1_700_000_000,
        expire_time: 1_700_086_400,
        random: 220_625,
        ..Parameters::default()
    }
}

fn everything() -> Parameters {
    Parameters {
        expire_time: 1_700_003_600,
        random: 4_294_967_295,
        procedure: Some("LongVideoPreset".to_owned()),
        task_priority: 5,
        task_notify_mode: Some("Change".to_owned()),
        class_id: 7,
        vod_sub_app_id: Some(1_500_012_345),
        one_time_valid: true,
        source_context: Some("user=42&trace=abc".to_owned()),
        session_context: Some("会话 🎬".to_owned()),
        storage_region: Some("ap-guangzhou".to_owned()),
        ..minimal()
    }
}

fn verified(text: &str) -> UploadSignature {
    Unverified::decode(text).unwrap().verify(KEY).unwrap()
}

fn sign(original: &str) -> String {
    sign_original(KEY, original)
}

#[test]
fn the_published_vectors_are_made_and_read() {
    for (parameters, text, mac) in [
        (minimal(), V1, "047fe1a7bf100a8508c3d2869d8e403b2f38d76a"),
        (everything(), V2, "43c4cdc1f02a26765c819af43a597b68e0928ba9"),
    ] {
        assert_eq!(parameters.sign(KEY), text);
        let signature = verified(text);
        assert_eq!(signature.parameters(), &parameters);
        assert_eq!(signature.mac_hex(), mac);
    }
}

/// One of those that the samples in `examples/signature` are checked against.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    secret_key: String,
    parameters: BTreeMap<String, serde_json::Value>,
    original: String,
    mac: String,
    signature: String,
}

#[test]
fn the_vectors_of_the_samples_are_made_and_read() {
    let text = include_str!("../../../../examples/signature/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    let first: Vec<&str> = vectors.iter().take(3).map(|vector| vector.signature.as_str()).collect();
    assert_eq!(first, [V1, V2, V3]);
    for vector in vectors {
        let key = vector.secret_key.as_bytes();
        assert_eq!(sign_original(key, &vector.original), vector.signature, "{}", vector.name);
        let unverified = Unverified::decode(&vector.signature).unwrap();
        assert_eq!(unverified.original(), vector.original, "{}", vector.name);
        let signature = unverified.verify(key).unwrap();
        assert_eq!(signature.mac_hex(), vector.mac, "{}", vector.name);
        assert_eq!(signature.parameters().check_ranges(), Ok(()), "{}", vector.name);
        let text_of = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let expected: BTreeMap<String, String> =
            vector.parameters.iter().map(|(name, value)| (name.clone(), text_of(value))).collect();
        let fields: BTreeMap<String, String> = signature.fields().iter().cloned().collect();
        assert_eq!(fields, expected, "{}", vector.name);
    }
}

#[test]
fn empty_optionals_count_as_absent() {
    assert_eq!(sign(V3_ORIGINAL), V3);
    let signature = verified(V3);
    assert_eq!(signature.parameters(), &Parameters { random: 3_141_592_653, ..minimal() });
    assert_eq!(signature.mac_hex(), "b07dbfa3105687f96b23d4d703783c3af768abfa");
    let unverified = Unverified::decode(V3).unwrap();
    assert_eq!(unverified.original(), V3_ORIGINAL);
    assert_eq!(unverified.fields()[4], ("procedure".to_owned(), String::new()));
}

#[test]
fn a_space_may_be_a_plus_or_percent_twenty() {
    let base = minimal().to_original();
    for encoded in ["a+b", "a%20b"] {
        let signature = verified(&sign(&format!("{base}&sourceContext={encoded}")));
        assert_eq!(signature.parameters().source_context.as_deref(), Some("a b"));
    }
}

#[test]
fn unknown_parameters_are_ignored_but_readable() {
    let signature = verified(&sign(&format!("{}&futureThing=%E4%BC%9A&bare", minimal().to_original())));
    assert_eq!(signature.parameters(), &minimal());
    assert_eq!(
        signature.fields()[4..],
        [("futureThing".to_owned(), "会".to_owned()), ("bare".to_owned(), String::new())]
    );
}

#[test]
fn our_own_parameter_travels_opaquely() {
    let parameters = Parameters { reelgate: Some("1.e30".to_owned()), ..minimal() };
    assert_eq!(verified(&parameters.sign(KEY)).parameters().reelgate.as_deref(), Some("1.e30"));
}

#[test]
fn the_main_application_has_three_spellings() {
    for spelling in ["", "&vodSubAppId=", "&vodSubAppId=0"] {
        let signature = verified(&sign(&format!("{}{spelling}", minimal().to_original())));
        assert_eq!(signature.parameters().vod_sub_app_id, None, "{spelling}");
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_with_the_reason() {
    let base = "secretId=A&currentTimeStamp=1&expireTime=2&random=3";
    let check = |text: String, reason: &str| {
        let refusal = Unverified::decode(&text).unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidSignature);
        assert!(refusal.to_string().contains(reason), "{refusal} lacks {reason:?}");
    };
    check(String::new(), "decodes to 0 bytes");
    check("AAAA".to_owned(), "decodes to 3 bytes");
    check(STANDARD.encode([0; 20]), "decodes to 20 bytes");
    check("not base64!".to_owned(), "not standard base64");
    check(format!("{V1}\n"), "not standard base64");
    check(V2.trim_end_matches('=').to_owned(), "not standard base64");
    check("A".repeat(MAX_TEXT + 4), "more than 32768");
    check(STANDARD.encode([0xff; 40]), "not UTF-8");
    check(sign("secretId=A&expireTime=2&random=3"), "currentTimeStamp is missing");
    check(sign("secretId=&currentTimeStamp=1&expireTime=2&random=3"), "secretId is missing");
    check(sign("secretId=A&currentTimeStamp=1.5&expireTime=2&random=3"), "\"1.5\" is not a whole number");
    check(sign("secretId=A&currentTimeStamp=1&expireTime=-2&random=3"), "expireTime \"-2\"");
    check(
        sign("secretId=A&currentTimeStamp=1&expireTime=99999999999999999999&random=3"),
        "not a whole number",
    );
    check(sign(&format!("{base}&classId=--1")), "classId");
    check(sign(&format!("{base}&oneTimeValid=2")), "neither 0 nor 1");
    check(sign(&format!("{base}&secretId=B")), "secretId is given twice");
    check(sign(&format!("{base}&sourceContext=%b2%e2")), "not UTF-8 when decoded");
}

#[test]
fn another_key_does_not_verify() {
    let refusal = Unverified::decode(V1).unwrap().verify(b"another").unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidSignature);
    assert!(refusal.to_string().contains("AKIDexample0001vodvector"), "{refusal}");
}

#[test]
fn the_window_is_judged_as_the_reference_says() {
    let check = |start, end, now, expected: Option<Code>| {
        let parameters = Parameters { current_time_stamp: start, expire_time: end, ..minimal() };
        let code = parameters.check_window(now).err().map(|refusal| refusal.code());
        assert_eq!(code, expected, "{start}..{end} at {now}");
    };
    check(1000, 2000, 1000, None);
    check(1000, 2000, 1999, None);
    check(1000, 2000, 2000, Some(Code::SignatureExpired));
    check(1000, 1000, 1000, Some(Code::InvalidSignature));
    check(1000, 999, 5000, Some(Code::InvalidSignature));
    check(1000, 1000 + MAX_VALIDITY, 1000, None);
    check(1000, 1001 + MAX_VALIDITY, 1000, Some(Code::InvalidSignature));
    check(1300, 2000, 1000, None);
    check(1301, 2000, 1000, Some(Code::InvalidSignature));
    check(0, i64::MAX, i64::MIN, Some(Code::InvalidSignature));
}

#[test]
fn ranges_are_judged_as_the_reference_says() {
    let check = |parameters: Parameters, reason: Option<&str>| match (parameters.check_ranges(), reason) {
        (Ok(()), None) => {}
        (Err(refusal), Some(reason)) => {
            assert_eq!(refusal.code(), Code::InvalidRequest);
            assert!(refusal.to_string().contains(reason), "{refusal}");
        }
        (outcome, expected) => panic!("{outcome:?}, expected {expected:?}"),
    };
    let text = |length: usize| Some("字".repeat(length));
    check(everything(), None);
    check(Parameters { random: 1 << 32, ..minimal() }, None);
    check(Parameters { random: (1 << 32) + 1, ..minimal() }, Some("random"));
    check(Parameters { task_priority: -10, ..minimal() }, None);
    check(Parameters { task_priority: 11, ..minimal() }, Some("taskPriority 11"));
    check(Parameters { class_id: -1, ..minimal() }, Some("classId"));
    check(Parameters { task_notify_mode: Some("finish".to_owned()), ..minimal() }, Some("taskNotifyMode"));
    check(Parameters { source_context: text(250), ..minimal() }, None);
    check(Parameters { source_context: text(251), ..minimal() }, Some("sourceContext has 251"));
    check(Parameters { session_context: text(1000), ..minimal() }, None);
    check(Parameters { session_context: text(1001), ..minimal() }, Some("sessionContext"));
    check(Parameters { storage_region: Some("ap/../x".to_owned()), ..minimal() }, Some("storageRegion"));
}

#[test]
fn every_single_bit_change_of_the_bytes_is_refused() {
    for text in [V1, V2, V3] {
        let bytes = STANDARD.decode(text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let outcome = Unverified::decode(&STANDARD.encode(&changed)).and_then(|s| s.verify(KEY));
            assert!(outcome.is_err(), "bit {bit}");
        }
    }
}

/// Also the spare bits of the last character before the padding, which a lenient decoder would drop.
#[test]
fn every_single_character_change_of_the_text_is_refused() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \n";
    for text in [V1, V2, V3] {
        for at in 0..text.len() {
            for &other in ALPHABET.iter().filter(|other| **other != text.as_bytes()[at]) {
                let mut changed = text.as_bytes().to_vec();
                changed[at] = other;
                let changed = String::from_utf8(changed).unwrap();
                let outcome = Unverified::decode(&changed).and_then(|s| s.verify(KEY));
                assert!(outcome.is_err(), "character {at} as {:?}", char::from(other));
            }
        }
    }
}

#[test]
fn debug_shows_who_but_not_the_signature() {
    let shown = format!("{:?} {:?}", Unverified::decode(V1).unwrap(), verified(V1));
    assert!(shown.contains("AKIDexample"), "{shown}");
    assert!(!shown.contains("047fe1a7") && !shown.contains("220625"), "{shown}");
}

fn any_parameters() -> impl Strategy<Value = Parameters> {
    let text = || proptest::option::of("\\PC{1,40}");
    let numbers = (0..=i64::MAX, 0..=i64::MAX, any::<u32>(), -20i64..20, 0..1000i64, any::<bool>());
    (
        ("\\PC{1,40}", numbers, text(), text()),
        (text(), text(), text(), text(), proptest::option::of(1..=i64::MAX)),
    )
        .prop_map(|((secret_id, numbers, procedure, notify), (source, session, region, own, app))| {
            Parameters {
                secret_id,
                current_time_stamp: numbers.0,
                expire_time: numbers.1,
                random: u64::from(numbers.2),
                task_priority: numbers.3,
                class_id: numbers.4,
                one_time_valid: numbers.5,
                procedure,
                task_notify_mode: notify,
                source_context: source,
                session_context: session,
                storage_region: region,
                reelgate: own,
                vod_sub_app_id: app,
            }
        })
}

proptest! {
    #[test]
    fn what_is_signed_is_read_back(parameters in any_parameters(), key in any::<[u8; 24]>()) {
        let signature = Unverified::decode(&parameters.sign(&key)).unwrap().verify(&key).unwrap();
        prop_assert_eq!(signature.parameters(), &parameters);
    }

    #[test]
    fn any_single_bit_change_is_refused(parameters in any_parameters(), bit in any::<prop::sample::Index>()) {
        let mut bytes = STANDARD.decode(parameters.sign(KEY)).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Unverified::decode(&STANDARD.encode(&bytes)).and_then(|s| s.verify(KEY)).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}", payload in any::<Vec<u8>>(), query in "[a-zA-Z%+=&0-9.-]{0,120}") {
        let _ = Unverified::decode(&text);
        let _ = Unverified::decode(&STANDARD.encode(payload));
        if let Ok(read) = Unverified::decode(&sign(&format!("{}&{query}", minimal().to_original()))) {
            let _ = read.parameters().check_ranges();
            let _ = read.parameters().check_window(i64::MIN);
            let _ = read.parameters().check_window(i64::MAX);
        }
    }
}
