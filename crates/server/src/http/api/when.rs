//! Times as `/v1` shows them.

use jiff::Timestamp;
use reelgate_model::Time;

/// RFC 3339 in UTC with milliseconds, such as `2026-05-28T20:26:40.000Z`.
pub fn rfc3339(time: Time) -> String {
    let (first, last) = (Timestamp::MIN.as_second() * 1000, Timestamp::MAX.as_second() * 1000);
    let millis = time.0.clamp(first, last);
    let stamp = Timestamp::from_millisecond(millis).expect("the value was clamped into the range");
    format!("{stamp:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_always_there_and_nothing_panics() {
        assert_eq!(rfc3339(Time(1_780_000_000_000)), "2026-05-28T20:26:40.000Z");
        assert_eq!(rfc3339(Time(1)), "1970-01-01T00:00:00.001Z");
        for odd in [i64::MIN, i64::MAX] {
            assert!(rfc3339(Time(odd)).ends_with('Z'));
        }
    }
}
