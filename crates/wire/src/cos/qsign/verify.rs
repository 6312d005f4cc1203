//! The server's side.

use super::canonical::{Signed, http_string, listed_name, signature};
use super::{Authorization, Refusal, Request, encode};
use crate::hmac_sha1;
use crate::host::without_port;
use crate::upload_signature::shown;

/// How far a window may start in the server's future, seconds.
pub const START_TOLERANCE: i64 = 60;

/// Query parameters that steer an operation, lower case. Present ones must be covered by the signature, or a
/// stranger could turn one signed request into another. (`response-…` parameters must be, too.)
pub const OPERATION_PARAMETERS: &[&str] = &[
    "acl",
    "append",
    "delete",
    "delimiter",
    "encoding-type",
    "key-marker",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partnumber",
    "position",
    "prefix",
    "upload-id-marker",
    "uploadid",
    "uploads",
    "versionid",
];

impl Authorization {
    /// Whether `now` (Unix seconds) lies in both windows. The end of the credential is another matter: clients sign
    /// windows that end later.
    pub fn check_window(&self, now: i64) -> Result<(), Refusal> {
        for time in [&self.sign_time, &self.key_time] {
            if now < time.start - START_TOLERANCE {
                return Err(Refusal::NotYetValid { start: time.start, now });
            }
            if now > time.end {
                return Err(Refusal::Expired);
            }
        }
        Ok(())
    }

    /// Whether `request` was signed with `secret_key`; constant time. A signed `host` may or may not have the port:
    /// SDKs differ, so both spellings are tried.
    pub fn verify(&self, secret_key: &str, request: &Request<'_>) -> Result<(), Refusal> {
        self.check_coverage(request)?;
        let parameters = chosen("q-url-param-list", &self.url_param_list, request.query)?;
        let mut headers = chosen("q-header-list", &self.header_list, request.headers)?;
        if self.matches(secret_key, request, &parameters, &headers) {
            return Ok(());
        }
        if let Some(bare) = header(request, "host").and_then(without_port)
            && headers.contains_key("host")
        {
            headers.insert("host".to_owned(), encode(bare));
            if self.matches(secret_key, request, &parameters, &headers) {
                return Ok(());
            }
        }
        Err(Refusal::Mismatch(format!(
            "the signature does not match: check the secret key of {}, and that what was signed is {} {} with the \
             decoded path and the parameters and headers of its lists",
            shown(&self.access_key),
            request.method.to_ascii_lowercase(),
            shown(request.path)
        )))
    }

    fn matches(
        &self,
        secret_key: &str,
        request: &Request<'_>,
        parameters: &Signed,
        headers: &Signed,
    ) -> bool {
        let http_string = http_string(request.method, request.path, parameters, headers);
        let expected = signature(secret_key, &self.key_time, &self.sign_time, &http_string);
        hmac_sha1::equal(expected.as_bytes(), self.signature.as_bytes())
    }

    fn check_coverage(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let steers = |name: &str| OPERATION_PARAMETERS.contains(&name) || name.starts_with("response-");
        request
            .query
            .iter()
            .map(|(name, _)| listed_name(name))
            .find(|name| steers(name) && !self.url_param_list.contains(name))
            .map_or(Ok(()), |name| Err(Refusal::Uncovered(name)))
    }
}

/// The listed ones of `pairs`, encoded. A name that is listed twice, missing or present twice cannot be verified
/// without ambiguity.
fn chosen(list_name: &str, list: &[String], pairs: &[(String, String)]) -> Result<Signed, Refusal> {
    let mut signed = Signed::new();
    for name in list {
        let mut found = pairs.iter().filter(|(pair, _)| listed_name(pair) == *name);
        let problem = match (found.next(), found.next()) {
            (Some((_, value)), None) => signed.insert(name.clone(), encode(value)).map(|_| "names it twice"),
            (Some(_), Some(_)) => Some("lists it, but the request has it twice"),
            (None, _) => Some("lists it, but the request does not have it"),
        };
        if let Some(problem) = problem {
            return Err(Refusal::Mismatch(format!("{}: {list_name} {problem}", shown(name))));
        }
    }
    Ok(signed)
}

fn header<'a>(request: &Request<'a>, name: &str) -> Option<&'a str> {
    request
        .headers
        .iter()
        .find(|(header, _)| header.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
