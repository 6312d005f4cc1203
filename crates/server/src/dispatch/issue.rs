//! Issue: an application's backend asks for permission on behalf of one of its users (design section 5, step 1).

use std::time::Duration;

use anyhow::Context;
use reelgate_model::{Scope, Time};
use reelgate_store::StoreError;
use reelgate_wire::permission::{Permission, PermissionError};
use reelgate_wire::upload_signature::{MAX_SESSION_CONTEXT, MAX_SOURCE_CONTEXT, MAX_VALIDITY, Parameters};
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;

/// What a backend asks for. What it leaves out has the default of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Task flow to start; empty: none at all.
    pub procedure: Option<String>,
    /// The application's own name for its user.
    pub user: String,
    /// Comes back in NewFileUpload.
    pub source_context: String,
    /// Comes back in ProcedureStateChanged.
    pub session_context: String,
    /// Media category.
    pub class_id: i64,
    /// How long the signature is good.
    pub validity: Option<Duration>,
    /// Whether it opens one upload only.
    pub one_time: bool,
    /// Largest file in bytes, when less than the server's limit.
    pub max_size: Option<u64>,
    /// Allowed extensions; empty: any.
    pub types: Vec<String>,
}

/// A permission, signed.
#[derive(Debug, Clone)]
pub struct Issued {
    /// What the client sends with Prepare, Apply and Commit.
    pub signature: SecretString,
    /// When it ends, in whole seconds.
    pub expires_at: Time,
    /// Whether it opens one upload only.
    pub one_time: bool,
    /// Names this permission in the timeline.
    pub permission_id: String,
    /// Task flow that will start, or empty.
    pub procedure: String,
    /// Largest file in bytes.
    pub max_size: u64,
    /// Allowed extensions; empty: any.
    pub types: Vec<String>,
}

/// Why no signature was made. `Display` is the sentence for the caller and names the limit.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Neither built in nor configured.
    #[error("procedure {name:?} is not known; known are {known}")]
    UnknownProcedure {
        /// As asked for, or as `dispatch.procedure` says.
        name: String,
        /// All names, for the sentence.
        known: String,
    },
    /// Longer than 90 days, or nothing.
    #[error(
        "valid_seconds {asked} is outside the 1 to {MAX_VALIDITY} (90 days) that a signature may be good for"
    )]
    Validity {
        /// Seconds asked for.
        asked: u64,
    },
    /// A context that the vendor's format has no room for.
    #[error("{which} has {length} characters, more than the {most} allowed")]
    ContextTooLong {
        /// `source_context` or `session_context`.
        which: &'static str,
        /// Characters it has.
        length: usize,
        /// Characters it may have.
        most: usize,
    },
    /// A limit above the server's own would be a promise that the upload doors break.
    #[error("max_size {asked} is outside 1 to {most}, the largest file this server takes (upload.max_size)")]
    MaxSize {
        /// Bytes asked for.
        asked: u64,
        /// Bytes allowed.
        most: u64,
    },
    /// Categories count from 0.
    #[error("class_id {0} is negative; 0 means no category")]
    ClassId(i64),
    /// The user or the types do not fit.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// Nothing to sign with.
    #[error(
        "application {0} has no enabled SecretId to sign with; create one with `reelgate key create --secret`"
    )]
    NoSecretKey(reelgate_model::AppId),
    /// Not the caller's fault.
    #[error("the signature could not be made")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Signs what `order` asks for with the newest enabled SecretKey of the caller's application.
pub async fn issue(app: &App, scope: &Scope, key_id: &str, order: Order) -> Result<Issued, IssueError> {
    let permit = Permit::new(app, scope, key_id, order).await?;
    let signature = permit.parameters.sign(permit.secret_key.expose_secret().as_bytes());
    Ok(permit.issued(signature))
}

/// A permission that was checked and only needs to be put into the signed form.
pub(super) struct Permit {
    pub(super) parameters: Parameters,
    pub(super) secret_key: SecretString,
    permission: Permission,
    max_size: u64,
}

impl Permit {
    pub(super) async fn new(
        app: &App,
        scope: &Scope,
        key_id: &str,
        order: Order,
    ) -> Result<Self, IssueError> {
        check(app, &order)?;
        let procedure = procedure(app, order.procedure)?;
        let permission = Permission {
            id: uuid::Uuid::new_v4().to_string(),
            user: order.user,
            key_id: key_id.to_owned(),
            policy_revision: 0,
            max_size: order.max_size,
            max_duration: None,
            types: order.types.iter().map(|word| word.trim_start_matches('.').to_ascii_lowercase()).collect(),
        };
        let reelgate = permission.encode()?;
        let (secret_id, secret_key) = signing_key(app, scope).await?;
        let now = app.clock.now().seconds();
        let validity = order.validity.unwrap_or(app.config.dispatch.validity);
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let parameters = Parameters {
            secret_id,
            current_time_stamp: now,
            expire_time: now.saturating_add_unsigned(validity.as_secs()),
            random: rand::random::<u32>().into(),
            procedure: text(procedure),
            class_id: order.class_id,
            vod_sub_app_id: Some(scope.app().0),
            one_time_valid: order.one_time,
            source_context: text(order.source_context),
            session_context: text(order.session_context),
            reelgate: Some(reelgate),
            ..Parameters::default()
        };
        let max_size = order.max_size.unwrap_or(app.config.upload.max_size);
        Ok(Self { parameters, secret_key, permission, max_size })
    }

    pub(super) fn issued(self, signature: String) -> Issued {
        Issued {
            signature: signature.into(),
            expires_at: Time::from_seconds(self.parameters.expire_time),
            one_time: self.parameters.one_time_valid,
            permission_id: self.permission.id,
            procedure: self.parameters.procedure.unwrap_or_default(),
            max_size: self.max_size,
            types: self.permission.types,
        }
    }
}

fn check(app: &App, order: &Order) -> Result<(), IssueError> {
    if let Some(asked) = order.validity.map(|validity| validity.as_secs())
        && !(1..=MAX_VALIDITY.unsigned_abs()).contains(&asked)
    {
        return Err(IssueError::Validity { asked });
    }
    for (which, text, most) in [
        ("source_context", &order.source_context, MAX_SOURCE_CONTEXT),
        ("session_context", &order.session_context, MAX_SESSION_CONTEXT),
    ] {
        let length = text.chars().count();
        if length > most {
            return Err(IssueError::ContextTooLong { which, length, most });
        }
    }
    let most = app.config.upload.max_size;
    match order.max_size {
        Some(asked) if !(1..=most).contains(&asked) => return Err(IssueError::MaxSize { asked, most }),
        _ => {}
    }
    if order.class_id < 0 {
        return Err(IssueError::ClassId(order.class_id));
    }
    Ok(())
}

/// The name to sign: aliases stay as they are, so that an application can move them without new signatures.
fn procedure(app: &App, asked: Option<String>) -> Result<String, IssueError> {
    let name = asked.unwrap_or_else(|| app.config.dispatch.procedure.clone());
    if name.is_empty() || app.config.procedures.resolve(&name).is_some() {
        return Ok(name);
    }
    let known: Vec<_> = app.config.procedures.iter().map(|one| one.name.as_str()).collect();
    Err(IssueError::UnknownProcedure { name, known: known.join(", ") })
}

async fn signing_key(app: &App, scope: &Scope) -> Result<(String, SecretString), IssueError> {
    let key = app.store.read().await?.signing_key(scope.app()).await?;
    let key = key.ok_or(IssueError::NoSecretKey(scope.app()))?;
    let secret =
        app.vault.open_sealed(&key.secret_id, &key.sealed).context("the signing key cannot be opened");
    Ok((key.secret_id, secret.map_err(IssueError::Internal)?))
}
