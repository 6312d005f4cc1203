//! From what is written to what it means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use reelgate_wire::vod::callback_sign;
use secrecy::SecretString;

use super::callers::callers;
use super::policies::{Defaults, policies};
use super::{
    CommandLine, Config, Dispatch, Events, Media, Mode, Policy, Procedures, Raw, Root, SampleShape, Tencent,
    TlsFiles, Upload, raw, storage,
};
use crate::roles::Role;

/// Names that are always answered on the UGC door (wire reference 0).
const VENDOR_UGC_HOSTS: [&str; 2] = ["vod2.qcloud.com", "vod2.dnsv1.com"];
/// Patterns that are always answered on the object leg (design section 6).
const VENDOR_OBJECT_DOMAINS: [&str; 2] =
    ["{bucket}.cos.{region}.myqcloud.com", "{bucket}.cos.{region}.tencentcos.cn"];
const DAY: u64 = 86_400;
/// For so long unpulled events are kept at least (wire reference 5.2), in seconds.
const MIN_RETENTION: u64 = 4 * DAY;
/// Pauses after a failed delivery, about 28 hours together.
const RETRY: [f64; 9] = [5.0, 30.0, 120.0, 600.0, 3_600.0, 10_800.0, 21_600.0, 32_400.0, 32_400.0];

impl Config {
    /// Reads and resolves everything. Errors are sentences that name the key.
    pub fn load(line: &CommandLine, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let raw = Raw::read(line, environment).context("the configuration cannot be read")?;
        let mode = mode(raw.mode.as_deref(), raw.tencent)?;
        let data_dir = line.data_dir.clone().or(raw.server.data_dir.clone()).unwrap_or_else(|| "data".into());
        let data_dir = std::path::absolute(&data_dir)
            .with_context(|| format!("data directory {} has no absolute form", data_dir.display()))?;
        let listen = line.listen.clone().or(raw.server.listen.clone());
        let listen = listen.as_deref().unwrap_or("127.0.0.1:8300");
        let roles = roles(&mode, line.roles.as_deref().or(raw.server.roles.as_deref()))?;
        let upload = upload(raw.upload)?;
        let procedures = Procedures::new(raw.procedures).map_err(anyhow::Error::msg)?;
        Ok(Self {
            listen: listen
                .parse()
                .with_context(|| format!("server.listen {listen:?} is not address:port"))?,
            public_url: origin("server.public_url", raw.server.public_url)?,
            play_url: origin("server.play_url", raw.server.play_url)?,
            trusted_proxies: networks("server.trusted_proxies", &raw.server.trusted_proxies)?,
            tls: tls(raw.server.tls_cert, raw.server.tls_key)?,
            database_url: database(raw.database.url, &data_dir)?,
            storage_dir: storage::directory(&raw.storage, &data_dir)?,
            storage_bucket: storage::bucket(&raw.storage)?,
            storage_shared: raw.storage.shared.unwrap_or(false),
            events: events(raw.events)?,
            media: media(raw.media, &data_dir)?,
            dispatch: dispatch(raw.dispatch, &mode, &procedures, upload.max_size)?,
            root: root(raw.root)?,
            upload,
            procedures,
            roles,
            mode,
            data_dir,
        })
    }
}

fn origin(key: &str, text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let trimmed = text.trim_end_matches('/');
    match trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://")) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => {
            Ok(Some(trimmed.to_owned()))
        }
        _ => bail!("{key} {text:?} must be an origin such as https://video.example.com"),
    }
}

fn networks(key: &str, texts: &[String]) -> Result<Vec<IpNet>> {
    let parse = |text: &String| {
        text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).with_context(
            || format!("{key}: {text:?} is neither a network such as 10.0.0.0/8 nor an address"),
        )
    };
    texts.iter().map(parse).collect()
}

fn tls(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        _ => bail!("server.tls_cert and server.tls_key belong together; give both or neither"),
    }
}

fn database(url: Option<String>, data_dir: &Path) -> Result<String> {
    let url = url.unwrap_or_else(|| format!("sqlite://{}", data_dir.join("reelgate.db").display()));
    if ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(url);
    }
    bail!("database.url must begin with sqlite:// or postgres://")
}

fn upload(raw: raw::Upload) -> Result<Upload> {
    let session_ttl = raw.session_ttl.unwrap_or(2 * DAY);
    let credential_ttl = raw.credential_ttl.unwrap_or(7_200);
    if !(1..=DAY).contains(&credential_ttl) {
        bail!("upload.credential_ttl {credential_ttl} must be 1 to 86400 seconds");
    }
    if session_ttl < DAY {
        bail!("upload.session_ttl {session_ttl} must be at least 86400: mobile SDKs resume for a day");
    }
    let bucket = raw.bucket.unwrap_or_else(|| "reelgate".to_owned());
    if bucket.is_empty() || !bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        bail!("upload.bucket {bucket:?} may hold a-z, 0-9 and - only");
    }
    for domain in &raw.object_domains {
        if !domain.contains("{bucket}") {
            bail!("upload.object_domains: {domain:?} does not hold {{bucket}}");
        }
    }
    let with = |own: Vec<String>, vendor: [&str; 2]| -> Vec<String> {
        own.into_iter().map(|name| name.to_ascii_lowercase()).chain(vendor.map(str::to_owned)).collect()
    };
    Ok(Upload {
        hosts: with(raw.hosts, VENDOR_UGC_HOSTS),
        object_domains: with(raw.object_domains, VENDOR_OBJECT_DOMAINS),
        region: raw.region.unwrap_or_else(|| "ap-guangzhou".to_owned()),
        bucket,
        credential_ttl: Duration::from_secs(credential_ttl),
        session_ttl: Duration::from_secs(session_ttl),
        max_size: raw.max_size.unwrap_or(48 << 30),
        min_free: raw.min_free.unwrap_or(1 << 30),
        sniff: raw.sniff.unwrap_or(true),
        min_rate: raw.min_rate.unwrap_or(1024),
        max_in_flight: raw.max_in_flight.filter(|most| *most > 0),
    })
}

fn events(raw: raw::Events) -> Result<Events> {
    let seconds = |key: &str, value: f64| {
        Duration::try_from_secs_f64(value)
            .with_context(|| format!("{key}: {value} is not a number of seconds"))
    };
    let retry = raw.retry.unwrap_or_else(|| RETRY.to_vec());
    let retention = raw.retention.unwrap_or(30 * DAY);
    if retention < MIN_RETENTION {
        bail!(
            "events.retention: {retention} s is less than the 4 days ({MIN_RETENTION} s) that PullEvents promises"
        );
    }
    let disable_after = raw.disable_after.unwrap_or(5 * DAY);
    if disable_after + DAY > retention {
        bail!(
            "events.disable_after ({disable_after} s) must be at least a day shorter than events.retention ({retention} s), or events \
             would be dropped before their endpoint is given up"
        );
    }
    Ok(Events {
        allow_targets: networks("events.allow_targets", &raw.allow_targets)?,
        retry: retry.into_iter().map(|pause| seconds("events.retry", pause)).collect::<Result<_>>()?,
        timeout: seconds("events.timeout", raw.timeout.unwrap_or(5.0))?,
        retention: Duration::from_secs(retention),
        disable_after: Duration::from_secs(disable_after),
    })
}

fn media(raw: raw::Media, data_dir: &Path) -> Result<Media> {
    let sandbox = match raw.sandbox.as_deref() {
        None | Some("on") => true,
        Some("off") => false,
        Some(other) => bail!("media.sandbox {other:?} must be \"on\" or \"off\""),
    };
    let scratch_dir = raw.scratch_dir.unwrap_or_else(|| data_dir.join("scratch"));
    Ok(Media {
        sandbox,
        scratch_dir: std::path::absolute(&scratch_dir)
            .with_context(|| format!("media.scratch_dir {} has no absolute form", scratch_dir.display()))?,
        scratch_quota: raw.scratch_quota.unwrap_or(64 << 30),
        concurrency: raw.concurrency.unwrap_or(2).max(1),
        task_deadline: Duration::from_secs(raw.task_deadline.unwrap_or(DAY)),
    })
}

fn mode(word: Option<&str>, raw: raw::Tencent) -> Result<Mode> {
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (secret_id, secret_key) = (set(raw.secret_id), set(raw.secret_key));
    match (word.unwrap_or("local"), secret_id, secret_key) {
        ("local", None, None) => Ok(Mode::Local),
        ("local", _, _) => bail!("tencent.secret_id and tencent.secret_key are only for mode = \"tencent\""),
        ("tencent", Some(secret_id), Some(secret_key)) => {
            let sub_app_id = set(raw.sub_app_id).filter(|id| id != "0").map(|id| id.parse()).transpose();
            Ok(Mode::Tencent(Tencent {
                secret_id,
                secret_key: secret_key.into(),
                sub_app_id: sub_app_id.context("tencent.sub_app_id")?,
                endpoint: set(raw.endpoint).unwrap_or_else(|| "vod.tencentcloudapi.com".to_owned()),
                callback_token: callback_token(set(raw.callback_token))?,
                sign_keys: sign_keys(set(raw.sign_keys).as_deref())?,
                pull: raw.pull.unwrap_or(true),
                reconcile: Duration::from_secs(raw.reconcile.unwrap_or(600).max(1)),
            }))
        }
        ("tencent", _, _) => bail!(
            "mode = \"tencent\" needs tencent.secret_id and tencent.secret_key, the account's key pair in the real cloud"
        ),
        (other, _, _) => bail!("mode = {other:?} is not known; modes are \"local\" and \"tencent\""),
    }
}

/// The token stands in a URL and keeps strangers from writing into the log.
fn callback_token(given: Option<String>) -> Result<Option<SecretString>> {
    let Some(token) = given else { return Ok(None) };
    let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !plain || !(16..=128).contains(&token.len()) {
        bail!("tencent.callback_token must be 16 to 128 letters, digits, - and _");
    }
    Ok(Some(token.into()))
}

/// Keys separated by commas: the one in use, and the one before while it is being changed.
fn sign_keys(given: Option<&str>) -> Result<Vec<SecretString>> {
    let keys = given.unwrap_or_default().split(',').map(str::trim).filter(|key| !key.is_empty());
    keys.map(|key| {
        if !callback_sign::is_key(key) {
            bail!("tencent.sign_keys holds a key that is not 1 to 32 letters and digits");
        }
        Ok(key.into())
    })
    .collect()
}

/// In front of the real cloud nothing is stored and nothing processed here.
fn roles(mode: &Mode, words: Option<&str>) -> Result<Vec<Role>> {
    const ELSEWHERE: [Role; 2] = [Role::Gateway, Role::Worker];
    let roles = Role::parse_list(words)?;
    if !mode.is_tencent() {
        return Ok(roles);
    }
    if words.is_some()
        && let Some(role) = roles.iter().find(|role| ELSEWHERE.contains(role))
    {
        bail!("role {:?} has nothing to do in mode = \"tencent\": the real cloud does it", role.as_str());
    }
    Ok(roles.into_iter().filter(|role| !ELSEWHERE.contains(role)).collect())
}

fn dispatch(raw: raw::Dispatch, mode: &Mode, procedures: &Procedures, max_size: u64) -> Result<Dispatch> {
    let validity = raw.validity.unwrap_or(3_600);
    if !(1..=90 * DAY).contains(&validity) {
        bail!("dispatch.validity {validity} must be 1 to 7776000 seconds (90 days)");
    }
    let log_days = raw.log_days.unwrap_or(180);
    if log_days == 0 {
        bail!("dispatch.log_days must be at least 1");
    }
    // The real cloud's procedures are not ours to know.
    let usual = if mode.is_tencent() { "" } else { "ReelgateShortVideo" };
    let procedure = raw.procedure.unwrap_or_else(|| usual.to_owned());
    let known = (!mode.is_tencent()).then_some(procedures);
    let defaults = Defaults {
        procedures: known,
        procedure: &procedure,
        validity: Duration::from_secs(validity),
        max_size,
    };
    let policies = policies(raw.policies, &defaults)?;
    let unseen = |one: &&Policy| {
        one.open_sessions.is_some() || one.bytes_in_flight.is_some() || one.addresses.is_some()
    };
    if let Some(one) = policies.iter().find(unseen).filter(|_| mode.is_tencent()) {
        bail!(
            "dispatch.policies: policy {:?} limits open_sessions, bytes_in_flight or addresses, which the real cloud does not \
             tell; leave them out in mode = \"tencent\"",
            one.name
        );
    }
    Ok(Dispatch {
        policies,
        callers: callers(raw.callers)?,
        sample_shape: match raw.sample_shape.as_deref().unwrap_or("sample") {
            "sample" => SampleShape::Sample,
            "demo" => SampleShape::Demo,
            "demo-upload-sign" => SampleShape::DemoUploadSign,
            other => bail!("dispatch.sample_shape {other:?} must be sample, demo or demo-upload-sign"),
        },
        origins: raw.origins.into_iter().map(web_origin).collect::<Result<_>>()?,
        log_for: Duration::from_secs(log_days * DAY),
        procedure,
    })
}

fn web_origin(text: String) -> Result<http::HeaderValue> {
    let origin = origin("dispatch.origins", Some(text.clone()))?.unwrap_or(text);
    http::HeaderValue::try_from(origin).context("dispatch.origins")
}

fn root(raw: raw::Root) -> Result<Root> {
    let secret = |text: Option<String>| text.filter(|text| !text.is_empty()).map(SecretString::from);
    if raw.secret_id.is_some() != raw.secret_key.is_some() {
        bail!("root.secret_id and root.secret_key belong together; give both or neither");
    }
    let app_id = raw.app_id.filter(|text| !text.is_empty());
    Ok(Root {
        app_id: app_id.map(|text| text.parse()).transpose().context("root.app_id")?,
        secret_id: raw.secret_id.filter(|text| !text.is_empty()),
        secret_key: secret(raw.secret_key),
        api_key: secret(raw.api_key),
        admin_token: secret(raw.admin_token),
        master_key: secret(raw.master_key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&str, &str)]) -> Result<Config> {
        let pairs = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Config::load(&CommandLine::default(), pairs)
    }

    #[test]
    fn defaults_stand_on_their_own() {
        let config = load(&[]).unwrap();
        assert_eq!(config.upload.hosts[0], "vod2.qcloud.com");
        assert!(config.database_url.starts_with("sqlite://"));
        assert!(config.media.sandbox);
        assert_eq!(config.roles, Role::ALL);
    }

    #[test]
    fn in_front_of_the_real_cloud_nothing_is_stored_or_processed_here() {
        let account = [
            ("REELGATE_MODE", "tencent"),
            ("REELGATE_TENCENT__SECRET_ID", "AKID"),
            ("REELGATE_TENCENT__SECRET_KEY", "[key"),
        ];
        let config = load(&account).unwrap();
        assert!(config.mode.is_tencent());
        assert!(!config.roles.contains(&Role::Gateway) && !config.roles.contains(&Role::Worker));
        assert_eq!(config.dispatch.policies.last().unwrap().procedure, "");
        let asked = [account.as_slice(), &[("REELGATE_SERVER__ROLES", "worker")]].concat();
        assert!(load(&asked).unwrap_err().to_string().contains("the real cloud does it"));
        assert!(!format!("{config:?}").contains("[key"));
    }

    #[test]
    fn a_policys_revision_changes_with_what_it_says_and_nothing_else() {
        let revision = |policy: &str| {
            load(&[("REELGATE_DISPATCH__POLICIES", policy)]).unwrap().dispatch.policies[0].revision
        };
        let first = revision(r#"[{"name":"a","max_size":5,"match":{"plan":"pro"}}]"#);
        assert_eq!(first, revision(r#"[{"match":{"plan":"pro"},"max_size":5,"name":"a"}]"#));
        assert_ne!(first, revision(r#"[{"name":"a","max_size":6,"match":{"plan":"pro"}}]"#));
    }

    #[test]
    fn contradictions_stop_the_start_with_a_sentence() {
        for (name, text, word) in [
            ("REELGATE_SERVER__TLS_CERT", "a.pem", "tls_key"),
            ("REELGATE_ROOT__SECRET_ID", "AKID", "secret_key"),
            ("REELGATE_UPLOAD__SESSION_TTL", "60", "session_ttl"),
            ("REELGATE_SERVER__PUBLIC_URL", "example.com", "public_url"),
            ("REELGATE_MEDIA__SANDBOX", "maybe", "media.sandbox"),
            ("REELGATE_MODE", "tencent", "tencent.secret_id"),
            ("REELGATE_MODE", "cloud", "modes are"),
            ("REELGATE_TENCENT__SECRET_ID", "AKID", "only for mode"),
            ("REELGATE_DISPATCH__CALLERS", r#"[{"kind":"anonymous"}]"#, "needs a rate"),
            ("REELGATE_DISPATCH__CALLERS", "[]", "is empty"),
            ("REELGATE_DISPATCH__CALLERS", r#"[{"kind":"jwt","name":"a"}]"#, "exactly one of secret"),
            (
                "REELGATE_DISPATCH__CALLERS",
                r#"[{"kind":"jwt","name":"a","secret":"x","algorithm":"RS256"}]"#,
                "HS256 does",
            ),
            ("REELGATE_DISPATCH__CALLERS", r#"[{"kind":"api_key"},{"kind":"api_key"}]"#, "name of its own"),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"max_size":1}]"#, "name of its own"),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"name":"a","procedure":"nothing"}]"#, "nothing"),
            (
                "REELGATE_DISPATCH__POLICIES",
                r#"[{"name":"a","procedures":["LongVideoPreset"],"procedure":""}]"#,
                "not among",
            ),
            (
                "REELGATE_DISPATCH__POLICIES",
                r#"[{"name":"a","validity":9,"max_validity":8}]"#,
                "max_validity",
            ),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"name":"a","max_size":0}]"#, "upload.max_size"),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"name":"a","rate":{"per_minute":0}}]"#, "at least 1"),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"name":"a","max_sise":1}]"#, "max_sise"),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"name":"a","types":["mp4","a/b"]}]"#, "extension"),
            ("REELGATE_DISPATCH__POLICIES", r#"[{"name":"a","storage_region":"a b"}]"#, "region name"),
            ("REELGATE_DISPATCH__SAMPLE_SHAPE", "odd", "demo-upload-sign"),
            ("REELGATE_DISPATCH__ORIGINS", r#"["example.com"]"#, "dispatch.origins"),
            ("REELGATE_STORAGE__URL", "s3://bucket", "storage.access_key"),
            ("REELGATE_SERVER__ROLES", "worker,cook", "cook"),
            ("REELGATE_DATABASE__URL", "mysql://x", "sqlite://"),
        ] {
            let error = format!("{:#}", load(&[(name, text)]).unwrap_err());
            assert!(error.contains(word), "{name}: {error}");
        }
    }
}
