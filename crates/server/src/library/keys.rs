//! Keys: API keys of backends and of people, and the SecretIds that signatures are made with. A secret is told once,
//! when it is made; rows hold a hash (API keys) or a sealed copy (SecretKeys).

use std::time::Duration;

use reelgate_model::{ApiScope, AppId, Scope};
use reelgate_store::{ApiKey, KeyApps, NewApiKey, NewAudit, NewSecretKey, SecretKey, StoreError, Tx};
use secrecy::{ExposeSecret, SecretString};

use super::apps::{MAX_NAME, check_name};
use crate::app::App;
use crate::bootstrap::{new_api_key, random_text};
use crate::http::digest;

/// Why keys were not listed or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The caller administers another application.
    #[error("only an admin key of the main application {main} may manage {what}; use one")]
    NotMain {
        /// The main application.
        main: AppId,
        /// What was to be managed.
        what: &'static str,
    },
    /// The name does not fit.
    #[error("the name has {0} characters; a key needs 1 to {MAX_NAME}")]
    Name(usize),
    /// A key that may do nothing.
    #[error("the key has no scope; name at least one of sign, read, manage, review, admin")]
    NoScopes,
    /// The application a key is for is not there.
    #[error("application {0} does not exist or is revoked; `reelgate app list` shows them")]
    NoApp(AppId),
    /// There is nothing to revoke.
    #[error("key {0:?} does not exist, is revoked already, or belongs to another application")]
    NotFound(String),
    /// The caller would lock itself out.
    #[error("key {0} is the one this request was made with; revoke it with another admin key")]
    Own(String),
    /// It ends already, or would end after being revoked.
    #[error("key {0:?} does not exist, is revoked, or ends earlier already; `reelgate key list` shows it")]
    NotRotated(String),
    /// The old key would outlive every signature made with it.
    #[error("overlap_seconds {0} is more than the {MAX_OVERLAP} (90 days) for which a signature can be good")]
    Overlap(u64),
    /// In front of the real cloud only the vendor makes SecretIds.
    #[error("in mode = \"tencent\" key pairs come from the vendor's console; give secret_id and secret_key")]
    NotOurs,
    /// A pair that cannot be one.
    #[error(
        "secret_id must be 8 to 128 letters, digits, - or _, and secret_key 16 to 128 printable characters"
    )]
    Pair,
    /// There is another key behind it already.
    #[error("SecretId {0:?} was stored before, perhaps revoked, and is not stored again; give another")]
    Exists(String),
    /// Not the caller's fault.
    #[error("the key could not be read or changed")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for KeysError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// A new API key, in clear this once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// Its row.
    pub key: ApiKey,
    /// The key itself.
    pub secret: SecretString,
}

/// A new SecretId with its SecretKey, in clear this once.
#[derive(Debug)]
pub struct CreatedSecretKey {
    /// Its row.
    pub key: SecretKey,
    /// The SecretKey.
    pub secret: SecretString,
}

/// Up to `limit` API keys of application `of` with ids after `after`, revoked ones included.
pub async fn list_api(
    app: &App,
    scope: &Scope,
    of: AppId,
    after: &str,
    limit: u32,
) -> Result<Vec<ApiKey>, KeysError> {
    let scope = reach(app, scope, of, "keys of other applications")?;
    Ok(app.store.read().await?.api_keys(&scope, after, limit).await?)
}

/// Up to `limit` SecretIds of the account after `after`, revoked ones included.
pub async fn list_secret(
    app: &App,
    scope: &Scope,
    after: &str,
    limit: u32,
) -> Result<Vec<SecretKey>, KeysError> {
    reach(app, scope, app.main_app(), "SecretIds")?;
    Ok(app.store.read().await?.secret_keys(after, limit).await?)
}

/// Makes an API key of application `of`.
pub async fn create_api(
    app: &App,
    scope: &Scope,
    of: AppId,
    name: String,
    scopes: Vec<ApiScope>,
    remote: String,
) -> Result<CreatedApiKey, KeysError> {
    check_name(&name).map_err(KeysError::Name)?;
    if scopes.is_empty() {
        return Err(KeysError::NoScopes);
    }
    let scope = reach(app, scope, of, "keys of other applications")?;
    let secret = SecretString::from(new_api_key());
    let row = NewApiKey { hash: digest(secret.expose_secret()), name, scopes };
    let made: Result<ApiKey, KeysError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                ensure_app(tx, of).await?;
                let id = tx.create_api_key(&scope, &row).await?;
                let words: Vec<_> = row.scopes.iter().map(|scope| scope.as_str()).collect();
                let detail = format!("{}: {}", row.name, words.join(" "));
                tx.audit(
                    &scope,
                    &NewAudit { action: "key.create".to_owned(), subject: id.clone(), detail, remote },
                )
                .await?;
                tx.live_api_key(&id).await?.ok_or(KeysError::NotFound(id))
            })
        })
        .await;
    app.directory.changed();
    Ok(CreatedApiKey { key: made?, secret })
}

/// A key pair to be stored.
#[derive(Debug)]
pub enum Pair {
    /// A new one.
    New,
    /// One that exists elsewhere, such as the vendor's console.
    Given(String, SecretString),
}

impl Pair {
    fn resolve(self, app: &App) -> Result<(String, SecretString), KeysError> {
        match self {
            Self::New if app.config.mode.is_tencent() => Err(KeysError::NotOurs),
            Self::New => Ok((format!("AKID{}", random_text(32)), SecretString::from(random_text(32)))),
            Self::Given(id, secret) => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                let key = secret.expose_secret();
                let good = (8..=128).contains(&id.len())
                    && id.bytes().all(plain)
                    && (16..=128).contains(&key.len())
                    && key.bytes().all(|byte| byte.is_ascii_graphic());
                if good { Ok((id, secret)) } else { Err(KeysError::Pair) }
            }
        }
    }
}

/// Stores a key pair, good for `apps`.
pub async fn create_secret(
    app: &App,
    scope: &Scope,
    apps: KeyApps,
    name: String,
    pair: Pair,
    remote: String,
) -> Result<CreatedSecretKey, KeysError> {
    check_name(&name).map_err(KeysError::Name)?;
    let scope = reach(app, scope, app.main_app(), "SecretIds")?;
    let (secret_id, secret) = pair.resolve(app)?;
    let sealed = app.vault.seal(&secret_id, secret.expose_secret()).map_err(KeysError::Internal)?;
    let row = NewSecretKey { secret_id: secret_id.clone(), sealed, name, apps };
    let made: Result<SecretKey, KeysError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                if let KeyApps::Listed(apps) = &row.apps {
                    for one in apps {
                        ensure_app(tx, *one).await?;
                    }
                }
                tx.create_secret_key(&row).await.map_err(|error| match error {
                    StoreError::AlreadyExists => KeysError::Exists(secret_id.clone()),
                    other => other.into(),
                })?;
                let entry = NewAudit {
                    action: "secret_key.create".to_owned(),
                    subject: secret_id.clone(),
                    detail: row.name,
                    remote,
                };
                tx.audit(&scope, &entry).await?;
                tx.secret_key(&secret_id).await?.ok_or(KeysError::NotFound(secret_id))
            })
        })
        .await;
    app.directory.changed();
    Ok(CreatedSecretKey { key: made?, secret })
}

/// Longest overlap of a rotation: that of the longest signature.
pub const MAX_OVERLAP: u64 = 7_776_000;

/// Makes another API key like `id`, which ends after `overlap`.
pub async fn rotate_api(
    app: &App,
    scope: &Scope,
    id: &str,
    overlap: Duration,
    remote: String,
) -> Result<CreatedApiKey, KeysError> {
    check_overlap(overlap)?;
    let not_found = || KeysError::NotFound(id.to_owned());
    let old = app.store.read().await?.live_api_key(id).await?.ok_or_else(not_found)?;
    let of = old.app;
    let scope = reach(app, scope, of, "keys of other applications").map_err(|_| not_found())?;
    let secret = SecretString::from(new_api_key());
    let row = NewApiKey { hash: digest(secret.expose_secret()), name: old.name, scopes: old.scopes };
    let (id, end) = (id.to_owned(), app.clock.now() + overlap);
    let made: Result<ApiKey, KeysError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                retired(tx.retire_api_key(&scope, &id, end).await, &id)?;
                let fresh = tx.create_api_key(&scope, &row).await?;
                note_rotation(tx, &scope, "key.rotate", &id, &fresh, remote).await?;
                tx.live_api_key(&fresh).await?.ok_or(KeysError::NotFound(fresh))
            })
        })
        .await;
    app.directory.changed();
    Ok(CreatedApiKey { key: made?, secret })
}

/// Stores another key pair for the applications of `id`, which ends after `overlap`. Signing goes on with the new one at
/// once.
pub async fn rotate_secret(
    app: &App,
    scope: &Scope,
    id: &str,
    pair: Pair,
    overlap: Duration,
    remote: String,
) -> Result<CreatedSecretKey, KeysError> {
    check_overlap(overlap)?;
    let scope = reach(app, scope, app.main_app(), "SecretIds")?;
    let old = app.store.read().await?.secret_key(id).await?;
    let old = old.ok_or_else(|| KeysError::NotFound(id.to_owned()))?;
    let (secret_id, secret) = pair.resolve(app)?;
    let sealed = app.vault.seal(&secret_id, secret.expose_secret()).map_err(KeysError::Internal)?;
    let row = NewSecretKey { secret_id: secret_id.clone(), sealed, name: old.name, apps: old.apps };
    let (id, end) = (id.to_owned(), app.clock.now() + overlap);
    let made: Result<SecretKey, KeysError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                retired(tx.retire_secret_key(&id, end).await, &id)?;
                tx.create_secret_key(&row).await.map_err(|error| match error {
                    StoreError::AlreadyExists => KeysError::Exists(secret_id.clone()),
                    other => other.into(),
                })?;
                note_rotation(tx, &scope, "secret_key.rotate", &id, &secret_id, remote).await?;
                tx.secret_key(&secret_id).await?.ok_or(KeysError::NotFound(secret_id))
            })
        })
        .await;
    app.directory.changed();
    Ok(CreatedSecretKey { key: made?, secret })
}

fn check_overlap(overlap: Duration) -> Result<(), KeysError> {
    let seconds = overlap.as_secs();
    if seconds > MAX_OVERLAP { Err(KeysError::Overlap(seconds)) } else { Ok(()) }
}

fn retired(result: Result<(), StoreError>, id: &str) -> Result<(), KeysError> {
    result.map_err(|error| match error {
        StoreError::Stale => KeysError::NotRotated(id.to_owned()),
        other => other.into(),
    })
}

async fn note_rotation(
    tx: &mut Tx,
    scope: &Scope,
    action: &str,
    old: &str,
    fresh: &str,
    remote: String,
) -> Result<(), KeysError> {
    let detail = format!("followed by {fresh}");
    let entry = NewAudit { action: action.to_owned(), subject: old.to_owned(), detail, remote };
    Ok(tx.audit(scope, &entry).await?)
}

/// Revokes the API key or SecretId `id`. `own` is the key that the request was made with.
pub async fn revoke(app: &App, scope: &Scope, own: &str, id: &str, remote: String) -> Result<(), KeysError> {
    if id == own {
        return Err(KeysError::Own(id.to_owned()));
    }
    let not_found = || KeysError::NotFound(id.to_owned());
    let found = app.store.read().await?.live_api_key(id).await?;
    let (of, is_api_key) = match &found {
        Some(key) => (key.app, true),
        None => (app.main_app(), false),
    };
    let scope = reach(app, scope, of, "keys of other applications").map_err(|error| match error {
        KeysError::NotMain { .. } => not_found(),
        other => other,
    })?;
    let id = id.to_owned();
    let revoked = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (revoked, action) = if is_api_key {
                    (tx.revoke_api_key(&scope, &id).await, "key.revoke")
                } else {
                    (tx.revoke_secret_key(&id).await, "secret_key.revoke")
                };
                revoked.map_err(|error| match error {
                    StoreError::Stale => KeysError::NotFound(id.clone()),
                    other => other.into(),
                })?;
                let entry =
                    NewAudit { action: action.to_owned(), subject: id, detail: String::new(), remote };
                Ok(tx.audit(&scope, &entry).await?)
            })
        })
        .await;
    app.directory.changed();
    revoked
}

/// The caller's own application, or any other for an administrator of the main one.
fn reach(app: &App, scope: &Scope, of: AppId, what: &'static str) -> Result<Scope, KeysError> {
    if scope.app() != of {
        let main = app.main_app();
        if scope.app() != main {
            return Err(KeysError::NotMain { main, what });
        }
    }
    Ok(Scope::new(of, scope.principal().clone()))
}

async fn ensure_app(tx: &mut Tx, id: AppId) -> Result<(), KeysError> {
    let found = tx.app(id).await?.filter(|found| found.revoked_at.is_none());
    found.map(drop).ok_or(KeysError::NoApp(id))
}
