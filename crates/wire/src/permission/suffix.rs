//! The permission in `tencent` mode: a suffix of `sourceContext`, which the vendor signs over and gives back in
//! NewFileUpload (design section 8, "Permission"). It is taken off before any event leaves us.
//!
//! Form: `|rg1.` and the URL-safe base64, without padding, of: 12 bytes id, 4 bytes policy revision, 4 bytes that
//! stand for the key, one byte of flags, the limits that are set as LEB128, and the user to the end.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{PermissionError, refuse};

/// Longest suffix, characters.
pub const MAX_SUFFIX: usize = 90;
/// Longest `sourceContext` of a caller beside it, characters: the vendor takes 250 in all.
pub const MAX_CALLER_CONTEXT: usize = 160;
/// Length of the id, bytes.
pub const ID: usize = 12;

const MARK: &str = "|rg1.";
/// Most bytes whose base64 fits behind the mark.
const MAX_BYTES: usize = (MAX_SUFFIX - MARK.len()) / 4 * 3;
const HAS_SIZE: u8 = 1;
const HAS_DURATION: u8 = 2;
/// The user is a UUID and travels as its 16 bytes.
const USER_IS_UUID: u8 = 4;

/// What of a permission travels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suffix {
    /// Id of the permission.
    pub id: [u8; ID],
    /// Revision of the policy that was applied.
    pub policy_revision: u32,
    /// The first bytes of a digest of the key's id: tells keys apart, not more.
    pub key: [u8; 4],
    /// The application's own user; empty when it did not say.
    pub user: String,
    /// Largest video, bytes.
    pub max_size: Option<u64>,
    /// Longest video, seconds.
    pub max_duration: Option<u32>,
}

impl Suffix {
    /// `context` with the suffix behind it. Refused when either does not fit.
    pub fn append_to(&self, context: &str) -> Result<String, PermissionError> {
        let length = context.chars().count();
        if length > MAX_CALLER_CONTEXT {
            return refuse(format!(
                "source_context has {length} characters, more than the {MAX_CALLER_CONTEXT} that fit beside it in tencent mode"
            ));
        }
        let bytes = self.bytes();
        if bytes.len() > MAX_BYTES {
            let most = MAX_BYTES - (bytes.len() - self.user.len());
            return refuse(format!(
                "the user has {} bytes, more than the {most} that fit into a signature in tencent mode",
                self.user.len()
            ));
        }
        Ok(format!("{context}{MARK}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// A source context as it comes back, without its suffix, and the suffix; all of it and `None` when there is none.
    pub fn split(context: &str) -> (&str, Option<Self>) {
        let Some((own, text)) = context.rsplit_once(MARK) else { return (context, None) };
        match URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Self::read(&bytes)) {
            Some(suffix) => (own, Some(suffix)),
            None => (context, None),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_BYTES);
        bytes.extend(self.id);
        bytes.extend(self.policy_revision.to_be_bytes());
        bytes.extend(self.key);
        let packed = uuid_bytes(&self.user);
        let flags = [
            (self.max_size.is_some(), HAS_SIZE),
            (self.max_duration.is_some(), HAS_DURATION),
            (packed.is_some(), USER_IS_UUID),
        ];
        bytes.push(flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum());
        for number in [self.max_size, self.max_duration.map(u64::from)].into_iter().flatten() {
            push_number(&mut bytes, number);
        }
        match packed {
            Some(packed) => bytes.extend(packed),
            None => bytes.extend(self.user.as_bytes()),
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (id, bytes) = bytes.split_first_chunk()?;
        let (revision, bytes) = bytes.split_first_chunk()?;
        let (key, bytes) = bytes.split_first_chunk()?;
        let (flags, mut bytes) = bytes.split_first()?;
        if flags & !(HAS_SIZE | HAS_DURATION | USER_IS_UUID) != 0 {
            return None;
        }
        let mut number = |flag| {
            if flags & flag == 0 {
                return Some(None);
            }
            take_number(&mut bytes).map(Some)
        };
        let max_size = number(HAS_SIZE)?;
        let max_duration = number(HAS_DURATION)?.map(u32::try_from).transpose().ok()?;
        let user = match flags & USER_IS_UUID {
            0 => String::from_utf8(bytes.to_vec()).ok()?,
            _ => uuid_text(bytes.try_into().ok()?),
        };
        Some(Self {
            id: *id,
            policy_revision: u32::from_be_bytes(*revision),
            key: *key,
            user,
            max_size,
            max_duration,
        })
    }
}

/// LEB128: seven bits a byte, the lowest first.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or(0x7f) | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0x7f));
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The bytes of a UUID in its usual spelling: lower case, with hyphens.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let bytes: [u8; 16] = hex::decode(text.replace('-', "")).ok()?.try_into().ok()?;
    (uuid_text(bytes) == text).then_some(bytes)
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn suffix(user: &str) -> Suffix {
        Suffix {
            id: *b"permission-1",
            policy_revision: 0xfedc_ba98,
            key: [1, 2, 3, 255],
            user: user.to_owned(),
            max_size: Some(48 << 30),
            max_duration: Some(600),
        }
    }

    #[test]
    fn it_comes_back_with_the_callers_context_byte_for_byte() {
        for (context, user) in [
            ("", ""),
            ("a=1&b=会|c", "user-42"),
            ("|rg1.", "张三"),
            ("x|rg1.AAAA", "01890a5d-ac96-774b-bcce-b302099a8057"),
            ("y", "01890A5D-AC96-774B"),
        ] {
            let text = suffix(user).append_to(context).unwrap();
            assert!(text.len() - context.len() <= MAX_SUFFIX, "{text}");
            assert_eq!(Suffix::split(&text), (context, Some(suffix(user))));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_limit() {
        let context = "界".repeat(MAX_CALLER_CONTEXT);
        let longest = suffix(&"u".repeat(34)).append_to(&context).unwrap();
        assert_eq!(
            longest.chars().count(),
            250 - 1,
            "every character of both is used, but one that base64 wastes"
        );
        let error = suffix(&"u".repeat(35)).append_to("").unwrap_err().to_string();
        assert!(error.contains("the user has 35 bytes, more than the 34"), "{error}");
        let error = suffix("").append_to(&"界".repeat(161)).unwrap_err().to_string();
        assert!(error.contains("161 characters, more than the 160"), "{error}");
    }

    #[test]
    fn what_is_not_ours_stays_with_the_context() {
        for context in
            ["", "plain", "a|rg1.", "a|rg1.!!", "a|rg1.AAAA", "a|rg2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(Suffix::split(context), (context, None));
        }
    }

    proptest! {
        #[test]
        fn splitting_never_panics_and_never_loses_text(context in "\\PC{0,40}(\\|rg1\\.[A-Za-z0-9_-]{0,80})?") {
            let (own, found) = Suffix::split(&context);
            prop_assert!(context.starts_with(own));
            prop_assert!(found.is_some() || own == context);
        }
    }
}
