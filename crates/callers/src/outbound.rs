//! The HTTP client of this crate and how its answers are read. Where it connects to is said by the operator's
//! settings, never by a caller: a token's `jku` and `x5u` are not looked at.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::settings::SettingsError;

/// Longest text of a cause that goes into a log line.
const MAX_CAUSE: usize = 500;

/// A client that follows no redirect and uses no proxy: either would show credentials to somebody else.
pub(crate) fn client(name: &str) -> Result<Client, SettingsError> {
    let builder = || {
        Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("reelgate/", env!("CARGO_PKG_VERSION")))
            .pool_idle_timeout(Duration::from_secs(60))
    };
    let client = builder().build().or_else(|error| {
        tracing::warn!(
            %error,
            "{name} cannot be asked over https: this machine has no certificates to check servers with \
             (on Debian: install ca-certificates)"
        );
        builder().tls_certs_only([]).build()
    });
    client.map_err(|source| SettingsError::Client { name: name.to_owned(), source })
}

/// The URL, if it can be asked and holds nothing that must not be logged.
pub(crate) fn url(name: &str, text: &str) -> Result<Url, SettingsError> {
    let wrong = |problem| SettingsError::Url { name: name.to_owned(), problem };
    let url =
        Url::parse(text).map_err(|_| wrong("is none; write one such as https://app.example.com/path"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password: it is written into logs"));
    }
    if url.fragment().is_some() {
        return Err(wrong("has a fragment, which is never sent; leave it out"));
    }
    Ok(url)
}

/// The URL as it may stand in a log: a query could hold a key.
pub(crate) fn shown(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url
}

/// The whole body, or `None` once it turns out to be longer than `cap`.
pub(crate) async fn body(response: &mut Response, cap: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > cap - body.len() {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The start of a body, as much as came and at most `cap`. For answers whose status has already decided.
pub(crate) async fn start_of_body(response: &mut Response, cap: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = cap - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    body
}

/// The error with all its causes, for the log: the last one is what an operator needs. The URL is left out.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.chars().take(MAX_CAUSE).collect()
}
