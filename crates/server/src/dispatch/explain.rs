//! Explain: what a signature holds and which rule it fails (design section 5, step 8). The rules and their order are
//! those of wire reference 1.4, the same that the upload doors apply.

use reelgate_model::{AppId, Scope, Time};
use reelgate_store::{PermissionFacts, StoreError};
use reelgate_wire::permission::Permission;
use reelgate_wire::permission::suffix::Suffix;
use reelgate_wire::upload_signature::{Parameters, Refusal, Unverified};
use secrecy::ExposeSecret;

use crate::app::App;
use crate::directory::Snapshot;
use crate::uploads::permit::revoked;

/// Everything that can be said about a signature. Never holds a key.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The exact string that was signed; empty when the text does not decode.
    pub signed_string: String,
    /// The fields in their order, decoded.
    pub fields: Vec<(String, String)>,
    /// What it claims; `None` when the text does not decode.
    pub parameters: Option<Parameters>,
    /// What our own parameter carries, when there is one and it can be read.
    pub permission: Option<Permission>,
    /// Whether this server can check it.
    pub key: KeyState,
    /// Whether it was made with that key and not changed since.
    pub mac: MacState,
    /// The server's time, Unix seconds.
    pub now: i64,
    /// Every rule in the order of the doors.
    pub checks: Vec<Check>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its step in wire reference 1.4.
    pub step: u8,
    /// A stable word for it.
    pub rule: &'static str,
    /// Whether it holds.
    pub outcome: Outcome,
}

/// Whether a rule holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Pass,
    /// It does not.
    Fail {
        /// The code that the upload doors answer.
        vendor_code: i32,
        /// What is wrong.
        sentence: String,
        /// What to change.
        advice: &'static str,
    },
    /// An earlier failure leaves nothing to check.
    NotChecked,
}

/// What this server knows of the SecretId.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Its key is here and enabled.
    Known,
    /// Never heard of, revoked, or not good for the caller's application. Which one is not told.
    Unknown,
    /// No server was asked, or the text names none.
    NotChecked,
}

/// What the MAC says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacState {
    /// Made with the known key.
    Matches,
    /// Made with another key, or changed.
    Differs,
    /// No key to check with.
    NotChecked,
}

/// Explains `text` to a caller of `scope`.
pub async fn explain(app: &App, scope: &Scope, text: &str) -> Result<Explanation, anyhow::Error> {
    let at = app.clock.now();
    let now = at.seconds();
    let signature = match Unverified::decode(text.trim()) {
        Ok(signature) => signature,
        Err(refusal) => return Ok(undecodable(&refusal, now)),
    };
    let parameters = signature.parameters().clone();
    let (signed_string, fields) = (signature.original().to_owned(), signature.fields().to_vec());
    let mac_hex = signature.mac_hex();
    let directory = app.directory.current(app).await?;
    // One that is good for other applications only is not told apart from one that is not known.
    let secret =
        directory.secret_key(signature.secret_id(), at).filter(|key| key.row.apps.contains(scope.app()));
    let key = if secret.is_some() { KeyState::Known } else { KeyState::Unknown };
    let verified = secret.map(|key| signature.verify(key.secret.expose_secret().as_bytes()).map(drop));
    let mac = mac_state(verified.as_ref());
    let target = parameters.vod_sub_app_id.map_or(app.main_app(), AppId);
    let application = application(&directory, target);
    let permission = permission_of(app, &parameters);
    let unused = unused(app, target, &parameters, &mac_hex).await?;
    // Whether a stranger's permission was revoked is not told.
    // In front of the real cloud a revocation reaches nobody's doors.
    let ours = target == scope.app() && !app.config.mode.is_tencent();
    let standing = match (ours, &permission) {
        (true, Some(permission)) => standing(app, &parameters, permission).await?,
        _ => Outcome::NotChecked,
    };
    let checks = vec![
        Check { step: 2, rule: "form", outcome: Outcome::Pass },
        Check { step: 3, rule: "secret_id", outcome: known(key, &parameters.secret_id) },
        Check { step: 4, rule: "mac", outcome: verified.map_or(Outcome::NotChecked, outcome) },
        Check { step: 7, rule: "validity", outcome: outcome(parameters.check_window(now)) },
        Check { step: 8, rule: "one_time", outcome: unused },
        Check { step: 8, rule: "revocation", outcome: standing },
        Check { step: 9, rule: "values", outcome: outcome(parameters.check_ranges()) },
        Check { step: 9, rule: "application", outcome: application },
        Check { step: 9, rule: "permission", outcome: permitted(&parameters) },
    ];
    let parameters = Some(parameters);
    Ok(Explanation { signed_string, fields, parameters, permission, key, mac, now, checks })
}

/// Explains `text` without a server: everything that needs no row, and the MAC when the SecretKey is given.
pub fn explain_alone(text: &str, secret_key: Option<&[u8]>, now: i64) -> Explanation {
    let signature = match Unverified::decode(text.trim()) {
        Ok(signature) => signature,
        Err(refusal) => return undecodable(&refusal, now),
    };
    let parameters = signature.parameters().clone();
    let (signed_string, fields) = (signature.original().to_owned(), signature.fields().to_vec());
    let verified = secret_key.map(|key| signature.verify(key).map(drop));
    let mac = mac_state(verified.as_ref());
    let checks = vec![
        Check { step: 2, rule: "form", outcome: Outcome::Pass },
        Check { step: 3, rule: "secret_id", outcome: Outcome::NotChecked },
        Check { step: 4, rule: "mac", outcome: verified.map_or(Outcome::NotChecked, outcome) },
        Check { step: 7, rule: "validity", outcome: outcome(parameters.check_window(now)) },
        Check { step: 8, rule: "one_time", outcome: Outcome::NotChecked },
        Check { step: 8, rule: "revocation", outcome: Outcome::NotChecked },
        Check { step: 9, rule: "values", outcome: outcome(parameters.check_ranges()) },
        Check { step: 9, rule: "application", outcome: Outcome::NotChecked },
        Check { step: 9, rule: "permission", outcome: permitted(&parameters) },
    ];
    let permission = from_parameter(&parameters).or_else(|| from_context(&parameters));
    Explanation {
        signed_string,
        fields,
        parameters: Some(parameters),
        permission,
        key: KeyState::NotChecked,
        mac,
        now,
        checks,
    }
}

impl Explanation {
    /// The first rule that fails, which is the one that the doors answer with.
    pub fn refusal(&self) -> Option<&Check> {
        self.checks.iter().find(|check| matches!(check.outcome, Outcome::Fail { .. }))
    }
}

fn undecodable(refusal: &Refusal, now: i64) -> Explanation {
    let later = [
        (3, "secret_id"),
        (4, "mac"),
        (7, "validity"),
        (8, "one_time"),
        (8, "revocation"),
        (9, "values"),
        (9, "application"),
        (9, "permission"),
    ];
    let form = Check { step: 2, rule: "form", outcome: fail(refusal) };
    let later = later.map(|(step, rule)| Check { step, rule, outcome: Outcome::NotChecked });
    Explanation {
        signed_string: String::new(),
        fields: Vec::new(),
        parameters: None,
        permission: None,
        key: KeyState::NotChecked,
        mac: MacState::NotChecked,
        now,
        checks: std::iter::once(form).chain(later).collect(),
    }
}

fn outcome(result: Result<(), Refusal>) -> Outcome {
    match result {
        Ok(()) => Outcome::Pass,
        Err(refusal) => fail(&refusal),
    }
}

fn fail(refusal: &Refusal) -> Outcome {
    let advice = match refusal {
        Refusal::Malformed(_) => {
            "send the text exactly as the signature service gave it: standard base64 with padding, not URL-encoded, no \
             line breaks; the signed string needs secretId, currentTimeStamp, expireTime and random as integers"
        }
        Refusal::WrongMac { .. } => {
            "sign with the SecretKey that belongs to this secretId, HMAC-SHA1 over exactly the string that follows the \
             20 bytes of MAC; do not encode that string again afterwards"
        }
        Refusal::Window(_) => {
            "set currentTimeStamp to now (Unix seconds, check the machine's clock) and expireTime after it, at most \
             7776000 s (90 days)"
        }
        Refusal::Expired { .. } => "fetch a new signature for each upload, or sign with a later expireTime",
        Refusal::OutOfRange(_) => "bring the value into the range that the sentence names and sign again",
    };
    Outcome::Fail { vendor_code: refusal.code().number(), sentence: refusal.to_string(), advice }
}

fn known(key: KeyState, secret_id: &str) -> Outcome {
    match key {
        KeyState::Known => Outcome::Pass,
        KeyState::NotChecked => Outcome::NotChecked,
        KeyState::Unknown => Outcome::Fail {
            vendor_code: 10004,
            sentence: format!(
                "secretId {:?} is not an enabled SecretId of this application on this server",
                secret_id.chars().take(64).collect::<String>()
            ),
            advice: "sign with a SecretId that `reelgate key list` shows as enabled; one from the vendor's console is not \
                     known here",
        },
    }
}

fn permitted(parameters: &Parameters) -> Outcome {
    match parameters.reelgate.as_deref().map(Permission::parse) {
        None | Some(Ok(_)) => Outcome::Pass,
        Some(Err(error)) => Outcome::Fail {
            vendor_code: 10004,
            sentence: error.to_string(),
            advice: "leave the parameter `reelgate` out: only this server's signature service writes it",
        },
    }
}

fn mac_state(verified: Option<&Result<(), Refusal>>) -> MacState {
    match verified {
        Some(Ok(())) => MacState::Matches,
        Some(Err(_)) => MacState::Differs,
        None => MacState::NotChecked,
    }
}

/// What our signature service wrote: a parameter of our own, or in front of the real cloud what fits behind the source
/// context.
fn permission_of(app: &App, parameters: &Parameters) -> Option<Permission> {
    if app.config.mode.is_tencent() { from_context(parameters) } else { from_parameter(parameters) }
}

fn from_parameter(parameters: &Parameters) -> Option<Permission> {
    parameters.reelgate.as_deref().and_then(|text| Permission::parse(text).ok())
}

fn from_context(parameters: &Parameters) -> Option<Permission> {
    let (_, suffix) = Suffix::split(parameters.source_context.as_deref()?);
    let suffix = suffix?;
    Some(Permission {
        id: hex::encode(suffix.id),
        user: suffix.user,
        policy_revision: suffix.policy_revision.into(),
        max_size: suffix.max_size,
        max_duration: suffix.max_duration,
        ..Permission::default()
    })
}

/// Whether a one-time signature can still open an upload.
async fn unused(app: &App, target: AppId, parameters: &Parameters, mac: &str) -> Result<Outcome, StoreError> {
    let target = Scope::system(target);
    if !parameters.one_time_valid || app.store.read().await?.signature_use(&target, mac).await?.is_none() {
        return Ok(Outcome::Pass);
    }
    Ok(Outcome::Fail {
        vendor_code: 10004,
        sentence: "the signature is one-time and has opened its upload".to_owned(),
        advice: "fetch a fresh signature for each upload; the one that opened an upload stays good for its Commit",
    })
}

/// Whether it was revoked.
async fn standing(
    app: &App,
    parameters: &Parameters,
    permission: &Permission,
) -> Result<Outcome, StoreError> {
    let target = Scope::system(parameters.vod_sub_app_id.map_or(app.main_app(), AppId));
    let facts = PermissionFacts {
        id: &permission.id,
        user: &permission.user,
        key_id: &permission.key_id,
        issued_at: Time::from_seconds(parameters.current_time_stamp),
    };
    Ok(match app.store.read().await?.revocation_of(&target, facts).await? {
        None => Outcome::Pass,
        Some(kind) => Outcome::Fail {
            vendor_code: 10004,
            sentence: revoked(kind).to_owned(),
            advice: "`GET /v1/revocations` says when, why and by whom; a signature issued after it is good again",
        },
    })
}

/// Whether the application the signature is for takes uploads here.
fn application(directory: &Snapshot, id: AppId) -> Outcome {
    if directory.app(id).is_some() {
        return Outcome::Pass;
    }
    Outcome::Fail {
        vendor_code: 10001,
        sentence: format!("vodSubAppId {id} is not an enabled application of this server"),
        advice: "leave vodSubAppId out for the main application, or use an id that `reelgate app list` shows",
    }
}
