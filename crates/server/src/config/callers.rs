//! Who the signature service believes: the list `dispatch.callers`, in whose order credentials are looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reelgate_callers::{Algorithm, ForwardSettings, JwtKeys, JwtSettings};
use reelgate_model::AppId;
use secrecy::SecretString;
use serde::Deserialize;

use super::policies::{Rate, RateDefinition};

/// One entry as the configuration writes it.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CallerDefinition {
    /// API keys of this server.
    ApiKey {},
    /// Tokens of an issuer.
    Jwt(JwtDefinition),
    /// An app that is asked.
    Forward(ForwardDefinition),
    /// Everybody.
    Anonymous(AnonymousDefinition),
}

impl std::fmt::Debug for CallerDefinition {
    /// The kind alone: entries hold shared secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ApiKey {} => "ApiKey",
            Self::Jwt(_) => "Jwt(..)",
            Self::Forward(_) => "Forward(..)",
            Self::Anonymous(_) => "Anonymous(..)",
        })
    }
}

/// `kind = "jwt"`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtDefinition {
    name: String,
    algorithm: Option<String>,
    secret: Option<String>,
    public_key: Option<PathBuf>,
    jwks_url: Option<String>,
    #[serde(default = "jwks_floor")]
    jwks_floor: u64,
    #[serde(default = "jwks_max_age")]
    jwks_max_age: u64,
    issuer: Option<String>,
    #[serde(default)]
    audience: Vec<String>,
    #[serde(default = "leeway")]
    leeway: u64,
    #[serde(default = "subject")]
    user: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    app: Option<String>,
}

/// `kind = "forward"`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardDefinition {
    name: String,
    url: String,
    #[serde(default = "forward_timeout")]
    timeout: f64,
    #[serde(default = "forward_cache")]
    cache: f64,
    #[serde(default = "forward_headers")]
    headers: Vec<String>,
    app: Option<String>,
}

/// `kind = "anonymous"`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymousDefinition {
    rate: Option<RateDefinition>,
    app: Option<String>,
}

fn jwks_floor() -> u64 {
    60
}
fn jwks_max_age() -> u64 {
    600
}
fn leeway() -> u64 {
    60
}
fn subject() -> String {
    "sub".to_owned()
}
fn forward_timeout() -> f64 {
    3.0
}
fn forward_cache() -> f64 {
    5.0
}
fn forward_headers() -> Vec<String> {
    vec!["authorization".to_owned(), "cookie".to_owned()]
}

/// Longest fetch of an issuer's keys.
const JWKS_TIMEOUT: Duration = Duration::from_secs(5);

/// One entry, resolved.
#[derive(Debug, Clone)]
pub enum CallerSettings {
    /// API keys of this server, and the console.
    ApiKey,
    /// Tokens of an issuer, for this application (`None`: the main one).
    Jwt(JwtSettings, Option<AppId>),
    /// An app that is asked.
    Forward(ForwardSettings, Option<AppId>),
    /// Everybody, at this rate for each address.
    Anonymous(Rate, Option<AppId>),
}

/// The entries in their order; API keys alone when nothing is written.
pub(super) fn callers(written: Option<Vec<CallerDefinition>>) -> Result<Vec<CallerSettings>> {
    let Some(written) = written else { return Ok(vec![CallerSettings::ApiKey]) };
    if written.is_empty() {
        bail!("dispatch.callers is empty, so nobody could get a signature; leave it out for API keys alone");
    }
    let mut names = std::collections::BTreeSet::new();
    for one in &written {
        let name = match one {
            CallerDefinition::ApiKey {} => "api_key",
            CallerDefinition::Anonymous(_) => "anonymous",
            CallerDefinition::Jwt(jwt) => &jwt.name,
            CallerDefinition::Forward(forward) => &forward.name,
        };
        if name.is_empty() || name.len() > 64 || !names.insert(name.to_owned()) {
            bail!("dispatch.callers: {name:?} is not a name of its own of 1 to 64 bytes");
        }
    }
    written.into_iter().map(resolve).collect()
}

fn resolve(written: CallerDefinition) -> Result<CallerSettings> {
    let app = |id: Option<String>| id.map(|id| id.parse()).transpose().context("dispatch.callers: app");
    match written {
        CallerDefinition::ApiKey {} => Ok(CallerSettings::ApiKey),
        CallerDefinition::Jwt(jwt) => {
            let (name, target) = (jwt.name.clone(), app(jwt.app.clone())?);
            let settings = jwt_settings(jwt).with_context(|| format!("dispatch.callers: {name}"))?;
            Ok(CallerSettings::Jwt(settings, target))
        }
        CallerDefinition::Forward(forward) => {
            let (name, target) = (forward.name.clone(), app(forward.app.clone())?);
            let settings = forward_settings(forward).with_context(|| format!("dispatch.callers: {name}"))?;
            Ok(CallerSettings::Forward(settings, target))
        }
        CallerDefinition::Anonymous(anonymous) => {
            let rate = anonymous.rate.context(
                "dispatch.callers: anonymous needs a rate, such as { per_minute = 6, burst = 3 }; without one an open \
                 signature service gives the storage away",
            )?;
            Ok(CallerSettings::Anonymous(rate.resolve()?, app(anonymous.app)?))
        }
    }
}

fn jwt_settings(written: JwtDefinition) -> Result<JwtSettings> {
    let tags = written.tags.iter().map(|(tag, path)| Ok((tag.clone(), path.parse()?)));
    Ok(JwtSettings {
        keys: jwt_keys(&written)?,
        issuer: written.issuer.filter(|issuer| !issuer.is_empty()),
        audiences: written.audience,
        leeway: Duration::from_secs(written.leeway),
        user: written.user.parse()?,
        tags: tags.collect::<Result<_>>()?,
        name: written.name,
    })
}

fn jwt_keys(written: &JwtDefinition) -> Result<JwtKeys> {
    match (&written.secret, &written.public_key, &written.jwks_url) {
        (Some(secret), None, None) => match written.algorithm.as_deref() {
            None | Some("HS256") => Ok(JwtKeys::Hs256(SecretString::from(secret.clone()))),
            Some(other) => bail!("algorithm {other:?} does not use a secret; HS256 does"),
        },
        (None, Some(path), None) => {
            let algorithm = match written.algorithm.as_deref() {
                Some("RS256") => Algorithm::Rs256,
                Some("ES256") => Algorithm::Es256,
                _ => bail!("public_key needs algorithm = \"RS256\" or \"ES256\""),
            };
            let pem = std::fs::read_to_string(path)
                .with_context(|| format!("public_key {} cannot be read", path.display()))?;
            Ok(JwtKeys::Pem { algorithm, pem })
        }
        (None, None, Some(url)) => Ok(JwtKeys::Jwks {
            url: url.clone(),
            refresh_floor: Duration::from_secs(written.jwks_floor),
            max_age: Duration::from_secs(written.jwks_max_age),
            timeout: JWKS_TIMEOUT,
        }),
        _ => bail!("exactly one of secret (HS256), public_key (a PEM file) and jwks_url must be given"),
    }
}

fn forward_settings(written: ForwardDefinition) -> Result<ForwardSettings> {
    let seconds = |key: &str, value: f64| {
        Duration::try_from_secs_f64(value)
            .with_context(|| format!("{key} {value} is not a number of seconds"))
    };
    let headers = written.headers.iter().map(|name| name.parse().with_context(|| format!("header {name:?}")));
    Ok(ForwardSettings {
        timeout: seconds("timeout", written.timeout)?,
        cache_for: seconds("cache", written.cache)?,
        headers: headers.collect::<Result<_>>()?,
        url: written.url,
        name: written.name,
    })
}
