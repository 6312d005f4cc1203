//! Times as the signature writes them.

use crate::calendar::{civil, days};

/// A time as ISO 8601 in the basic format, `YYYYMMDDTHHMMSSZ`; the text is kept because it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    text: String,
    unix: i64,
}

impl Stamp {
    /// Reads the text; `None` if it is not such a time.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        let real = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
        // 60 is a leap second.
        (real && second <= 60).then(|| Self {
            text: text.to_owned(),
            unix: days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second,
        })
    }

    /// The time `unix` (seconds, of the years 1970 to 9999).
    pub fn of(unix: i64) -> Self {
        let unix = unix.clamp(0, 253_402_300_799);
        let (day, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
        let (year, month, date) = civil(day);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let text = format!("{year:04}{month:02}{date:02}T{hour:02}{minute:02}{second:02}Z");
        Self { text, unix }
    }

    /// Unix seconds.
    pub fn unix(&self) -> i64 {
        self.unix
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The day of it, `YYYYMMDD`, as scopes have it.
    pub fn date(&self) -> &str {
        &self.text[..8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        for (text, unix) in [
            ("19700101T000000Z", 0),
            ("20130524T000000Z", 1_369_353_600),
            ("20240229T235959Z", 1_709_251_199),
            ("20260301T000000Z", 1_772_323_200),
        ] {
            assert_eq!(Stamp::parse(text).unwrap().unix(), unix);
            assert_eq!(Stamp::of(unix).as_str(), text);
        }
        for text in
            ["", "20130524", "20130524T000000", "2013-05-24T00:00Z", "20131324T000000Z", "20130524T0+0000Z"]
        {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_reads_back(unix in 0_i64..253_402_300_800) {
            prop_assert_eq!(Stamp::parse(Stamp::of(unix).as_str()).unwrap().unix(), unix);
        }

        #[test]
        fn any_text_gives_an_answer(text in "\\PC{0,20}") {
            let _ = Stamp::parse(&text);
        }
    }
}
