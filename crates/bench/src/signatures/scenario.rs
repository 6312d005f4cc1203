//! What is asked of Reelgate: a configuration, and requests that fit it. A new way to call is one more function here.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::tokens::Signer;
use crate::choice::Choice;
use crate::server::API_KEY;

/// Users in whose name the API key signs.
const USERS: usize = 10_000;
/// Tokens in use at once: few enough that a cache of checked tokens holds them all, as in an application whose pages
/// ask again and again.
const TOKENS: usize = 64;

/// One configuration of the server with its requests.
pub(crate) struct Scenario {
    /// `REELGATE_…` of the server.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// What is sent, in turn.
    pub(crate) calls: Vec<Call>,
}

/// One request.
pub(crate) struct Call {
    /// API key or token.
    bearer: String,
    body: Value,
}

impl Scenario {
    /// The one that `choice` names; none for what is not Reelgate. Keys that the server needs are written to
    /// `directory`. Without `policy` the API key is held to nothing but the server's own limits.
    pub(crate) fn of(choice: Choice, directory: &Path, policy: bool) -> Result<Option<Self>> {
        let mut scenario = match choice {
            Choice::ApiKey => api_key(),
            Choice::Hs256 => token(&Signer::Hs256, directory)?,
            Choice::Rs256 => token(&Signer::rs256()?, directory)?,
            Choice::Es256 => token(&Signer::es256()?, directory)?,
            _ => return Ok(None),
        };
        if policy {
            scenario.environment.push(("REELGATE_DISPATCH__POLICIES", policies().to_string()));
        }
        Ok(Some(scenario))
    }

    /// The bytes of its requests to the server at `host`.
    pub(crate) fn requests(&self, host: &str) -> Vec<Vec<u8>> {
        self.calls.iter().map(|call| call.bytes(host)).collect()
    }
}

impl Call {
    fn bytes(&self, host: &str) -> Vec<u8> {
        let (bearer, body) = (&self.bearer, self.body.to_string());
        format!(
            "POST /v1/upload-signatures HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Every limit is looked at, none is reached.
fn policies() -> Value {
    json!([{
        "name": "bench",
        "rate": { "per_minute": 6_000_000, "burst": 1_000_000 },
        "max_size": 1u64 << 30,
        "types": ["mp4", "mov"],
    }])
}

/// A backend that names its users itself.
fn api_key() -> Scenario {
    let call = |user| Call { bearer: API_KEY.to_owned(), body: json!({ "user": format!("user-{user}") }) };
    Scenario { environment: Vec::new(), calls: (0..USERS).map(call).collect() }
}

/// Users who come with tokens of their own; the token says who they are.
fn token(signer: &Signer, directory: &Path) -> Result<Scenario> {
    let callers = json!([signer.caller(directory)?]).to_string();
    let call = |user| Ok(Call { bearer: signer.token(&format!("user-{user}"))?, body: json!({}) });
    let calls = (0..TOKENS).map(call).collect::<Result<_>>()?;
    Ok(Scenario { environment: vec![("REELGATE_DISPATCH__CALLERS", callers)], calls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(choice: Choice, policy: bool) -> Scenario {
        let directory = tempfile::tempdir().unwrap();
        Scenario::of(choice, directory.path(), policy).unwrap().unwrap()
    }

    #[test]
    fn the_api_key_signs_for_ten_thousand_users() {
        let scenario = of(Choice::ApiKey, false);
        assert_eq!(scenario.environment, []);
        let requests = scenario.requests("127.0.0.1:8300");
        assert_eq!(requests.len(), USERS);
        let last = String::from_utf8(requests[USERS - 1].clone()).unwrap();
        let (head, body) = last.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, r#"{"user":"user-9999"}"#);
        assert!(
            head.starts_with("POST /v1/upload-signatures HTTP/1.1\r\nHost: 127.0.0.1:8300\r\n"),
            "{head}"
        );
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
    }

    #[test]
    fn tokens_differ_and_the_server_is_told_how_they_are_signed() {
        let scenario = of(Choice::Hs256, true);
        let names: Vec<_> = scenario.environment.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["REELGATE_DISPATCH__CALLERS", "REELGATE_DISPATCH__POLICIES"]);
        let mut bearers: Vec<_> = scenario.calls.iter().map(|call| &call.bearer).collect();
        bearers.sort_unstable();
        bearers.dedup();
        assert_eq!(bearers.len(), TOKENS);
    }
}
