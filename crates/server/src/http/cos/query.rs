//! The query of a request: names in any case, with and without `=`.

use http::Uri;
use percent_encoding::percent_decode_str;
use reelgate_wire::cos::ErrorCode;

use super::error::CosError;

/// Decoded parameters in the order they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes the query of `uri`: `+` is a space, as the Python SDK sends it.
    pub(super) fn of(uri: &Uri) -> Result<Self, CosError> {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| {
                CosError::new(ErrorCode::InvalidArgument, "the query is not UTF-8 when percent-decoded")
            })
        };
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Self { pairs: pairs.collect::<Result<_, CosError>>()? })
    }

    /// All of it, for the signature.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The value of the parameter called `name` (lower case), if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it is there, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A number up to `most`; `default` when missing or empty.
    pub(super) fn number(&self, name: &str, default: u32, most: u32) -> Result<u32, CosError> {
        match self.get(name).filter(|text| !text.is_empty()) {
            None => Ok(default),
            Some(text) => text.parse::<u32>().map(|value| value.min(most)).map_err(|_| {
                CosError::new(ErrorCode::InvalidArgument, format!("{name} must be a whole number"))
            }),
        }
    }
}
