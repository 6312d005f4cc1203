//! The words an app refuses with, made fit to be passed on.

use serde_json::Value;

/// Longest text that is passed on, in characters.
const MAX_MESSAGE: usize = 300;
/// Members that hold the words, in the ways of common frameworks.
const MEMBERS: [&str; 3] = ["message", "detail", "error"];
/// When the app says nothing.
const SILENT: &str = "the app refused this upload without saying why; ask its operator";

/// The app's words from the body of a refusal.
pub(super) fn of_refusal(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let said = json.as_ref().and_then(|json| MEMBERS.iter().find_map(|member| json.get(member)?.as_str()));
    let message = match said {
        Some(said) => plain(said),
        None => plain(&String::from_utf8_lossy(body)),
    };
    if message.is_empty() { SILENT.to_owned() } else { message }
}

/// The text without control characters, in a length that fits an answer. A line break becomes a space.
pub(super) fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String =
        spaced.filter(|c| !c.is_control()).skip_while(|c| *c == ' ').take(MAX_MESSAGE).collect();
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_and_cleaned() {
        let long = "ü".repeat(400);
        for (body, expected) in [
            (r#"{"message":"no more uploads today"}"#, "no more uploads today"),
            (r#"{"detail":"Not enough credit","code":7}"#, "Not enough credit"),
            (r#"{"error":"denied","message":7}"#, "denied"),
            (r#"{"error":{"code":1}}"#, r#"{"error":{"code":1}}"#),
            (r#"{"message":"a\u0000b\u001b[31mc\nd"}"#, "ab[31mc d"),
            ("  plain words\r\n", "plain words"),
            ("", SILENT),
            (" \n", SILENT),
            (r#"{"message":""}"#, SILENT),
            (&long, &"ü".repeat(300)),
        ] {
            assert_eq!(of_refusal(body.as_bytes()), expected, "{body}");
        }
    }
}
