//! What an operator says about an app that is asked. Plain data, made from the server's configuration.

use std::time::Duration;

use http::{HeaderName, header};

use crate::settings::SettingsError;

/// An app that decides who may upload.
#[derive(Clone, Debug)]
pub struct ForwardSettings {
    /// How the operator calls it, for sentences and logs.
    pub name: String,
    /// What is posted to.
    pub url: String,
    /// Longest wait for the whole answer.
    pub timeout: Duration,
    /// How long an allowing answer holds for the same credentials, client and upload. Zero: not at all. The app's
    /// change of mind is noticed only after it.
    pub cache_for: Duration,
    /// Request headers that hold credentials; all their values are copied. Usually `authorization` and `cookie`.
    pub headers: Vec<HeaderName>,
}

/// Set by this crate or by the connection; a copy of the caller's would contradict them.
const NOT_COPIED: [HeaderName; 15] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
    HeaderName::from_static("x-forwarded-for"),
];

/// The headers, each once, if they can be copied.
pub(super) fn headers(name: &str, headers: &[HeaderName]) -> Result<Vec<HeaderName>, SettingsError> {
    let wrong = |problem| SettingsError::Headers { name: name.to_owned(), problem };
    if headers.is_empty() {
        return Err(wrong(
            "none is named, so nobody would ever be asked; name authorization or cookie".to_owned(),
        ));
    }
    let mut copied = Vec::with_capacity(headers.len());
    for header in headers {
        if NOT_COPIED.contains(header) {
            return Err(wrong(format!(
                "{header} belongs to the connection or is set by this server; leave it out"
            )));
        }
        if !copied.contains(header) {
            copied.push(header.clone());
        }
    }
    Ok(copied)
}
