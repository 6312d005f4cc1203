//! Callback authentication: the members `Sign` and `T` of a pushed event (wire reference 5.1).
//!
//! `T` is when the notification stops being good, in Unix seconds; `Sign` is the MD5 of the key followed by `T`. The MAC does
//! not cover the body, so a receiver still needs HTTPS.

use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::Value;

use crate::hmac_sha1::equal;

/// How long a notification is good after it was sent, in seconds [the vendor's default].
pub const VALID_FOR: i64 = 600;

/// Whether `text` is a SignKey: 1 to 32 letters and digits.
pub fn is_key(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `Sign` for this key and `T`: 32 lower-case hex digits.
pub fn sign(key: &str, t: i64) -> String {
    let mut digest = Md5::new();
    digest.update(key.as_bytes());
    digest.update(t.to_string().as_bytes());
    hex::encode(digest.finalize())
}

/// `body`, a JSON object, with `Sign` and `T` as its last members; every other byte stays. A body that is no object comes
/// back as it is.
pub fn signed(body: &[u8], key: &str, t: i64) -> Vec<u8> {
    let end = body.iter().rposition(|byte| !byte.is_ascii_whitespace());
    let Some(end) = end.filter(|end| body[*end] == b'}') else { return body.to_vec() };
    let before = body[..end].iter().rposition(|byte| !byte.is_ascii_whitespace());
    let comma = if before.is_some_and(|at| body[at] == b'{') { "" } else { "," };
    let mut out = body[..end].to_vec();
    out.extend_from_slice(format!("{comma}\"Sign\":\"{}\",\"T\":{t}", sign(key, t)).as_bytes());
    out.extend_from_slice(&body[end..]);
    out
}

/// Why a notification is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefusal {
    /// Not a JSON object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// No `Sign` and `T`.
    #[error("the body has no Sign and T; set the SignKey in the cloud's event configuration")]
    Unsigned,
    /// `T` is over.
    #[error("T is in the past: the notification is too old, or the clock of this machine is wrong")]
    Expired,
    /// Another key.
    #[error("Sign does not match; the SignKey here and the one in the cloud's event configuration differ")]
    Wrong,
}

#[derive(Deserialize)]
struct Members {
    #[serde(rename = "Sign", alias = "sign")]
    sign: Option<Value>,
    #[serde(rename = "T", alias = "t")]
    t: Option<Value>,
}

/// Checks a received notification against the keys that are good, at `now` in Unix seconds.
pub fn verify(body: &[u8], keys: &[&str], now: i64) -> Result<(), CallbackRefusal> {
    let members: Members = serde_json::from_slice(body).map_err(|_| CallbackRefusal::NotAnObject)?;
    let t = match members.t {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let (Some(Value::String(given)), Some(t)) = (members.sign, t) else {
        return Err(CallbackRefusal::Unsigned);
    };
    if t < now {
        return Err(CallbackRefusal::Expired);
    }
    let given = given.to_ascii_lowercase();
    // Every key is tried, whichever matches.
    let matching = keys.iter().filter(|key| equal(sign(key, t).as_bytes(), given.as_bytes())).count();
    if matching > 0 { Ok(()) } else { Err(CallbackRefusal::Wrong) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "AbC123xyz";
    const T: i64 = 1_700_000_600;

    #[test]
    fn the_vector_of_the_wire_reference() {
        assert_eq!(sign(KEY, T), "b31abd04d06477920d18813b39dbae1a");
        let body = signed(br#"{"EventType":"NewFileUpload"}"#, KEY, T);
        let text = String::from_utf8(body.clone()).unwrap();
        assert_eq!(
            text,
            r#"{"EventType":"NewFileUpload","Sign":"b31abd04d06477920d18813b39dbae1a","T":1700000600}"#
        );
        assert_eq!(verify(&body, &["other", KEY], T), Ok(()));
        assert_eq!(verify(&body, &[KEY], T + 1), Err(CallbackRefusal::Expired));
        assert_eq!(verify(&body, &["other"], T), Err(CallbackRefusal::Wrong));
        assert_eq!(verify(&body, &[], T), Err(CallbackRefusal::Wrong));
    }

    #[test]
    fn other_spellings_of_the_members_are_read() {
        let upper = sign(KEY, T).to_ascii_uppercase();
        for body in [
            format!(r#"{{"sign":"{upper}","t":{T}}}"#),
            format!(r#"{{"T":"{T}","Sign":"{upper}","X":null}}"#),
        ] {
            assert_eq!(verify(body.as_bytes(), &[KEY], 0), Ok(()), "{body}");
        }
    }

    #[test]
    fn what_is_not_signed_is_said_so() {
        for body in ["{}", r#"{"Sign":"x"}"#, r#"{"T":1}"#, r#"{"Sign":1,"T":1}"#, r#"{"Sign":"x","T":1.5}"#]
        {
            assert_eq!(verify(body.as_bytes(), &[KEY], 0), Err(CallbackRefusal::Unsigned), "{body}");
        }
        for body in ["", "[]", "{", "\"Sign\"", r#"{"Sign":"a","sign":"b","T":1}"#] {
            assert_eq!(verify(body.as_bytes(), &[KEY], 0), Err(CallbackRefusal::NotAnObject), "{body}");
        }
    }

    #[test]
    fn an_empty_object_and_what_is_none() {
        assert!(signed(b" { } ", KEY, T).starts_with(b" { \"Sign\":"));
        for other in [&b"[1]"[..], b"", b"null"] {
            assert_eq!(signed(other, KEY, T), other);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..64), t in any::<i64>()) {
            let _ = verify(&body, &[KEY], t);
            let _ = signed(&body, KEY, t);
        }
    }
}
