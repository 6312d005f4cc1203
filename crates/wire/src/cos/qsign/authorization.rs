//! The seven `q-` fields.

use std::fmt;

use super::Refusal;
use crate::upload_signature::shown;

/// A window of Unix seconds, kept as sent because its text is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTime {
    pub(super) text: String,
    /// First second.
    pub start: i64,
    /// Last second.
    pub end: i64,
}

/// A request signature as sent; nothing of it is checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// `q-ak`: which credential to verify with.
    pub access_key: String,
    /// `q-sign-time`.
    pub sign_time: KeyTime,
    /// `q-key-time`; equal to the sign time in all SDKs.
    pub key_time: KeyTime,
    /// `q-header-list`: names of the signed headers, lower case.
    pub header_list: Vec<String>,
    /// `q-url-param-list`: names of the signed query parameters, encoded and lower case.
    pub url_param_list: Vec<String>,
    /// `q-signature`, 40 lower-case hex digits.
    pub(super) signature: String,
}

/// Longest value of a field, bytes.
const MAX_FIELD: usize = 4096;

impl KeyTime {
    /// The window from `start` to `end`, Unix seconds.
    pub fn new(start: i64, end: i64) -> Self {
        Self { text: format!("{start};{end}"), start, end }
    }

    fn parse(name: &str, text: &str) -> Result<Self, Refusal> {
        let seconds = |text: &str| -> Option<i64> {
            let digits = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let parsed = text.split_once(';').and_then(|(start, end)| Some((seconds(start)?, seconds(end)?)));
        match parsed {
            Some((start, end)) if start <= end => Ok(Self { text: text.to_owned(), start, end }),
            _ => malformed(format!("{name} {} is not START;END in Unix seconds", shown(text))),
        }
    }
}

impl Authorization {
    /// Reads an `Authorization` header: the fields joined with `&`, no scheme word.
    pub fn from_header(value: &str) -> Result<Self, Refusal> {
        let fields: Vec<(&str, &str)> =
            value.trim().split('&').map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
        Self::from_fields(&fields)
    }

    /// Reads the decoded query of a presigned URL; `None` when it carries no signature.
    pub fn from_query(query: &[(String, String)]) -> Result<Option<Self>, Refusal> {
        let fields: Vec<(&str, &str)> =
            query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let present = fields.iter().any(|(name, _)| *name == "q-signature" || *name == "q-sign-algorithm");
        present.then(|| Self::from_fields(&fields)).transpose()
    }

    fn from_fields(fields: &[(&str, &str)]) -> Result<Self, Refusal> {
        let field = |name: &str| -> Result<&str, Refusal> {
            let mut found = fields.iter().filter(|(field, _)| *field == name).map(|(_, value)| *value);
            match (found.next(), found.next()) {
                (Some(value), None) if value.len() <= MAX_FIELD => Ok(value),
                (Some(_), None) => malformed(format!("{name} has more than {MAX_FIELD} bytes")),
                (Some(_), Some(_)) => malformed(format!("{name} is given twice")),
                (None, _) => malformed(format!("{name} is missing from the signature")),
            }
        };
        let algorithm = field("q-sign-algorithm")?;
        if algorithm != "sha1" {
            return malformed(format!("q-sign-algorithm {} is not sha1", shown(algorithm)));
        }
        let signature = field("q-signature")?;
        if signature.len() != 40
            || !signature.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return malformed("q-signature is not 40 lower-case hex digits".to_owned());
        }
        let access_key = field("q-ak")?;
        if access_key.is_empty() {
            return malformed("q-ak is empty".to_owned());
        }
        Ok(Self {
            access_key: access_key.to_owned(),
            sign_time: KeyTime::parse("q-sign-time", field("q-sign-time")?)?,
            key_time: KeyTime::parse("q-key-time", field("q-key-time")?)?,
            header_list: list(field("q-header-list")?),
            url_param_list: list(field("q-url-param-list")?),
            signature: signature.to_owned(),
        })
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(';').filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn malformed<T>(sentence: String) -> Result<T, Refusal> {
    Err(Refusal::Malformed(sentence))
}

/// The signature itself is left out: within its window it is as good as the request.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("access_key", &self.access_key)
            .field("sign_time", &self.sign_time.text)
            .field("header_list", &self.header_list)
            .field("url_param_list", &self.url_param_list)
            .finish_non_exhaustive()
    }
}
