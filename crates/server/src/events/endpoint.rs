//! The push endpoint of an application: set, shown, removed.

use reelgate_model::Scope;
use reelgate_store::{Endpoint, NewAudit, StoreError};

use super::target::{TargetError, Targets};
use crate::app::App;

/// The one shape that is pushed: the vendor's 3.0 format (wire reference 5.1).
pub const VENDOR3: &str = "vendor3";

/// Why an endpoint was not set or removed.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Events may not be sent there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// There is no endpoint.
    #[error("this application has no event endpoint; set one first")]
    NotFound,
    /// The application was revoked a moment ago.
    #[error("this application is revoked")]
    Revoked,
    /// Anything else.
    #[error("the event endpoint could not be changed")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for EndpointError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Revoked,
            other => Self::Internal(other.into()),
        }
    }
}

/// The endpoint of the application.
pub async fn get(app: &App, scope: &Scope) -> Result<Endpoint, EndpointError> {
    app.store.read().await?.endpoint(scope).await?.ok_or(EndpointError::NotFound)
}

/// Sets the endpoint. A new one gets what happens from now on; one that only moves gets what it has not taken yet.
/// `remote` is who asked, for the audit.
pub async fn set(app: &App, scope: &Scope, url: &str, remote: String) -> Result<Endpoint, EndpointError> {
    let url = Targets::new(&app.config.events.allow_targets).parse_and_resolve(url).await?.to_string();
    let scope = scope.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let endpoint = tx.put_endpoint(&scope, &url, VENDOR3).await?;
                tx.audit(&scope, &entry("event_endpoint.set", &endpoint, remote)).await?;
                Ok(endpoint)
            })
        })
        .await
}

/// Removes the endpoint; what it has not taken is given up.
pub async fn remove(app: &App, scope: &Scope, remote: String) -> Result<(), EndpointError> {
    let scope = scope.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let endpoint = tx.remove_endpoint(&scope).await?.ok_or(EndpointError::NotFound)?;
                tx.audit(&scope, &entry("event_endpoint.remove", &endpoint, remote)).await?;
                Ok(())
            })
        })
        .await
}

fn entry(action: &str, endpoint: &Endpoint, remote: String) -> NewAudit {
    NewAudit {
        action: action.to_owned(),
        subject: endpoint.id.clone(),
        detail: shown(&endpoint.url).to_owned(),
        remote,
    }
}

/// The URL without its query, where people put tokens.
pub fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}
