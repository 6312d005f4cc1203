//! What an app may answer. Read strictly: a misspelt limit must not pass for no limit.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::object::{self, Object};

/// What an app that allows an upload says about it. The default narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Who is asking, in the app's words. Empty: not said.
    #[serde(default)]
    pub user: String,
    /// Tags of the caller; a single text stands for a list of one.
    #[serde(default, deserialize_with = "tags")]
    pub tags: BTreeMap<String, Vec<String>>,
    /// What is allowed less than usual.
    #[serde(default, deserialize_with = "object::only")]
    pub limits: Narrowing,
}

/// Limits on what is allowed. A field that is absent or null narrows nothing; an empty list allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowing {
    /// Procedures that may be named.
    #[serde(default)]
    pub procedures: Option<Vec<String>>,
    /// Media types that may be uploaded.
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// Largest file, in bytes.
    #[serde(default)]
    pub max_size: Option<u64>,
    /// Longest video, in seconds.
    #[serde(default)]
    pub max_duration: Option<u32>,
    /// Longest validity of a permission, in seconds.
    #[serde(default)]
    pub max_validity: Option<u64>,
    /// Whether a permission holds for one upload only.
    #[serde(default)]
    pub one_time: Option<bool>,
    /// Uploads a day.
    #[serde(default)]
    pub daily_uploads: Option<u64>,
    /// Bytes a day.
    #[serde(default)]
    pub daily_bytes: Option<u64>,
    /// Upload sessions at a time.
    #[serde(default)]
    pub open_sessions: Option<u32>,
    /// Bytes of open sessions at a time.
    #[serde(default)]
    pub bytes_in_flight: Option<u64>,
    /// Different client addresses.
    #[serde(default)]
    pub addresses: Option<u32>,
}

impl Answer {
    /// Reads the body of an allowing answer; an empty one narrows nothing. Says what is wrong with others.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        // Asked first, so that the reader's message, which repeats a text in the place of an object, never repeats all.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("it is not a JSON object".to_owned());
        }
        let Object(answer) = serde_json::from_slice::<Object<Self>>(body)
            .map_err(|error| super::message::plain(&error.to_string()))?;
        let tags = answer.tags.iter().flat_map(|(tag, values)| values.iter().chain([tag]));
        if tags.chain([&answer.user]).any(|text| text.contains(char::is_control)) {
            return Err("its user or a tag holds control characters".to_owned());
        }
        Ok(answer)
    }
}

fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a tag must be a text or a list of texts")]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    let tags = BTreeMap::<String, Texts>::deserialize(deserializer)?;
    let list = |texts| match texts {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    };
    Ok(tags.into_iter().map(|(tag, texts)| (tag, list(texts))).collect())
}
