//! Where in a token a claim is found.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::settings::SettingsError;

/// The way to a claim: `realm_access.roles`, or a JSON pointer (RFC 6901) for names that hold dots, such as
/// `/https:~1~1example.com~1roles`. A whole number steps into an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    text: String,
    first: String,
    rest: Vec<String>,
}

impl ClaimPath {
    /// The name of the claim at the top of the token.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// What is found below `claim`, the value of the top claim.
    pub(super) fn below<'a>(&self, claim: &'a Value) -> Option<&'a Value> {
        self.rest.iter().try_fold(claim, |value, step| match value {
            Value::Object(members) => members.get(step),
            Value::Array(items) => items.get(index(step)?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }
}

impl FromStr for ClaimPath {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let wrong = |problem| SettingsError::ClaimPath { text: text.to_owned(), problem };
        let mut steps = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|step| unescape(step).ok_or_else(|| wrong("has a ~ that is neither ~0 nor ~1")))
                .collect::<Result<Vec<_>, _>>()?,
            None => text.split('.').map(str::to_owned).collect(),
        }
        .into_iter();
        let first = steps.next().unwrap_or_default();
        let rest: Vec<String> = steps.collect();
        if first.is_empty() || rest.iter().any(String::is_empty) {
            return Err(wrong("has an empty step"));
        }
        Ok(Self { text: text.to_owned(), first, rest })
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `~1` is `/` and `~0` is `~` (RFC 6901 section 4); `None` for any other use of `~`.
fn unescape(step: &str) -> Option<String> {
    let mut plain = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { step.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, claims: &Value) -> Option<Value> {
        let path: ClaimPath = path.parse().unwrap();
        path.below(claims.get(path.first())?).cloned()
    }

    #[test]
    fn dots_and_pointers_lead_to_claims() {
        let claims = json!({
            "sub": "alice",
            "realm_access": { "roles": ["editor", "viewer"] },
            "https://example.com/org": { "id~1": 7 },
            "a.b": "dotted",
        });
        for (path, expected) in [
            ("sub", json!("alice")),
            ("realm_access.roles", json!(["editor", "viewer"])),
            ("realm_access.roles.1", json!("viewer")),
            ("/realm_access/roles/0", json!("editor")),
            ("/https:~1~1example.com~1org/id~01", json!(7)),
            ("/a.b", json!("dotted")),
        ] {
            assert_eq!(found(path, &claims), Some(expected), "{path}");
        }
        for path in
            ["a.b", "sub.x", "realm_access.roles.2", "realm_access.roles.01", "realm_access.roles.-1", "no"]
        {
            assert_eq!(found(path, &claims), None, "{path}");
        }
    }

    #[test]
    fn paths_that_name_nothing_are_refused_with_a_sentence() {
        for path in ["", "/", ".", "a..b", "a.", ".a", "/a//b", "/a~", "/a~2b"] {
            let error = path.parse::<ClaimPath>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("the claim path `{path}` has ")), "{error}");
            assert!(error.contains("write it as realm_access.roles"), "{error}");
        }
    }
}
