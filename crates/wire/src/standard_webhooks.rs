//! Standard Webhooks 1.0 (standardwebhooks.com): how a webhook is signed so that the receiver's library can tell that it is
//! ours, unaltered and new.
//!
//! The headers are `webhook-id`, `webhook-timestamp` (Unix seconds) and `webhook-signature`: one `v1,` and base64 of
//! HMAC-SHA256 over `{id}.{timestamp}.{body}` for each secret that is good, separated by spaces.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hmac_sha1::equal;
use crate::sha256::hmac;

/// Header of the message's id.
pub const ID: &str = "webhook-id";
/// Header of the time of the attempt.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header of the signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// How far the timestamp may be from the receiver's clock, in seconds.
pub const TOLERANCE: i64 = 300;

const PREFIX: &str = "whsec_";

/// A secret: 24 to 64 bytes.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A text is no secret. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Standard Webhooks secret is whsec_ and the base64 of 24 to 64 bytes")]
pub struct SecretError;

impl Secret {
    /// Reads `whsec_…`; the prefix may be missing.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| SecretError)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError) }
    }

    /// The text of a secret made of these random bytes.
    pub fn text(bytes: &[u8; 32]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(bytes))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> [u8; 32] {
        let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        hmac(&self.0, &signed)
    }
}

/// The value of [`SIGNATURE`].
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let one = |secret: &Secret| format!("v1,{}", STANDARD.encode(secret.sign(id, timestamp, body)));
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Whether one of the signatures is by `secret`, and the timestamp near `now` (Unix seconds).
pub fn verify(secret: &Secret, id: &str, timestamp: &str, signatures: &str, body: &[u8], now: i64) -> bool {
    let Ok(timestamp) = timestamp.parse::<i64>() else { return false };
    if now.abs_diff(timestamp) > TOLERANCE.unsigned_abs() {
        return false;
    }
    let expected = secret.sign(id, timestamp, body);
    let given = signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    given.filter(|given| equal(given, &expected)).count() > 0
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use standardwebhooks::Webhook;

    use super::*;

    const ID_: &str = "msg_1";
    const BODY: &[u8] = br#"{"type":"NewFileUpload","data":{}}"#;

    #[expect(clippy::disallowed_methods, reason = "the official library asks the machine's clock, too")]
    fn now() -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    fn headers(id: &str, timestamp: i64, signature: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ID, HeaderValue::from_str(id).unwrap());
        headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
        if let Some(signature) = signature {
            headers.insert(SIGNATURE, HeaderValue::from_str(signature).unwrap());
        }
        headers
    }

    #[test]
    fn the_official_library_verifies_ours_and_nothing_else() {
        let texts = [Secret::text(&[7; 32]), Secret::text(&[8; 32])];
        let secrets: Vec<Secret> = texts.iter().map(|text| Secret::parse(text).unwrap()).collect();
        let at = now();
        let signature = sign(&secrets, ID_, at, BODY);
        for text in &texts {
            let official = Webhook::new(text).unwrap();
            assert!(
                official.verify(BODY, &headers(ID_, at, Some(&signature))).is_ok(),
                "both keys of a rotation"
            );
            assert!(official.verify(b"{}", &headers(ID_, at, Some(&signature))).is_err());
            assert!(official.verify(BODY, &headers("msg_2", at, Some(&signature))).is_err());
            assert!(official.verify(BODY, &headers(ID_, at + 1, Some(&signature))).is_err());
            assert!(official.verify(BODY, &headers(ID_, at, None)).is_err());
            let old = sign(&secrets, ID_, at - 400, BODY);
            assert!(official.verify(BODY, &headers(ID_, at - 400, Some(&old))).is_err());
        }
        let stranger = Webhook::new(&Secret::text(&[9; 32])).unwrap();
        assert!(stranger.verify(BODY, &headers(ID_, at, Some(&signature))).is_err());
    }

    #[test]
    fn ours_verifies_what_the_official_library_signs() {
        let text = Secret::text(&[7; 32]);
        let signature = Webhook::new(&text).unwrap().sign(ID_, now(), BODY).unwrap();
        let secret = Secret::parse(&text).unwrap();
        let (at, stamp) = (now(), now().to_string());
        assert!(verify(&secret, ID_, &stamp, &format!("v2,x {signature}"), BODY, at));
        assert!(!verify(&secret, ID_, &stamp, &signature, b"{}", at));
        assert!(!verify(&secret, ID_, &stamp, &signature, BODY, at + 301));
        assert!(!verify(&secret, ID_, "soon", &signature, BODY, at));
        assert!(!verify(&secret, ID_, &stamp, "", BODY, at));
    }

    #[test]
    fn secrets_are_read_with_and_without_prefix_and_never_shown() {
        let text = Secret::text(&[7; 32]);
        assert!(Secret::parse(&text).is_ok() && Secret::parse(&text[6..]).is_ok());
        assert_eq!(format!("{:?}", Secret::parse(&text).unwrap()), "Secret");
        for bad in ["", "whsec_", "whsec_AAAA", "not base64!", &Secret::text(&[0; 32]).repeat(3)] {
            assert_eq!(Secret::parse(bad).unwrap_err(), SecretError);
        }
    }
}
