//! Applications and keys in memory, because the signature service looks at them on every request.
//!
//! The rows are the truth. A copy that is older than a second is checked against the number that every change raises,
//! and one that could not be checked for two seconds is not used any more: what was revoked on another node is refused
//! here within that time. A key that is not in the copy is looked for again before it is refused, so that what was made
//! on another node is good at once. Changes made by this process are seen by the next request ([`Directory::changed`]).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use reelgate_model::{AppId, Time};
use reelgate_store::{ApiKey, SecretKey};
use reelgate_wire::upload_signature::SigningKey;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::bootstrap::API_KEY_PREFIX;

/// Age from which a copy is checked.
const FRESH: Duration = Duration::from_secs(1);
/// Age from which a copy is not used any more.
const STALE: Duration = Duration::from_secs(2);

/// How long the rows may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The copy of this process.
#[derive(Default)]
pub struct Directory {
    copy: RwLock<Copy>,
    checking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Copy {
    snapshot: Arc<Snapshot>,
    /// When the check that found it good began.
    checked: Option<Instant>,
    /// When this process last changed a row: a check that began earlier may not have seen it.
    changed: Option<Instant>,
    /// When a check last failed: who waited for it does not try once more.
    failed: Option<Instant>,
}

/// The rows could not be looked at in time, so nobody can say whether a key is still good.
#[derive(Debug, thiserror::Error)]
#[error("the database does not answer, so keys cannot be checked; try again in some seconds")]
pub struct DirectoryError(#[source] anyhow::Error);

impl Copy {
    /// When it was found good, if nothing was changed here since.
    fn good_at(&self) -> Option<Instant> {
        self.checked.filter(|checked| self.changed.is_none_or(|changed| *checked > changed))
    }
}

/// Applications and keys at one moment.
#[derive(Default)]
pub struct Snapshot {
    version: i64,
    apps: HashMap<AppId, reelgate_store::App>,
    api_keys: HashMap<[u8; 32], Arc<ApiKey>>,
    /// Newest first.
    secret_keys: Vec<Arc<OpenKey>>,
}

/// A SecretId with its key, opened.
pub struct OpenKey {
    /// Its row.
    pub row: SecretKey,
    /// The SecretKey, to verify with.
    pub secret: SecretString,
    /// The same, to sign with.
    pub signing: SigningKey,
}

impl Snapshot {
    /// The application, unless it is revoked.
    pub fn app(&self, id: AppId) -> Option<&reelgate_store::App> {
        self.apps.get(&id)
    }

    /// The API key that `token` is. Found by its digest, which takes the same time for all that are not.
    pub fn api_key(&self, token: &str, now: Time) -> Option<&Arc<ApiKey>> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.api_keys.get(&digest).filter(|key| !key.is_expired(now))
    }

    /// The key pair with this SecretId.
    pub fn secret_key(&self, secret_id: &str, now: Time) -> Option<&Arc<OpenKey>> {
        self.secret_keys
            .iter()
            .find(|key| key.row.secret_id == secret_id)
            .filter(|key| !key.row.is_expired(now))
    }

    /// What is signed with for `app`: the newest key pair that reaches it and does not end.
    pub fn signing_key(&self, app: AppId, now: Time) -> Option<&Arc<OpenKey>> {
        let mut good =
            self.secret_keys.iter().filter(|key| key.row.apps.contains(app) && !key.row.is_expired(now));
        let ending = good.clone().next();
        good.find(|key| key.row.expires_at.is_none()).or(ending)
    }
}

impl Directory {
    /// A copy that is good enough to decide by.
    pub async fn current(&self, app: &App) -> Result<Arc<Snapshot>, DirectoryError> {
        let (snapshot, checked) = self.look();
        match checked.map(|checked| checked.elapsed()) {
            Some(age) if age < FRESH => Ok(snapshot),
            Some(age) if age < STALE => match self.checking.try_lock() {
                Ok(_alone) => match self.check(app).await {
                    Err(_) if checked.is_some_and(|checked| checked.elapsed() < STALE) => Ok(snapshot),
                    checked => checked,
                },
                // Somebody is at it; this copy is good for another moment.
                Err(_) => Ok(snapshot),
            },
            _ => self.since(app, Instant::now().checked_sub(FRESH).unwrap_or_else(Instant::now)).await,
        }
    }

    /// A copy that was checked after `moment`; for what was not found in an older one.
    pub async fn since(&self, app: &App, moment: Instant) -> Result<Arc<Snapshot>, DirectoryError> {
        let asked = Instant::now();
        let _alone = self.checking.lock().await;
        match self.look() {
            (snapshot, Some(checked)) if checked > moment => return Ok(snapshot),
            _ => {}
        }
        let failed = self.copy.read().unwrap_or_else(PoisonError::into_inner).failed;
        if failed.is_some_and(|failed| failed > asked) {
            return Err(DirectoryError(anyhow!("a check that was waited for has failed")));
        }
        self.check(app).await
    }

    /// The live API key that `token` is. One that was made on another node a moment ago is found, too.
    pub async fn api_key(&self, app: &App, token: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError> {
        let (looked, now) = (Instant::now(), app.clock.now());
        if let Some(key) = self.current(app).await?.api_key(token, now) {
            return Ok(Some(Arc::clone(key)));
        }
        // Keys of another form are given by the configuration, and so there since the start.
        if !token.starts_with(API_KEY_PREFIX) {
            return Ok(None);
        }
        Ok(self.since(app, looked).await?.api_key(token, now).cloned())
    }

    /// The live key pair with this SecretId. One that was made on another node a moment ago is found, too.
    pub async fn secret_key(
        &self,
        app: &App,
        secret_id: &str,
    ) -> Result<Option<Arc<OpenKey>>, DirectoryError> {
        let (looked, now) = (Instant::now(), app.clock.now());
        if let Some(key) = self.current(app).await?.secret_key(secret_id, now) {
            return Ok(Some(Arc::clone(key)));
        }
        Ok(self.since(app, looked).await?.secret_key(secret_id, now).cloned())
    }

    /// Forgets the copy: this process has just changed a row.
    pub fn changed(&self) {
        self.copy.write().unwrap_or_else(PoisonError::into_inner).changed = Some(Instant::now());
    }

    fn look(&self) -> (Arc<Snapshot>, Option<Instant>) {
        let copy = self.copy.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&copy.snapshot), copy.good_at())
    }

    async fn check(&self, app: &App) -> Result<Arc<Snapshot>, DirectoryError> {
        let checked = tokio::time::timeout(PATIENCE, self.look_at_rows(app)).await;
        let checked = checked.unwrap_or_else(|_| Err(anyhow!("no answer within {} s", PATIENCE.as_secs())));
        checked.map_err(|cause| {
            tracing::error!(cause = format!("{cause:#}"), "keys cannot be checked, so requests are refused");
            self.copy.write().unwrap_or_else(PoisonError::into_inner).failed = Some(Instant::now());
            DirectoryError(cause)
        })
    }

    async fn look_at_rows(&self, app: &App) -> Result<Arc<Snapshot>> {
        let began = Instant::now();
        let known = self.copy.read().unwrap_or_else(PoisonError::into_inner).snapshot.version;
        let mut read = app.store.read().await?;
        let fresh = match read.directory_version().await? == known {
            true => None,
            false => Some(Arc::new(open(app, read.directory().await?))),
        };
        let mut copy = self.copy.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(fresh) = fresh {
            copy.snapshot = fresh;
        }
        copy.checked = Some(began);
        Ok(Arc::clone(&copy.snapshot))
    }
}

/// A key that the master key does not open is left out: the others must go on working.
fn open(app: &App, rows: reelgate_store::Directory) -> Snapshot {
    let mut secret_keys = Vec::with_capacity(rows.secret_keys.len());
    for row in rows.secret_keys.into_iter().rev() {
        match app.vault.open_sealed(&row.secret_id, &row.sealed) {
            Ok(secret) => {
                let signing = SigningKey::new(secret.expose_secret().as_bytes());
                secret_keys.push(Arc::new(OpenKey { row, secret, signing }));
            }
            Err(error) => tracing::error!(cause = format!("{error:#}"), "a SecretKey cannot be used"),
        }
    }
    let by_digest = |(hash, key): (String, ApiKey)| {
        let mut digest = [0; 32];
        hex::decode_to_slice(hash, &mut digest).ok().map(|()| (digest, Arc::new(key)))
    };
    Snapshot {
        version: rows.version,
        apps: rows.apps.into_iter().map(|app| (app.id, app)).collect(),
        api_keys: rows.api_keys.into_iter().filter_map(by_digest).collect(),
        secret_keys,
    }
}
