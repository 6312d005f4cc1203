//! Sending events again: to one endpoint or all of an application, whatever became of them before.

use reelgate_model::{FileId, Scope, Time};
use reelgate_store::{Delivery, Endpoint, NewAudit, NewReplay, StoreError};

use super::types::{self, TypesError};
use crate::app::App;

/// What is to be sent again.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// To this endpoint; `None`: to all that are enabled.
    pub endpoint: Option<String>,
    /// Recorded from then on; `None`: as far back as the log goes.
    pub since: Option<Time>,
    /// Recorded until then; `None`: until now.
    pub until: Option<Time>,
    /// Of these types; `None`: those of the endpoint.
    pub types: Option<Vec<String>>,
    /// About this file.
    pub file: Option<FileId>,
    /// Only what was given up.
    pub dead_only: bool,
}

/// Why nothing is sent again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The types are not understood.
    #[error(transparent)]
    Types(#[from] TypesError),
    /// Nobody to send to.
    #[error("there is no enabled event endpoint to send to; make or enable one first")]
    NoEndpoint,
    /// No such delivery.
    #[error("there is no such delivery; GET /v1/deliveries lists those there are")]
    NoDelivery,
    /// It is on its way, or nobody takes it.
    #[error("the delivery has not ended yet, or its endpoint is disabled or removed")]
    NotEnded,
    /// Anything else.
    #[error("the replay could not be started")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::NoEndpoint,
            other => Self::Internal(other.into()),
        }
    }
}

/// Begins the replay. Returns its id for each endpoint.
pub async fn start(
    app: &App,
    scope: &Scope,
    wanted: Wanted,
    remote: String,
) -> Result<Vec<(String, String)>, ReplayError> {
    let types = wanted.types.as_deref().map(types::join).transpose()?;
    let endpoints: Vec<Endpoint> = app
        .store
        .read()
        .await?
        .endpoints(scope)
        .await?
        .into_iter()
        .filter(|one| one.enabled && wanted.endpoint.as_ref().is_none_or(|id| *id == one.id))
        .collect();
    if endpoints.is_empty() {
        return Err(ReplayError::NoEndpoint);
    }
    let (from, to) = (wanted.since.unwrap_or(Time(0)), wanted.until.unwrap_or(Time(i64::MAX)));
    let scope = scope.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let mut started = Vec::new();
                for endpoint in endpoints {
                    let types = types.clone().unwrap_or_else(|| endpoint.settings.types.clone());
                    let replay =
                        NewReplay { from, to, types, file: wanted.file, dead_only: wanted.dead_only };
                    let id = tx.create_replay(&scope, &endpoint, &replay).await?;
                    tx.audit(&scope, &entry("events.replay", endpoint.id.clone(), remote.clone())).await?;
                    started.push((id, endpoint.id));
                }
                Ok(started)
            })
        })
        .await
}

/// Sends one delivery again.
pub async fn one(
    app: &App,
    scope: &Scope,
    endpoint: &str,
    event_seq: i64,
    remote: String,
) -> Result<Delivery, ReplayError> {
    let (scope, endpoint) = (scope.clone(), endpoint.to_owned());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let found = tx.delivery(&scope, &endpoint, event_seq).await?;
                let found = found.ok_or(ReplayError::NoDelivery)?;
                match tx.revive_delivery(&scope, &found).await {
                    Err(StoreError::Stale) => return Err(ReplayError::NotEnded),
                    other => other?,
                }
                tx.audit(&scope, &entry("delivery.replay", found.id(), remote)).await?;
                tx.delivery(&scope, &endpoint, event_seq).await?.ok_or(ReplayError::NoDelivery)
            })
        })
        .await
}

fn entry(action: &str, subject: String, remote: String) -> NewAudit {
    NewAudit { action: action.to_owned(), subject, detail: String::new(), remote }
}
