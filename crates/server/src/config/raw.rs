//! The configuration as written: every field optional, nothing interpreted.

use std::path::PathBuf;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Deserializer};

/// What the command line may set.
#[derive(Debug, Default, Clone)]
pub struct CommandLine {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--roles`.
    pub roles: Option<String>,
}

/// The file and the environment, merged.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// `local` or `tencent`; any other word is refused.
    pub mode: Option<String>,
    pub(super) server: Server,
    pub(super) database: Database,
    pub(super) storage: Storage,
    pub(super) upload: Upload,
    pub(super) events: Events,
    pub(super) media: Media,
    pub(super) dispatch: Dispatch,
    pub(super) tencent: Tencent,
    pub(super) procedures: Vec<super::ProcedureDefinition>,
    pub(super) root: Root,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) play_url: Option<String>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) roles: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Database {
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Storage {
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "flexible")]
    pub(super) shared: Option<bool>,
    pub(super) access_key: Option<String>,
    pub(super) secret_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Upload {
    pub(super) hosts: Vec<String>,
    pub(super) object_domains: Vec<String>,
    pub(super) region: Option<String>,
    pub(super) bucket: Option<String>,
    #[serde(deserialize_with = "flexible")]
    pub(super) credential_ttl: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) session_ttl: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) max_size: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) min_free: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) sniff: Option<bool>,
    #[serde(deserialize_with = "flexible")]
    pub(super) min_rate: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) max_in_flight: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Events {
    pub(super) allow_targets: Vec<String>,
    pub(super) retry: Option<Vec<f64>>,
    #[serde(deserialize_with = "flexible")]
    pub(super) timeout: Option<f64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) retention: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) disable_after: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Media {
    pub(super) sandbox: Option<String>,
    pub(super) scratch_dir: Option<PathBuf>,
    #[serde(deserialize_with = "flexible")]
    pub(super) scratch_quota: Option<u64>,
    #[serde(deserialize_with = "flexible")]
    pub(super) concurrency: Option<usize>,
    #[serde(deserialize_with = "flexible")]
    pub(super) task_deadline: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Dispatch {
    pub(super) procedure: Option<String>,
    #[serde(deserialize_with = "flexible")]
    pub(super) validity: Option<u64>,
    pub(super) callers: Option<Vec<super::CallerDefinition>>,
    pub(super) policies: Vec<super::PolicyDefinition>,
    pub(super) sample_shape: Option<String>,
    pub(super) origins: Vec<String>,
    #[serde(deserialize_with = "flexible")]
    pub(super) log_days: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tencent {
    pub(super) secret_id: Option<String>,
    pub(super) secret_key: Option<String>,
    pub(super) sub_app_id: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) callback_token: Option<String>,
    pub(super) sign_keys: Option<String>,
    #[serde(deserialize_with = "flexible")]
    pub(super) pull: Option<bool>,
    #[serde(deserialize_with = "flexible")]
    pub(super) reconcile: Option<u64>,
}

impl std::fmt::Debug for Tencent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tencent").field("sub_app_id", &self.sub_app_id).finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Root {
    pub(super) app_id: Option<String>,
    pub(super) secret_id: Option<String>,
    pub(super) secret_key: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) admin_token: Option<String>,
    pub(super) master_key: Option<String>,
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

impl Raw {
    /// Reads the file named on the command line (or by `REELGATE_CONFIG`) and `environment` over it.
    pub fn read(
        line: &CommandLine,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::new();
        if let Some(path) = &line.config {
            figment = figment.merge(Toml::file_exact(path));
        }
        figment.merge(Environment(environment.into_iter().collect())).extract().map_err(Box::new)
    }
}

/// `REELGATE_<SECTION>__<KEY>`. Unlike figment's own provider it never guesses a type: a SecretKey made of
/// digits stays the text that was given. Only text that begins like a JSON list or object is read as JSON.
struct Environment(Vec<(String, String)>);

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variables `REELGATE_<SECTION>__<KEY>`")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut root = Dict::new();
        for (name, text) in &self.0 {
            let Some(path) = name.strip_prefix("REELGATE_") else { continue };
            let path = path.to_ascii_lowercase();
            if path == "mode" {
                root.insert(path, Value::from(text.as_str()));
                continue;
            }
            let Some((section, key)) = path.split_once("__") else { continue };
            let value = value_of(name, text).map_err(|error| *error)?;
            let section = root.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, dict) = section {
                dict.insert(key.to_owned(), value);
            }
        }
        Ok(Profile::Default.collect(root))
    }
}

/// Sections of credentials: a key may begin like JSON.
const TAKEN_AS_GIVEN: [&str; 2] = ["REELGATE_ROOT__", "REELGATE_TENCENT__"];

fn value_of(name: &str, text: &str) -> Result<Value, Box<figment::Error>> {
    if !text.starts_with(['[', '{']) || TAKEN_AS_GIVEN.iter().any(|section| name.starts_with(section)) {
        return Ok(Value::from(text));
    }
    serde_json::from_str::<serde_json::Value>(text)
        .map_err(|error| figment::Error::from(format!("{name} looks like JSON but is not: {error}")))
        .and_then(Value::serialize)
        .map_err(Box::new)
}

/// A number or flag, native (file) or as text (environment).
fn flexible<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr + Deserialize<'de>,
    T::Err: std::fmt::Display,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Native(T),
        Text(String),
    }
    match Option::<Either<T>>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Either::Native(value)) => Ok(Some(value)),
        Some(Either::Text(text)) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Result<Raw, Box<figment::Error>> {
        let pairs = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Raw::read(&CommandLine::default(), pairs)
    }

    #[test]
    fn credentials_of_digits_stay_text_and_numbers_and_lists_are_read() {
        let raw = read(&[
            ("REELGATE_ROOT__SECRET_KEY", "0123"),
            ("REELGATE_ROOT__API_KEY", "[odd"),
            ("REELGATE_UPLOAD__CREDENTIAL_TTL", "60"),
            ("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#),
            ("REELGATE_EVENTS__RETRY", "[0.5, 2]"),
            ("REELGATE_STORAGE__SHARED", "true"),
            ("HOME", "/nowhere"),
        ])
        .unwrap();
        assert_eq!(raw.root.secret_key.as_deref(), Some("0123"));
        assert_eq!(raw.root.api_key.as_deref(), Some("[odd"));
        assert_eq!(raw.upload.credential_ttl, Some(60));
        assert_eq!(raw.events.allow_targets, ["127.0.0.0/8"]);
        assert_eq!(raw.events.retry, Some(vec![0.5, 2.0]));
        assert_eq!(raw.storage.shared, Some(true));
    }

    #[test]
    fn a_misspelt_key_and_broken_json_are_errors_that_name_it() {
        let misspelt = read(&[("REELGATE_SERVER__LISTN", "x")]).unwrap_err().to_string();
        assert!(misspelt.contains("listn"), "{misspelt}");
        let broken = read(&[("REELGATE_EVENTS__RETRY", "[1,")]).unwrap_err().to_string();
        assert!(broken.contains("REELGATE_EVENTS__RETRY"), "{broken}");
    }

    #[test]
    fn credentials_are_not_in_debug_output() {
        let raw = read(&[("REELGATE_ROOT__SECRET_KEY", "hush-hush")]).unwrap();
        assert!(!format!("{raw:?}").contains("hush-hush"));
    }
}
