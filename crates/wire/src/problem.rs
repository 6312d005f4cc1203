//! Problem details (RFC 9457), the error shape of our own `/v1` API.

use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

/// One refusal or failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// URI that identifies the kind of problem; derived from the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words; the same for every occurrence.
    pub title: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// What happened this time, to what, and what to do.
    pub detail: String,
    /// Stable word for programs, such as `upload_not_found`.
    pub code: String,
}

impl Problem {
    /// A problem of the kind `code`.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:reelgate:problem:{code}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_of_the_rfc() {
        let problem = Problem::new(404, "media_not_found", "Media not found", "no media 7; check the FileId");
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"type":"urn:reelgate:problem:media_not_found","title":"Media not found","status":404,"detail":"no media 7; check the FileId","code":"media_not_found"}"#
        );
    }
}
