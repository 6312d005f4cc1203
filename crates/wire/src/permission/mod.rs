//! What our own signature parameter `reelgate` carries: who was permitted, by which policy, within which limits
//! (design section 8, "Permission"). It travels inside the signed string, so signing writes no row.
//!
//! Form: `1.` and the URL-safe base64, without padding, of a small JSON object. Another form gets another number.
//! In front of the real cloud, where we may not add parameters, [`suffix`] carries the part that fits.

pub mod suffix;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Longest text that is looked at or made, bytes.
pub const MAX_TEXT: usize = 2048;

const VERSION: &str = "1.";
/// Longest id, user or key, bytes.
const MAX_NAME: usize = 256;
/// Most types, and the longest one in bytes.
const MAX_TYPES: usize = 32;
const MAX_TYPE: usize = 16;

/// A permission to upload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Its id, for the timeline and for revocation.
    #[serde(rename = "i")]
    pub id: String,
    /// The application's own user; empty when the application did not say.
    #[serde(rename = "u", default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Id of the API key that issued it.
    #[serde(rename = "k")]
    pub key_id: String,
    /// Name of the policy that was applied; empty for the built-in one.
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// Revision of that policy: changes with what it says.
    #[serde(rename = "r")]
    pub policy_revision: i64,
    /// Largest video, bytes.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Longest video, seconds.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<u32>,
    /// Allowed types: lower-case extensions without a dot. Empty means any.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Uploads of the user on one UTC day.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub daily_uploads: Option<u64>,
    /// Bytes of the user on one UTC day.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub daily_bytes: Option<u64>,
    /// Sessions that may be open at once with this permission.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub open_sessions: Option<u32>,
    /// Bytes that its open sessions may announce together.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub bytes_in_flight: Option<u64>,
    /// Client addresses it may be used from.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<u32>,
}

/// The text is no permission of a form this version knows, or the permission does not fit its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("upload permission: {0}")]
pub struct PermissionError(String);

impl Permission {
    /// The text to put into `reelgate`.
    pub fn encode(&self) -> Result<String, PermissionError> {
        self.check()?;
        let json = serde_json::to_vec(self).expect("strings and integers always serialise");
        let text = format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(json));
        if text.len() > MAX_TEXT {
            return refuse(format!("its text has {} bytes, more than {MAX_TEXT}", text.len()));
        }
        Ok(text)
    }

    /// Reads the text of a *verified* signature's `reelgate`.
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        if text.len() > MAX_TEXT {
            return refuse(format!("its text has {} bytes, more than {MAX_TEXT}", text.len()));
        }
        let Some(body) = text.strip_prefix(VERSION) else {
            return refuse("its version is not 1; this server is older than the one that signed".to_owned());
        };
        let json =
            URL_SAFE_NO_PAD.decode(body).map_err(|error| PermissionError(format!("not base64: {error}")))?;
        let permission: Self = serde_json::from_slice(&json)
            .map_err(|error| PermissionError(format!("not readable: {error}")))?;
        permission.check()?;
        Ok(permission)
    }

    /// Whether `other` allows the same, by the same policy.
    pub fn limits_like(&self, other: &Self) -> bool {
        let numbers = |one: &Self| {
            (
                (one.policy_revision, one.max_size, one.max_duration, one.daily_uploads),
                (one.daily_bytes, one.open_sessions, one.bytes_in_flight, one.addresses),
            )
        };
        numbers(self) == numbers(other) && self.policy == other.policy && self.types == other.types
    }

    fn check(&self) -> Result<(), PermissionError> {
        for (name, value) in
            [("id", &self.id), ("user", &self.user), ("key id", &self.key_id), ("policy", &self.policy)]
        {
            if value.len() > MAX_NAME {
                return refuse(format!("the {name} has {} bytes, more than {MAX_NAME}", value.len()));
            }
            if value.chars().any(char::is_control) {
                return refuse(format!("the {name} holds control characters"));
            }
        }
        if self.id.is_empty() || self.key_id.is_empty() {
            return refuse("the id and the key id may not be empty".to_owned());
        }
        if self.types.len() > MAX_TYPES {
            return refuse(format!("{} types, more than {MAX_TYPES}", self.types.len()));
        }
        let is_type = |text: &String| {
            (1..=MAX_TYPE).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        match self.types.iter().find(|text| !is_type(text)) {
            Some(bad) => {
                refuse(format!("type {bad:?} is not a lower-case extension of up to {MAX_TYPE} characters"))
            }
            None => Ok(()),
        }
    }
}

fn refuse<T>(sentence: String) -> Result<T, PermissionError> {
    Err(PermissionError(sentence))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> Permission {
        Permission {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            user: "张三@example".to_owned(),
            key_id: "key_7".to_owned(),
            policy: "creators".to_owned(),
            policy_revision: 3,
            max_size: Some(1 << 33),
            max_duration: Some(600),
            types: vec!["mp4".to_owned(), "mov".to_owned()],
            daily_uploads: Some(10),
            daily_bytes: Some(1 << 34),
            open_sessions: Some(2),
            bytes_in_flight: Some(1 << 33),
            addresses: Some(3),
        }
    }

    #[test]
    fn it_survives_the_journey_and_stays_short() {
        let text = full().encode().unwrap();
        assert!(text.starts_with("1."), "{text}");
        assert!(text.len() < 340, "{} bytes", text.len());
        assert_eq!(Permission::parse(&text), Ok(full()));
    }

    #[test]
    fn what_is_not_exactly_ours_is_refused() {
        let json = |json: &str| format!("1.{}", URL_SAFE_NO_PAD.encode(json));
        for (text, reason) in [
            (String::new(), "version"),
            ("2.e30".to_owned(), "version"),
            ("1.e30=".to_owned(), "base64"),
            (json("{}"), "missing field"),
            (json(r#"{"i":"a","k":"b","r":1,"x":2}"#), "unknown field"),
            (json(r#"{"i":"","k":"b","r":1}"#), "empty"),
            (json(r#"{"i":"a","k":"b","r":1,"m":-1}"#), "invalid value"),
            (json(r#"{"i":"a","k":"b","r":1,"t":["../mp4"]}"#), "extension"),
            ("1.".to_owned() + &"A".repeat(MAX_TEXT), "more than"),
        ] {
            let error = Permission::parse(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_could_not_be_read_back_is_not_made() {
        let long = Permission { user: "x".repeat(MAX_NAME + 1), ..full() };
        assert!(long.encode().is_err());
        let upper = Permission { types: vec!["MP4".to_owned()], ..full() };
        assert!(upper.encode().is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(1\\.)?\\PC{0,80}") {
            let _ = Permission::parse(&text);
        }
    }
}
