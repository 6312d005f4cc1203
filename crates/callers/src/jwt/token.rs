//! The outside of a token: three segments, and the header that says how it is signed (RFC 7515).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::object::Object;

/// The three segments, still encoded.
pub(super) struct Token<'a> {
    /// What is signed: header, dot and payload as they were sent.
    pub(super) signed: &'a [u8],
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
    pub(super) header: &'a str,
}

/// What of a header matters here. `jku`, `jwk`, `x5u` and `x5c` do not: keys come from the settings.
#[derive(Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) kid: Option<Cow<'a, str>>,
    #[serde(default, rename = "crit")]
    pub(super) critical: Present,
}

/// Whether a member is there at all, with whatever value.
#[derive(Default)]
pub(super) struct Present(pub(super) bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

impl<'a> Token<'a> {
    /// The segments, when there are exactly three and none is empty.
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let (rest, signature) = text.rsplit_once('.')?;
        let (header, payload) = rest.split_once('.')?;
        let whole =
            !header.is_empty() && !payload.is_empty() && !signature.is_empty() && !payload.contains('.');
        whole.then_some(Self { signed: rest.as_bytes(), payload, signature, header })
    }

    /// The header's JSON, to be read with [`Header::read`].
    pub(super) fn header_json(&self) -> Option<Vec<u8>> {
        decode(self.header)
    }
}

impl<'a> Header<'a> {
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(|Object(header)| header)
    }
}

/// Canonical base64url without padding: one text for each sequence of bytes.
pub(super) fn decode(segment: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}

/// Whether the segment has the form of base64url without padding. Cheaper than to decode it.
pub(super) fn is_base64url(segment: &str) -> bool {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    segment.len() % 4 != 1 && segment.bytes().all(alphabet)
}

/// The 32 bytes of an HS256 signature, without an allocation.
pub(super) fn decode_hs256(segment: &str) -> Option<[u8; 32]> {
    // The decoder asks for room in whole groups of three bytes.
    let mut room = [0; 33];
    if segment.len() != 43 {
        return None;
    }
    let length = URL_SAFE_NO_PAD.decode_slice(segment, &mut room).ok()?;
    room[..length].try_into().ok()
}
