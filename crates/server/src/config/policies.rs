//! Policies: who may have which upload permission. Read from `dispatch.policies`; the first that matches decides, and
//! the built-in one, which allows what the server allows, comes after them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reelgate_model::AppId;
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::{MAX_VALIDITY, is_region};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Procedures;

/// A policy as the configuration writes it.
#[derive(Debug, Clone, Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyDefinition {
    name: String,
    apps: Vec<String>,
    r#match: BTreeMap<String, OneOrMany>,
    procedures: Option<Vec<String>>,
    procedure: Option<String>,
    types: Vec<String>,
    max_size: Option<u64>,
    max_duration: Option<u32>,
    class_ids: Option<Vec<i64>>,
    storage_region: Option<String>,
    validity: Option<u64>,
    max_validity: Option<u64>,
    one_time: bool,
    rate: Option<RateDefinition>,
    daily_uploads: Option<u64>,
    daily_bytes: Option<u64>,
    open_sessions: Option<u32>,
    bytes_in_flight: Option<u64>,
    addresses: Option<u32>,
}

/// A token bucket as the configuration writes it.
#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateDefinition {
    per_minute: u32,
    burst: Option<u32>,
}

#[derive(Debug, Clone, Deserialize, serde::Serialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What callers that match may have.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name; empty for the built-in one.
    pub name: String,
    /// Changes with what the policy says; the same on every node with the same configuration.
    pub revision: u32,
    /// Applications; empty: all.
    pub apps: Vec<AppId>,
    /// Tags that must be there, each with one of these values.
    pub tags: Vec<(String, Vec<String>)>,
    /// Procedures that may be asked for; `None`: all known ones, and none at all.
    pub procedures: Option<Vec<String>>,
    /// Procedure on `/v1` when the caller names none; empty: none.
    pub procedure: String,
    /// Allowed extensions, lower case; empty: any.
    pub types: Vec<String>,
    /// Largest file, bytes.
    pub max_size: u64,
    /// Longest video, seconds.
    pub max_duration: Option<u32>,
    /// Media categories; the first is what a caller gets that names none. `None`: any.
    pub class_ids: Option<Vec<i64>>,
    /// Storage region to be signed.
    pub storage_region: Option<String>,
    /// Validity on `/v1` when the caller names none.
    pub validity: Duration,
    /// Longest validity.
    pub max_validity: Duration,
    /// Every signature is one-time, whatever is asked for.
    pub one_time: bool,
    /// Signatures of one user.
    pub rate: Option<Rate>,
    /// Uploads of one user on one UTC day.
    pub daily_uploads: Option<u64>,
    /// Bytes of one user on one UTC day.
    pub daily_bytes: Option<u64>,
    /// Sessions that one permission may have open.
    pub open_sessions: Option<u32>,
    /// Bytes that the open sessions of one permission may announce.
    pub bytes_in_flight: Option<u64>,
    /// Client addresses that one permission may be used from.
    pub addresses: Option<u32>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back in a minute.
    pub per_minute: std::num::NonZeroU32,
    /// Tokens at most.
    pub burst: std::num::NonZeroU32,
}

/// What a policy falls back on.
pub(super) struct Defaults<'a> {
    /// `None` when they are not ours to know.
    pub procedures: Option<&'a Procedures>,
    pub procedure: &'a str,
    pub validity: Duration,
    pub max_size: u64,
}

/// All policies in their order, the built-in one last.
pub(super) fn policies(written: Vec<PolicyDefinition>, defaults: &Defaults<'_>) -> Result<Vec<Policy>> {
    let mut names = std::collections::BTreeSet::new();
    for one in &written {
        if one.name.is_empty() || one.name.len() > 64 || !names.insert(one.name.clone()) {
            bail!("dispatch.policies: {:?} is not a name of its own of 1 to 64 bytes", one.name);
        }
    }
    let built_in = PolicyDefinition::default();
    written
        .into_iter()
        .chain([built_in])
        .map(|one| {
            let name = one.name.clone();
            policy(one, defaults).with_context(|| format!("dispatch.policies: policy {name:?}"))
        })
        .collect()
}

fn policy(written: PolicyDefinition, defaults: &Defaults<'_>) -> Result<Policy> {
    let revision = revision(&written)?;
    let max_validity = written.max_validity.unwrap_or(MAX_VALIDITY.unsigned_abs());
    let longest = Duration::from_secs(max_validity);
    let validity = written.validity.map_or(defaults.validity.min(longest), Duration::from_secs);
    let max_size = written.max_size.unwrap_or(defaults.max_size);
    let procedure = written.procedure.clone().or_else(|| first(written.procedures.as_deref()));
    let procedure = procedure.unwrap_or_else(|| defaults.procedure.to_owned());
    if !(1..=MAX_VALIDITY.unsigned_abs()).contains(&max_validity) || validity.is_zero() || validity > longest
    {
        bail!("validity must be 1 to max_validity seconds, and that at most {MAX_VALIDITY} (90 days)");
    }
    if !(1..=defaults.max_size).contains(&max_size) {
        bail!("max_size must be 1 to upload.max_size ({})", defaults.max_size);
    }
    if written.class_ids.as_ref().is_some_and(|ids| ids.is_empty() || ids.iter().any(|id| *id < 0)) {
        bail!("class_ids must name at least one category, from 0 on");
    }
    for name in written.procedures.iter().flatten().chain([&procedure]) {
        if !name.is_empty() && defaults.procedures.is_some_and(|known| known.resolve(name).is_none()) {
            bail!("procedure {name:?} is not known");
        }
    }
    if written.procedures.as_ref().is_some_and(|names| !names.contains(&procedure)) {
        bail!("the default procedure {procedure:?} is not among procedures");
    }
    let values = |values| match values {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    };
    let apps = written.apps.iter().map(|id| id.parse().context("apps"));
    Ok(Policy {
        revision,
        apps: apps.collect::<Result<_>>()?,
        tags: written.r#match.into_iter().map(|(tag, one)| (tag, values(one))).collect(),
        procedures: written.procedures,
        procedure,
        types: types(&written.types)?,
        max_size,
        max_duration: written.max_duration,
        class_ids: written.class_ids,
        storage_region: region(written.storage_region)?,
        validity,
        max_validity: longest,
        one_time: written.one_time,
        rate: written.rate.map(RateDefinition::resolve).transpose()?,
        daily_uploads: written.daily_uploads,
        daily_bytes: written.daily_bytes,
        open_sessions: written.open_sessions,
        bytes_in_flight: written.bytes_in_flight,
        addresses: written.addresses,
        name: written.name,
    })
}

fn first(names: Option<&[String]>) -> Option<String> {
    names.and_then(|names| names.first().cloned())
}

impl RateDefinition {
    pub(super) fn resolve(self) -> Result<Rate> {
        let number = |value| std::num::NonZeroU32::new(value).context("rate must be at least 1");
        Ok(Rate {
            per_minute: number(self.per_minute)?,
            burst: number(self.burst.unwrap_or(self.per_minute))?,
        })
    }
}

/// Extensions as they are compared, if a permission can carry them.
fn types(written: &[String]) -> Result<Vec<String>> {
    let types = written.iter().map(|word| word.trim_start_matches('.').to_ascii_lowercase()).collect();
    let named = || "-".to_owned();
    let permission = Permission { id: named(), key_id: named(), types, ..Permission::default() };
    permission.encode().context("types")?;
    Ok(permission.types)
}

fn region(written: Option<String>) -> Result<Option<String>> {
    let region = written.filter(|region| !region.is_empty());
    match region.as_ref().filter(|region| !is_region(region)) {
        Some(odd) => bail!("storage_region {odd:?} is not a region name such as ap-guangzhou"),
        None => Ok(region),
    }
}

/// 31 bits of a digest of what is written.
fn revision(written: &PolicyDefinition) -> Result<u32> {
    let text = serde_json::to_vec(written).context("it cannot be written as JSON")?;
    let digest = Sha256::digest(text);
    let (head, _) = digest.split_first_chunk().context("a digest has 32 bytes")?;
    Ok(u32::from_be_bytes(*head) >> 1)
}
