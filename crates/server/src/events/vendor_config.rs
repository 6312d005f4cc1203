//! The vendor's event configuration (wire reference 4.4, DescribeEventConfig and ModifyEventConfig): the NotificationUrl is an
//! endpoint like others, in a role of its own; mode and switches govern that one only.

use reelgate_model::Scope;
use reelgate_store::{Endpoint, EndpointSettings, NewAudit, StoreError, Tx};
use reelgate_wire::cloudapi::{EventMode, ModifyEventConfig};

use super::endpoint::{self, EndpointError, VENDOR};
use super::pull::KEPT;
use super::push::Shape;
use super::target::Targets;
use crate::app::App;

/// The event that a switch lets through.
const UPLOAD: &str = "NewFileUpload";
const DELETE: &str = "FileDeleted";

/// The configuration as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorConfig {
    /// Who gets the events.
    pub mode: EventMode,
    /// Where to; empty: nowhere.
    pub notification_url: String,
    /// Whether uploads are told.
    pub upload_switch: bool,
    /// Whether deletions are told.
    pub delete_switch: bool,
}

/// The configuration of the application; the vendor's default if nobody has changed it.
pub async fn get(app: &App, scope: &Scope) -> Result<VendorConfig, StoreError> {
    let mut read = app.store.read().await?;
    let mode = read.event_config(scope).await?.and_then(|config| EventMode::parse(&config.mode));
    let endpoint = read.endpoint_in_role(scope, VENDOR).await?;
    let (url, types) = endpoint.map(|one| (one.settings.url, one.settings.types)).unwrap_or_default();
    Ok(VendorConfig {
        mode: mode.unwrap_or(EventMode::Push),
        notification_url: url,
        upload_switch: passes(&types, UPLOAD),
        delete_switch: passes(&types, DELETE),
    })
}

/// Changes what is given; the rest stays. `remote` is who asked, for the audit.
pub async fn modify(
    app: &App,
    scope: &Scope,
    change: ModifyEventConfig,
    remote: String,
) -> Result<(), EndpointError> {
    let url = match change.notification_url.as_deref() {
        None => None,
        Some("") => Some(String::new()),
        Some(url) => {
            let targets = Targets::new(&app.config.events.allow_targets);
            Some(targets.parse_and_resolve(url).await?.to_string())
        }
    };
    let (scope, app_too) = (scope.clone(), app.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_app(&scope).await?;
                let since = tx.now() - KEPT;
                tx.ensure_event_config(&scope, since).await?;
                if let Some(mode) = change.mode {
                    tx.set_event_mode(&scope, mode.as_str()).await?;
                }
                let before = vendor_endpoint(tx, &scope).await?;
                let settings = EndpointSettings {
                    url: url.unwrap_or_else(|| before.settings.url.clone()),
                    types: types(&before.settings.types, &change),
                    ..before.settings.clone()
                };
                let after = tx.change_endpoint(&scope, &before.id, &settings).await?;
                set_key(tx, &app_too, &scope, &after, change.sign_key).await?;
                switch(tx, &scope, &after).await?;
                tx.audit(&scope, &entry(&after, remote)).await?;
                Ok(())
            })
        })
        .await
}

/// The endpoint in the vendor's role; made when it is first needed.
async fn vendor_endpoint(tx: &mut Tx, scope: &Scope) -> Result<Endpoint, StoreError> {
    if let Some(found) = tx.endpoint_in_role(scope, VENDOR).await? {
        return Ok(found);
    }
    let settings = EndpointSettings {
        url: String::new(),
        shape: Shape::Vendor3.as_str().to_owned(),
        ordering: "file".to_owned(),
        types: types("", &ModifyEventConfig::default()),
    };
    tx.create_endpoint(scope, VENDOR, &settings).await
}

/// Lets the endpoint get events exactly when it is meant to.
async fn switch(tx: &mut Tx, scope: &Scope, endpoint: &Endpoint) -> Result<(), StoreError> {
    let pushes = tx.event_config(scope).await?.is_some_and(|config| config.mode == EventMode::Push.as_str());
    match (pushes && !endpoint.settings.url.is_empty(), endpoint.enabled) {
        (true, false) => tx.enable_endpoint(scope, &endpoint.id).await.map(drop),
        (false, true) => {
            let reason = "ModifyEventConfig has chosen PULL, or no NotificationUrl";
            tx.disable_endpoint(scope, &endpoint.id, reason).await.map(drop)
        }
        (true, true) | (false, false) => Ok(()),
    }
}

async fn set_key(
    tx: &mut Tx,
    app: &App,
    scope: &Scope,
    endpoint: &Endpoint,
    key: Option<String>,
) -> Result<(), EndpointError> {
    let now = tx.now();
    match key {
        None => Ok(()),
        Some(key) if key.is_empty() => Ok(tx.end_endpoint_secrets(&endpoint.id, now).await?),
        // The vendor knows no overlap: the new key signs at once.
        Some(key) => endpoint::seal(tx, app, scope, &endpoint.id, &key.into(), now).await,
    }
}

/// All of the vendor's types but those whose switch is off.
fn types(before: &str, change: &ModifyEventConfig) -> String {
    let on = |given: Option<bool>, name| given.unwrap_or_else(|| passes(before, name));
    let mut types = String::from("*");
    for (name, on) in [(UPLOAD, on(change.upload_switch, UPLOAD)), (DELETE, on(change.delete_switch, DELETE))]
    {
        if !on {
            types.push_str(",-");
            types.push_str(name);
        }
    }
    types
}

/// Whether these types, which [`types`] wrote, let an event through; the switches are off at first.
fn passes(types: &str, name: &str) -> bool {
    !types.is_empty() && !types.split(',').any(|word| word.strip_prefix('-') == Some(name))
}

fn entry(endpoint: &Endpoint, remote: String) -> NewAudit {
    NewAudit {
        action: "event_config.modify".to_owned(),
        subject: endpoint.id.clone(),
        detail: endpoint::shown(&endpoint.settings.url).to_owned(),
        remote,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_off_at_first_and_keep_what_they_were() {
        let change = |upload, delete| ModifyEventConfig {
            upload_switch: upload,
            delete_switch: delete,
            ..ModifyEventConfig::default()
        };
        let first = types("", &change(None, None));
        assert_eq!((passes(&first, UPLOAD), passes(&first, DELETE)), (false, false));
        let second = types(&first, &change(Some(true), None));
        assert_eq!((passes(&second, UPLOAD), passes(&second, DELETE)), (true, false));
        let third = types(&second, &change(None, Some(true)));
        assert_eq!(third, "*");
        assert_eq!(types(&third, &change(Some(false), Some(false))), first);
    }
}
