//! Issue: an application's backend, or its user, asks for permission to upload (design section 5, step 1).

use std::time::Duration;

use reelgate_model::{AppId, Time};
use reelgate_wire::permission::Permission;
use reelgate_wire::permission::suffix::Suffix;
use reelgate_wire::upload_signature::{MAX_SESSION_CONTEXT, MAX_SOURCE_CONTEXT, Parameters, is_region};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::callers::{Ask, Asker};
use super::journal::{Answered, Grant, Note};
use super::policy::{self, Limits};
use super::refusal::IssueError;
use super::sample;
use crate::app::App;
use crate::config::Mode;

pub use super::policy::Tags;

/// What is asked for. What is left out has the default of the policy.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Task flow to start; empty: none at all.
    pub procedure: Option<String>,
    /// The application's own name for its user, from callers whose credential does not name it.
    pub user: String,
    /// What a backend says of its user, for policies to match.
    pub tags: Tags,
    /// Comes back in NewFileUpload.
    pub source_context: String,
    /// Comes back in ProcedureStateChanged.
    pub session_context: String,
    /// Media category.
    pub class_id: Option<i64>,
    /// How long the signature is good.
    pub validity: Option<Duration>,
    /// Whether it opens one upload only.
    pub one_time: Option<bool>,
    /// Largest file in bytes, when less than allowed.
    pub max_size: Option<u64>,
    /// Longest video in seconds, when less than allowed.
    pub max_duration: Option<u32>,
    /// Allowed extensions; empty: those that the policy allows.
    pub types: Vec<String>,
    /// Storage region.
    pub storage_region: Option<String>,
}

/// Which door the order came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/v1/upload-signatures`: an hour, one-time.
    Own,
    /// `/getUploadSignature`: the vendor's sample with its defaults (24 hours, reusable, no procedure) and key order.
    Sample,
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
    /// What was permitted.
    pub permission: Permission,
    /// Task flow that will start, or empty.
    pub procedure: String,
    /// Media category.
    pub class_id: i64,
    /// Largest file in bytes.
    pub max_size: u64,
}

/// Signs what `order` asks for, for whoever `ask` shows. Every answer is noted in the journal.
pub async fn issue(app: &App, ask: &Ask<'_>, order: Order, form: Form) -> Result<Issued, IssueError> {
    let asker = match app.dispatch.callers.identify(app, ask, || wanted(&order)).await {
        Ok(asker) => asker,
        Err(error) => return Err(refuse(app, ask, None, &order.user, error)),
    };
    let named = asker.user().is_none().then(|| order.user.clone());
    let user = named.as_deref().or(asker.user()).unwrap_or_default();
    let issued = match grant(app, &asker, user, order, form).await {
        Ok(issued) => issued,
        Err(error) => return Err(refuse(app, ask, Some(&asker), user, error)),
    };
    app.dispatch.journal.note(Note {
        app: asker.scope.app(),
        at: app.clock.now(),
        principal: Some(asker.scope.principal()),
        user,
        client: ask.client,
        answer: Answered::Granted(Grant {
            permission: &issued.permission,
            expire_time: issued.expires_at.seconds(),
            one_time: issued.one_time,
            procedure: &issued.procedure,
        }),
    });
    Ok(issued)
}

/// What an app is asked about: the order, without what the server fills in.
fn wanted(order: &Order) -> serde_json::Value {
    json!({
        "procedure": order.procedure,
        "source_context": order.source_context,
        "session_context": order.session_context,
        "class_id": order.class_id,
        "valid_seconds": order.validity.map(|validity| validity.as_secs()),
        "one_time": order.one_time,
        "max_size": order.max_size,
        "max_duration": order.max_duration,
        "types": order.types,
        "storage_region": order.storage_region,
        "user": order.user,
    })
}

fn refuse(app: &App, ask: &Ask<'_>, asker: Option<&Asker>, user: &str, error: IssueError) -> IssueError {
    /// Of a stranger's text no more than this is kept, characters.
    const MOST: usize = 256;
    let kept = user.char_indices().nth(MOST).map_or(user, |(end, _)| &user[..end]);
    app.dispatch.journal.note(Note {
        app: asker.map_or_else(|| app.main_app(), |asker| asker.scope.app()),
        at: app.clock.now(),
        principal: asker.map(|asker| asker.scope.principal()),
        user: kept,
        client: ask.client,
        answer: Answered::Refused { code: error.code(), sentence: &error.to_string() },
    });
    error
}

async fn grant(app: &App, asker: &Asker, user: &str, order: Order, form: Form) -> Result<Issued, IssueError> {
    if asker.user().is_some_and(|own| !order.user.is_empty() && order.user != own) {
        return Err(IssueError::OtherUser);
    }
    if !order.tags.is_empty() && !asker.may_give_tags() {
        return Err(IssueError::TagsNotYours);
    }
    check_contexts(app, &order)?;
    let limits = policy::choose(app, asker, &order.tags);
    let permission = Permission {
        id: hex::encode(rand::random::<[u8; 12]>()),
        user: user.to_owned(),
        key_id: asker.key_id().to_owned(),
        ..limits.permit(app, &order)?
    };
    let mut parameters = parameters(app, &limits, order, form)?;
    carry(app, &permission, &mut parameters)?;
    // Nothing is promised that the upload doors break.
    parameters.check_ranges()?;
    let target = asker.scope.app();
    let now = app.clock.now();
    let directory = app.directory.current(app).await?;
    directory.app(target).ok_or(IssueError::NoApp(target))?;
    let key = directory.signing_key(target, now).ok_or(IssueError::NoSecretKey(target))?;
    parameters.secret_id.clone_from(&key.row.secret_id);
    parameters.vod_sub_app_id = sub_app(app, target);
    // The last check: what is refused for another reason takes nothing out of the bucket.
    take(app, asker, &limits, user)?;
    let signature = key.signing.sign_original(&match form {
        Form::Own => parameters.to_original(),
        Form::Sample => sample::original(&parameters),
    });
    Ok(Issued {
        signature: signature.into(),
        expires_at: Time::from_seconds(parameters.expire_time),
        one_time: parameters.one_time_valid,
        procedure: parameters.procedure.unwrap_or_default(),
        class_id: parameters.class_id,
        max_size: permission.max_size.unwrap_or(app.config.upload.max_size),
        permission,
    })
}

/// Everything but the key and the permission.
fn parameters(app: &App, limits: &Limits<'_>, order: Order, form: Form) -> Result<Parameters, IssueError> {
    let now = app.clock.now().seconds();
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Parameters {
        current_time_stamp: now,
        expire_time: now.saturating_add_unsigned(limits.validity(&order, form)?),
        random: rand::random::<u32>().into(),
        procedure: text(limits.procedure(app, &order, form)?),
        class_id: limits.class_id(&order)?,
        one_time_valid: limits.one_time(&order, form)?,
        storage_region: limits.storage_region(&order)?,
        source_context: text(order.source_context),
        session_context: text(order.session_context),
        ..Parameters::default()
    })
}

/// Puts the permission where it can travel (design section 8, "Permission").
fn carry(app: &App, permission: &Permission, parameters: &mut Parameters) -> Result<(), IssueError> {
    let text = permission.encode()?;
    match app.config.mode {
        Mode::Local => parameters.reelgate = Some(text),
        Mode::Tencent(_) => {
            let mut suffix = Suffix {
                policy_revision: u32::try_from(permission.policy_revision).unwrap_or_default(),
                user: permission.user.clone(),
                max_size: permission.max_size,
                max_duration: permission.max_duration,
                ..Suffix::default()
            };
            // An id is made of exactly these bytes.
            let _ = hex::decode_to_slice(&permission.id, &mut suffix.id);
            suffix.key.copy_from_slice(&Sha256::digest(permission.key_id.as_bytes())[..4]);
            let context = parameters.source_context.take().unwrap_or_default();
            parameters.source_context = Some(suffix.append_to(&context)?);
        }
    }
    Ok(())
}

/// In front of the real cloud its main application has no number.
fn sub_app(app: &App, target: AppId) -> Option<i64> {
    match &app.config.mode {
        Mode::Tencent(account) if account.sub_app_id.is_none() && target == app.main_app() => None,
        Mode::Tencent(_) | Mode::Local => Some(target.0),
    }
}

fn take(app: &App, asker: &Asker, limits: &Limits<'_>, user: &str) -> Result<(), IssueError> {
    if asker.is_anonymous() {
        app.dispatch.rates.take_anonymous(user)?;
    }
    // Who names no user shares the bucket of the key.
    let whose = if user.is_empty() { asker.key_id() } else { user };
    app.dispatch.rates.take_policy(limits.place, asker.scope.app(), whose)
}

fn check_contexts(app: &App, order: &Order) -> Result<(), IssueError> {
    let most_source = match app.config.mode {
        Mode::Local => MAX_SOURCE_CONTEXT,
        Mode::Tencent(_) => reelgate_wire::permission::suffix::MAX_CALLER_CONTEXT,
    };
    for (which, text, most) in [
        ("source_context", &order.source_context, most_source),
        ("session_context", &order.session_context, MAX_SESSION_CONTEXT),
    ] {
        let length = if text.len() <= most { text.len() } else { text.chars().count() };
        if length > most {
            return Err(IssueError::ContextTooLong { which, length, most });
        }
    }
    match &order.storage_region {
        Some(region) if !is_region(region) => Err(IssueError::Region(region.chars().take(64).collect())),
        _ => Ok(()),
    }
}
