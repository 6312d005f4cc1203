//! Range and conditional requests (RFC 9110, sections 13 and 14), for every door that serves bytes. Pure.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use reelgate_model::Time;

/// What tells one version of a file from another. Blobs never change, so the tag is a strong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// With quotes.
    pub etag: String,
    /// When it came into being.
    pub modified: Time,
}

/// How much of a file is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// 200.
    Whole,
    /// 206.
    Range(Range<u64>),
    /// 304.
    NotModified,
    /// 412.
    Failed,
    /// 416.
    Unsatisfiable,
}

/// What a GET with these headers gets of a file of `size` bytes.
pub(super) fn part(headers: &HeaderMap, version: &Version, size: u64) -> Part {
    if let Some(ended) = condition(headers, version) {
        return ended;
    }
    let Some(wanted) = text(headers, header::RANGE).filter(|_| if_range_holds(headers, version)) else {
        return Part::Whole;
    };
    match parse(wanted, size) {
        // Not a range that we understand, or several: the whole is always a right answer.
        None => Part::Whole,
        Some(range) if range.is_empty() => Part::Unsatisfiable,
        Some(range) => Part::Range(range),
    }
}

/// What the conditions of a GET or HEAD end it with, if one does: [`Part::Failed`] or [`Part::NotModified`].
pub(super) fn condition(headers: &HeaderMap, version: &Version) -> Option<Part> {
    if failed(headers, version) {
        return Some(Part::Failed);
    }
    not_modified(headers, version).then_some(Part::NotModified)
}

/// Whether the client wants another version than this (`If-Match` before `If-Unmodified-Since`).
fn failed(headers: &HeaderMap, version: &Version) -> bool {
    if let Some(wanted) = text(headers, header::IF_MATCH) {
        return wanted.trim() != "*" && !wanted.split(',').any(|tag| tag.trim() == version.etag);
    }
    let since = text(headers, header::IF_UNMODIFIED_SINCE).and_then(parse_date);
    since.is_some_and(|since| version.modified.seconds() > since)
}

/// The value of `Content-Range` for a part of a file of `size` bytes.
pub(super) fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// Whether the client's copy is good (`If-None-Match` before `If-Modified-Since`).
fn not_modified(headers: &HeaderMap, version: &Version) -> bool {
    if let Some(known) = text(headers, header::IF_NONE_MATCH) {
        let weak = |tag: &str| tag.trim().trim_start_matches("W/") == version.etag;
        return known.trim() == "*" || known.split(',').any(weak);
    }
    let since = text(headers, header::IF_MODIFIED_SINCE).and_then(parse_date);
    since.is_some_and(|since| version.modified.seconds() <= since)
}

fn if_range_holds(headers: &HeaderMap, version: &Version) -> bool {
    match text(headers, header::IF_RANGE).map(str::trim) {
        None => true,
        Some(tag) if tag.starts_with('"') => tag == version.etag,
        Some(date) => parse_date(date) == Some(version.modified.seconds()),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn parse_date(text: &str) -> Option<i64> {
    DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::as_second)
}

/// `time` as HTTP writes dates.
pub(super) fn date(time: Time) -> Option<HeaderValue> {
    let stamp = Timestamp::from_second(time.seconds()).ok()?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&stamp).ok()?;
    HeaderValue::try_from(text).ok()
}

/// A single byte range within `size` bytes; an empty one cannot be satisfied. `None`: not a single byte range.
fn parse(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let length = number(last)?;
        return Some(size.saturating_sub(length)..size);
    }
    let first = number(first)?;
    let end = if last.is_empty() { size } else { number(last)?.saturating_add(1) };
    if end <= first && !last.is_empty() {
        return None;
    }
    Some(first.min(size)..end.min(size))
}

/// Decimal digits; more than fit are as good as the largest number.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version { etag: "\"abc\"".to_owned(), modified: Time(1_780_000_000_500) }
    }

    fn check(given: &[(header::HeaderName, &str)], expected: Part) {
        let headers = given.iter().map(|(name, text)| (name.clone(), HeaderValue::try_from(*text).unwrap()));
        assert_eq!(part(&headers.collect(), &version(), 1000), expected, "{given:?}");
    }

    #[test]
    fn ranges_are_cut_refused_or_ignored_as_the_rfc_says() {
        for (range, expected) in [
            ("bytes=0-0", Part::Range(0..1)),
            ("bytes=0-99", Part::Range(0..100)),
            ("bytes=500-", Part::Range(500..1000)),
            ("bytes=990-2000", Part::Range(990..1000)),
            ("bytes=-10", Part::Range(990..1000)),
            ("bytes=-5000", Part::Range(0..1000)),
            ("bytes=0-99999999999999999999999", Part::Range(0..1000)),
            ("bytes=1000-", Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            check(&[(header::RANGE, range)], expected);
        }
        check(&[], Part::Whole);
    }

    #[test]
    fn conditions_decide_before_the_range() {
        let modified = date(version().modified).unwrap();
        let modified = modified.to_str().unwrap();
        assert_eq!(modified, "Thu, 28 May 2026 20:26:40 GMT");
        let range = (header::RANGE, "bytes=0-0");
        check(&[range.clone(), (header::IF_RANGE, "\"abc\"")], Part::Range(0..1));
        check(&[range.clone(), (header::IF_RANGE, "\"old\"")], Part::Whole);
        check(&[range.clone(), (header::IF_RANGE, "W/\"abc\"")], Part::Whole);
        check(&[range.clone(), (header::IF_RANGE, modified)], Part::Range(0..1));
        check(&[range.clone(), (header::IF_RANGE, "Thu, 28 May 2026 20:26:39 GMT")], Part::Whole);
        check(&[range.clone(), (header::IF_NONE_MATCH, "\"x\", W/\"abc\"")], Part::NotModified);
        check(&[(header::IF_NONE_MATCH, "*")], Part::NotModified);
        check(&[(header::IF_MODIFIED_SINCE, modified)], Part::NotModified);
        check(&[(header::IF_MODIFIED_SINCE, "nonsense")], Part::Whole);
        check(&[(header::IF_MATCH, "\"x\", \"abc\"")], Part::Whole);
        check(&[(header::IF_MATCH, "*")], Part::Whole);
        check(&[(header::IF_MATCH, "W/\"abc\"")], Part::Failed);
        check(&[(header::IF_MATCH, "\"x\""), (header::IF_NONE_MATCH, "*")], Part::Failed);
        check(&[(header::IF_UNMODIFIED_SINCE, modified)], Part::Whole);
        check(&[(header::IF_UNMODIFIED_SINCE, "Thu, 28 May 2026 20:26:39 GMT")], Part::Failed);
        check(&[(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, modified)], Part::Whole);
    }
}
