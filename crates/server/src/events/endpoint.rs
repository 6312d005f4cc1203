//! The push endpoints of an application: made, changed, tried, disabled, removed.

use std::time::Duration;

use reelgate_model::{FileId, Scope, Time};
use reelgate_store::{Endpoint, EndpointSecret, EndpointSettings, NewAudit, Readers, StoreError, Tx};
use secrecy::{ExposeSecret, SecretString};

use super::push::{self, Shape};
use super::target::{TargetError, Targets};
use super::types::{self, TypesError};
use super::{Fact, append, append_for, sample};
use crate::app::App;

/// The role of the endpoint that `PUT /v1/event-endpoint` sets.
pub const MAIN: &str = "main";
/// The role of the vendor's NotificationUrl.
pub const VENDOR: &str = "vendor";
/// Most endpoints of one application.
const MOST: usize = 100;

/// Why an endpoint was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Events may not be sent there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The types are not understood.
    #[error(transparent)]
    Types(#[from] TypesError),
    /// The shape is not known.
    #[error("shape {0:?} is not known; shapes are vendor3, vendor2 and standard")]
    Shape(String),
    /// The order is not known.
    #[error("order {0:?} is not known; it is file or none")]
    Order(String),
    /// The secret cannot be used.
    #[error("{0}")]
    Secret(String),
    /// There are enough.
    #[error("this application has {MOST} endpoints, which is the most; remove one first")]
    TooMany,
    /// There is no such endpoint.
    #[error("this application has no such event endpoint; GET /v1/event-endpoints lists those it has")]
    NotFound,
    /// Not in its present state.
    #[error("{0}")]
    Conflict(&'static str),
    /// Anything else.
    #[error("the event endpoint could not be changed")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for EndpointError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => {
                Self::Conflict("the application was revoked, or the endpoint removed, a moment ago")
            }
            // PostgreSQL broke this unit off: a courier held rows that it wanted, and the other way round.
            StoreError::Conflict => Self::Conflict("the endpoint is being sent to at this moment; try again"),
            other => Self::Internal(other.into()),
        }
    }
}

/// What is asked for. Absent fields keep what is there, or take the default.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Where to.
    pub url: Option<String>,
    /// In which shape.
    pub shape: Option<String>,
    /// `file` or `none`.
    pub order: Option<String>,
    /// Type words.
    pub types: Option<Vec<String>>,
}

impl Wanted {
    async fn over(self, app: &App, before: EndpointSettings) -> Result<EndpointSettings, EndpointError> {
        let mut settings = before;
        if let Some(url) = self.url {
            let targets = Targets::new(&app.config.events.allow_targets);
            settings.url = targets.parse_and_resolve(&url).await?.to_string();
        }
        if let Some(shape) = self.shape {
            settings.shape = parse_shape(&shape)?.as_str().to_owned();
        }
        match self.order {
            Some(order) if ["file", "none"].contains(&order.as_str()) => settings.ordering = order,
            Some(order) => return Err(EndpointError::Order(order)),
            None => {}
        }
        if let Some(words) = self.types {
            settings.types = types::join(&words)?;
        }
        Ok(settings)
    }
}

fn parse_shape(word: &str) -> Result<Shape, EndpointError> {
    Shape::parse(word).ok_or_else(|| EndpointError::Shape(word.to_owned()))
}

fn defaults() -> EndpointSettings {
    EndpointSettings {
        url: String::new(),
        shape: Shape::Vendor3.as_str().to_owned(),
        ordering: "file".to_owned(),
        types: "*".to_owned(),
    }
}

/// Makes an endpoint, which gets what happens from now on. Returns it and the secret that its pushes are signed with: the
/// one that was given, one that is made up (Standard Webhooks always sign), or none.
pub async fn create(
    app: &App,
    scope: &Scope,
    wanted: Wanted,
    secret: Option<SecretString>,
    remote: String,
) -> Result<(Endpoint, Option<SecretString>), EndpointError> {
    if wanted.url.is_none() {
        return Err(TargetError::Malformed("such as https://app.example.com/events").into());
    }
    let settings = wanted.over(app, defaults()).await?;
    let shape = parse_shape(&settings.shape)?;
    let secret = match secret {
        Some(secret) => Some(shape.checked(secret).map_err(EndpointError::Secret)?),
        None if shape == Shape::Standard => Some(shape.new_secret()),
        None => None,
    };
    let (scope, app_too, given) = (scope.clone(), app.clone(), secret.clone());
    let unit = app.store.write(move |tx| {
        Box::pin(async move {
            tx.lock_app(&scope).await?;
            if tx.endpoints(&scope).await?.len() >= MOST {
                return Err(EndpointError::TooMany);
            }
            let endpoint = tx.create_endpoint(&scope, "", &settings).await?;
            if let Some(secret) = given {
                seal(tx, &app_too, &scope, &endpoint.id, &secret, tx.now()).await?;
            }
            tx.audit(&scope, &entry("event_endpoint.create", &endpoint, remote)).await?;
            Ok(endpoint)
        })
    });
    Ok((unit.await?, secret))
}

/// Changes what is given; the rest stays.
pub async fn change(
    app: &App,
    scope: &Scope,
    id: &str,
    wanted: Wanted,
    remote: String,
) -> Result<Endpoint, EndpointError> {
    let before = get(app, scope, id).await?;
    let shape = parse_shape(&before.settings.shape)?;
    let settings = wanted.over(app, before.settings).await?;
    if !parse_shape(&settings.shape)?.shares_secrets_with(shape) {
        return Err(EndpointError::Conflict(
            "an endpoint cannot change between standard and the vendor's shapes, whose secrets have another form; make another endpoint",
        ));
    }
    let (scope, id) = (scope.clone(), id.to_owned());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let endpoint = tx.change_endpoint(&scope, &id, &settings).await?;
                tx.audit(&scope, &entry("event_endpoint.change", &endpoint, remote)).await?;
                Ok(endpoint)
            })
        })
        .await
}

/// One endpoint.
pub async fn get(app: &App, scope: &Scope, id: &str) -> Result<Endpoint, EndpointError> {
    app.store.read().await?.endpoint(scope, id).await?.ok_or(EndpointError::NotFound)
}

/// The endpoint of the short form.
pub async fn get_main(app: &App, scope: &Scope) -> Result<Endpoint, EndpointError> {
    app.store.read().await?.endpoint_in_role(scope, MAIN).await?.ok_or(EndpointError::NotFound)
}

/// Sets the endpoint of the short form. A new one gets what happens from now on; one that only moves gets what it has not taken yet.
/// `remote` is who asked, for the audit.
pub async fn set_main(
    app: &App,
    scope: &Scope,
    url: &str,
    remote: String,
) -> Result<Endpoint, EndpointError> {
    let wanted = Wanted { url: Some(url.to_owned()), ..Wanted::default() };
    let settings = wanted.over(app, defaults()).await?;
    let scope = scope.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_app(&scope).await?;
                let endpoint = match tx.endpoint_in_role(&scope, MAIN).await? {
                    Some(found) => {
                        let settings = EndpointSettings { url: settings.url, ..found.settings };
                        tx.change_endpoint(&scope, &found.id, &settings).await?
                    }
                    None => tx.create_endpoint(&scope, MAIN, &settings).await?,
                };
                tx.audit(&scope, &entry("event_endpoint.set", &endpoint, remote)).await?;
                Ok(endpoint)
            })
        })
        .await
}

/// Removes an endpoint; what it has not taken is given up, and the log says so.
pub async fn remove(app: &App, scope: &Scope, id: &str, remote: String) -> Result<(), EndpointError> {
    let (scope, id) = (scope.clone(), id.to_owned());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (endpoint, given_up) =
                    tx.remove_endpoint(&scope, &id).await?.ok_or(EndpointError::NotFound)?;
                tx.audit(&scope, &entry("event_endpoint.remove", &endpoint, remote)).await?;
                append(tx, &scope, None, &disabled(&endpoint, "it was removed", given_up)).await?;
                Ok(())
            })
        })
        .await
}

/// Stops the handing over of events; what it has not taken is given up.
pub async fn disable(app: &App, scope: &Scope, id: &str, remote: String) -> Result<Endpoint, EndpointError> {
    let before = get(app, scope, id).await?;
    if !before.enabled {
        return Ok(before);
    }
    let (scope, id) = (scope.clone(), id.to_owned());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let endpoint = disable_in(tx, &scope, &id, "somebody disabled it").await?;
                tx.audit(&scope, &entry("event_endpoint.disable", &endpoint, remote)).await?;
                Ok(endpoint)
            })
        })
        .await
}

/// Begins again with what happens from now on.
pub async fn enable(app: &App, scope: &Scope, id: &str, remote: String) -> Result<Endpoint, EndpointError> {
    let before = get(app, scope, id).await?;
    if before.enabled {
        return Ok(before);
    }
    let (scope, id) = (scope.clone(), id.to_owned());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let endpoint = tx.enable_endpoint(&scope, &id).await?;
                tx.audit(&scope, &entry("event_endpoint.enable", &endpoint, remote)).await?;
                Ok(endpoint)
            })
        })
        .await
}

/// Gives the endpoint another secret, made up unless it is given. The one before stays good for `overlap`.
pub async fn rotate_secret(
    app: &App,
    scope: &Scope,
    id: &str,
    given: Option<SecretString>,
    overlap: Duration,
    remote: String,
) -> Result<(Endpoint, SecretString), EndpointError> {
    let endpoint = get(app, scope, id).await?;
    let shape = parse_shape(&endpoint.settings.shape)?;
    let secret = match given {
        Some(given) => shape.checked(given).map_err(EndpointError::Secret)?,
        None => shape.new_secret(),
    };
    let (scope, app_too, again) = (scope.clone(), app.clone(), secret.clone());
    let unit = app.store.write(move |tx| {
        Box::pin(async move {
            let until = tx.now() + overlap;
            seal(tx, &app_too, &scope, &endpoint.id, &again, until).await?;
            tx.audit(&scope, &entry("event_endpoint.rotate_secret", &endpoint, remote)).await?;
            Ok::<_, EndpointError>(endpoint)
        })
    });
    Ok((unit.await?, secret))
}

/// Sends a made-up NewFileUpload to this endpoint alone. Returns the event's id.
pub async fn test(app: &App, scope: &Scope, id: &str) -> Result<String, EndpointError> {
    let endpoint = get(app, scope, id).await?;
    if !endpoint.enabled {
        return Err(EndpointError::Conflict("the endpoint is disabled; enable it, then test it"));
    }
    let (scope, file) = (scope.clone(), FileId(app.file_ids.next(app.clock.now()).0));
    let fact = sample::new_file_upload(app, file);
    let recorded = app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            append_for(tx, &scope, Some(file), &fact, Readers::TestOf(endpoint.id.clone())).await
        })
    });
    Ok(recorded.await?.id)
}

/// The secrets of an endpoint that are good now, without what they are.
pub async fn secrets(app: &App, id: &str) -> Result<Vec<EndpointSecret>, EndpointError> {
    Ok(app.store.read().await?.endpoint_secrets(id, app.clock.now()).await?)
}

/// Disables an endpoint inside a unit and says so in the log.
pub(super) async fn disable_in(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    reason: &str,
) -> Result<Endpoint, StoreError> {
    let (endpoint, given_up) = tx.disable_endpoint(scope, id, reason).await?;
    append(tx, scope, None, &disabled(&endpoint, reason, given_up)).await?;
    Ok(endpoint)
}

fn disabled(endpoint: &Endpoint, reason: &str, given_up: u64) -> Fact {
    Fact::EndpointDisabled {
        endpoint_id: endpoint.id.clone(),
        url: shown(&endpoint.settings.url).to_owned(),
        reason: reason.to_owned(),
        given_up,
    }
}

pub(super) async fn seal(
    tx: &mut Tx,
    app: &App,
    scope: &Scope,
    endpoint: &str,
    secret: &SecretString,
    overlap_until: Time,
) -> Result<(), EndpointError> {
    let sealed = app
        .vault
        .seal(&push::seal_context(endpoint), secret.expose_secret())
        .map_err(EndpointError::Internal)?;
    Ok(tx.add_endpoint_secret(scope, endpoint, &sealed, overlap_until).await?)
}

fn entry(action: &str, endpoint: &Endpoint, remote: String) -> NewAudit {
    NewAudit {
        action: action.to_owned(),
        subject: endpoint.id.clone(),
        detail: shown(&endpoint.settings.url).to_owned(),
        remote,
    }
}

/// The URL without its query, where people put tokens.
pub fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}
