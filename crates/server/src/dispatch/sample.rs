//! The vendor's sample signature service (document 584/9371): the same permission in the sample's form.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reelgate_wire::upload_signature::Parameters;

/// How long the sample's signatures are good.
pub(super) const VALIDITY: Duration = Duration::from_secs(86_400);

/// RFC 3986 unreserved characters stay.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The sample always writes its eight keys, empty or not (wire reference 1.6, V3). What it does not know comes
/// after them.
pub(super) fn original(parameters: &Parameters) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    let sample = [
        ("secretId", parameters.secret_id.clone()),
        ("currentTimeStamp", parameters.current_time_stamp.to_string()),
        ("expireTime", parameters.expire_time.to_string()),
        ("random", parameters.random.to_string()),
        ("procedure", text(&parameters.procedure)),
        ("classId", parameters.class_id.to_string()),
        ("oneTimeValid", u8::from(parameters.one_time_valid).to_string()),
        ("sourceContext", text(&parameters.source_context)),
    ];
    let ours = [
        ("sessionContext", text(&parameters.session_context)),
        ("vodSubAppId", number(parameters.vod_sub_app_id)),
        ("storageRegion", text(&parameters.storage_region)),
        ("reelgate", text(&parameters.reelgate)),
    ];
    let pairs = sample.into_iter().chain(ours.into_iter().filter(|(_, value)| !value.is_empty()));
    let pairs = pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(&value, RESERVED)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use reelgate_wire::upload_signature::sign_original;

    use super::*;

    #[test]
    fn the_vendors_vector_comes_out_byte_for_byte() {
        let parameters = Parameters {
            secret_id: "AKIDexample0001vodvector".to_owned(),
            current_time_stamp: 1_700_000_000,
            expire_time: 1_700_086_400,
            random: 3_141_592_653,
            ..Parameters::default()
        };
        let signature = sign_original(b"QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B", &original(&parameters));
        assert_eq!(
            signature,
            "sH2/oxBWh/lrI9TXA3g8Ovdoq/pzZWNyZXRJZD1BS0lEZXhhbXBsZTAwMDF2b2R2ZWN0b3ImY3VycmVudFRpbWVTdGFtcD0x\
             NzAwMDAwMDAwJmV4cGlyZVRpbWU9MTcwMDA4NjQwMCZyYW5kb209MzE0MTU5MjY1MyZwcm9jZWR1cmU9JmNsYXNzSWQ9MCZv\
             bmVUaW1lVmFsaWQ9MCZzb3VyY2VDb250ZXh0PQ=="
        );
    }

    #[test]
    fn our_own_keys_come_last_and_only_when_set() {
        let parameters = Parameters {
            source_context: Some("a b&c".to_owned()),
            session_context: Some("会".to_owned()),
            vod_sub_app_id: Some(7),
            one_time_valid: true,
            ..Parameters::default()
        };
        let original = original(&parameters);
        assert!(
            original
                .ends_with("oneTimeValid=1&sourceContext=a%20b%26c&sessionContext=%E4%BC%9A&vodSubAppId=7"),
            "{original}"
        );
    }
}
