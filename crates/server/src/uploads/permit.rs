//! What a signature permits, once it has passed every rule (wire reference 1.4, steps 2 to 9).

use std::time::Instant;

use reelgate_model::{AppId, NotifyMode, Principal, RevocationKind, Scope, Time};
use reelgate_store::PermissionFacts;
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::{self, Parameters, Unverified};
use secrecy::ExposeSecret;

use super::Refusal;
use crate::app::App;
use crate::dispatch::self_signed;

/// A verified signature and the limits it carries. Can only be had by verifying.
#[derive(Debug, Clone)]
pub struct Permit {
    /// Who signed, and for which application.
    pub scope: Scope,
    /// What was signed.
    pub parameters: Parameters,
    /// The MAC in hex: "this very signature".
    pub mac: String,
    /// What it permits. Signatures that the application made itself have no id and no user, and the limits of the policy
    /// for `via = "self_signed"`.
    pub permission: Permission,
    /// Most bytes of one file.
    pub max_size: u64,
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
        let (looked, now) = (Instant::now(), app.clock.now());
        let mut directory = app.directory.current(app).await?;
        if directory.secret_key(unverified.secret_id(), now).is_none() {
            directory = app.directory.since(app, looked).await?;
        }
        let key = directory.secret_key(unverified.secret_id(), now).ok_or_else(|| {
            let shown: String = unverified.secret_id().chars().take(64).collect();
            Refusal::NotPermitted(format!("secretId {shown:?} is not known here or was revoked"))
        })?;
        let signature = unverified.verify(key.secret.expose_secret().as_bytes())?;
        let parameters = signature.parameters().clone();
        let expired = match parameters.check_window(now.seconds()) {
            Ok(()) => false,
            Err(upload_signature::Refusal::Expired { .. }) => true,
            Err(other) => return Err(other.into()),
        };
        parameters.check_ranges()?;
        let target = parameters.vod_sub_app_id.map_or(app.main_app(), AppId);
        if directory.app(target).is_none() && app.directory.since(app, looked).await?.app(target).is_none() {
            return Err(Refusal::Invalid(format!(
                "vodSubAppId {target} is not an application of this account, or was revoked"
            )));
        }
        if !key.row.apps.contains(target) {
            let sentence = format!("secretId {:?} does not reach application {target}", key.row.secret_id);
            return Err(Refusal::NotPermitted(sentence));
        }
        let scope = Scope::new(target, Principal::SecretId(key.row.secret_id.clone()));
        let permit = Self::new(app, scope, parameters, signature.mac_hex(), expired)?;
        permit.refuse_if_revoked(app).await?;
        Ok(permit)
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
            None => self_signed(app, scope.app()),
        };
        let most = app.config.upload.max_size;
        let max_size = permission.max_size.map_or(most, |size| size.min(most));
        Ok(Self { scope, mac, expired, max_size, permission, parameters })
    }

    async fn refuse_if_revoked(&self, app: &App) -> Result<(), Refusal> {
        let facts = PermissionFacts {
            id: &self.permission.id,
            user: &self.permission.user,
            key_id: &self.permission.key_id,
            issued_at: self.issued_at(),
        };
        match app.store.read().await?.revocation_of(&self.scope, facts).await? {
            None => Ok(()),
            Some(kind) => Err(Refusal::NotPermitted(revoked(kind).to_owned())),
        }
    }

    /// The application's own user; empty when the signature does not name one.
    pub fn user(&self) -> &str {
        &self.permission.user
    }

    /// When it was issued.
    pub fn issued_at(&self) -> Time {
        Time::from_seconds(self.parameters.current_time_stamp)
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

/// What a client is told about a revocation.
pub fn revoked(kind: RevocationKind) -> &'static str {
    match kind {
        RevocationKind::Permission => "this permission was revoked; fetch a new signature",
        RevocationKind::User => "the permissions of this user were revoked; fetch a new signature",
        RevocationKind::Key => "the permissions issued with this key were revoked; fetch a new signature",
    }
}
