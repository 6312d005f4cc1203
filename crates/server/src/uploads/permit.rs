//! What a signature permits, once it has passed every rule (wire reference 1.4, steps 2 to 9).

use reelgate_model::{AppId, NotifyMode, Principal, Scope, Time};
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::{self, Parameters, Unverified};
use secrecy::{ExposeSecret, SecretString};

use super::Refusal;
use crate::app::App;

/// A verified signature and the limits it carries. Can only be had by verifying.
#[derive(Debug, Clone)]
pub struct Permit {
    /// Who signed, and for which application.
    pub scope: Scope,
    /// What was signed.
    pub parameters: Parameters,
    /// The MAC in hex: "this very signature".
    pub mac: String,
    /// The application's own user; empty when the signature does not name one.
    pub user: String,
    /// Id of the permission; empty for signatures that the application made itself.
    pub permission_id: String,
    /// Most bytes of one file.
    pub max_size: u64,
    /// Longest video in seconds.
    pub max_duration: Option<u32>,
    /// Allowed types; empty: all.
    pub types: Vec<String>,
    /// Whether the signature's time is over. Only the Commit of its own session accepts such a permit.
    pub expired: bool,
}

impl Permit {
    /// Verifies `signature` and refuses it when its time is over.
    pub async fn verify(app: &App, signature: &str) -> Result<Self, Refusal> {
        let permit = Self::verify_even_expired(app, signature).await?;
        match permit.parameters.check_window(app.clock.now().seconds()) {
            Ok(()) => Ok(permit),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Verifies `signature`; an expired one passes with [`Permit::expired`] set.
    pub async fn verify_even_expired(app: &App, signature: &str) -> Result<Self, Refusal> {
        let unverified = Unverified::decode(signature)?;
        let mut read = app.store.read().await?;
        let key = read.secret_key(unverified.secret_id()).await?.filter(|key| key.revoked_at.is_none());
        let key = key.ok_or_else(|| {
            let shown: String = unverified.secret_id().chars().take(64).collect();
            Refusal::NotPermitted(format!("secretId {shown:?} is not known here or was revoked"))
        })?;
        let secret: SecretString = app.vault.open_sealed(&key.secret_id, &key.sealed)?;
        let signature = unverified.verify(secret.expose_secret().as_bytes())?;
        let parameters = signature.parameters().clone();
        let expired = match parameters.check_window(app.clock.now().seconds()) {
            Ok(()) => false,
            Err(upload_signature::Refusal::Expired { .. }) => true,
            Err(other) => return Err(other.into()),
        };
        parameters.check_ranges()?;
        let target = target_app(app, &mut read, &parameters).await?;
        if !key.apps.contains(target) {
            let sentence = format!("secretId {:?} does not reach application {target}", key.secret_id);
            return Err(Refusal::NotPermitted(sentence));
        }
        drop(read);
        let scope = Scope::new(target, Principal::SecretId(key.secret_id));
        Self::new(app, scope, parameters, signature.mac_hex(), expired)
    }

    fn new(
        app: &App,
        scope: Scope,
        parameters: Parameters,
        mac: String,
        expired: bool,
    ) -> Result<Self, Refusal> {
        let permission = match &parameters.reelgate {
            Some(text) => {
                Permission::parse(text).map_err(|error| Refusal::NotPermitted(error.to_string()))?
            }
            None => Permission::default(),
        };
        let most = app.config.upload.max_size;
        Ok(Self {
            scope,
            mac,
            expired,
            user: permission.user,
            permission_id: permission.id,
            max_size: permission.max_size.map_or(most, |size| size.min(most)),
            max_duration: permission.max_duration,
            types: permission.types,
            parameters,
        })
    }

    /// When ProcedureStateChanged is to be sent.
    pub fn notify_mode(&self) -> NotifyMode {
        let word = self.parameters.task_notify_mode.as_deref().unwrap_or("Finish");
        word.parse().unwrap_or(NotifyMode::Finish)
    }

    /// When the signature's time is over.
    pub fn expires_at(&self) -> Time {
        Time::from_seconds(self.parameters.expire_time)
    }
}

/// `vodSubAppId`: empty, 0 and the AppId all mean the main application.
async fn target_app(
    app: &App,
    read: &mut reelgate_store::Read,
    parameters: &Parameters,
) -> Result<AppId, Refusal> {
    let main = app.main_app();
    let target = parameters.vod_sub_app_id.map_or(main, AppId);
    let live = read.app(target).await?.is_some_and(|found| found.revoked_at.is_none());
    if live {
        return Ok(target);
    }
    Err(Refusal::Invalid(format!(
        "vodSubAppId {target} is not an application of this account, or was revoked"
    )))
}
