//! What a caller may have: the first policy that matches, narrowed by what the app said and by what the caller asks
//! for. Less may be asked for, never more.

use std::collections::BTreeMap;

use reelgate_callers::Narrowing;
use reelgate_model::AppId;
use reelgate_wire::permission::Permission;

use super::callers::Asker;
use super::issue::{Form, Order};
use super::refusal::{IssueError, LimitedBy};
use crate::app::App;
use crate::config::{Mode, Policy};

/// Tags that a backend gives its user.
pub type Tags = BTreeMap<String, Vec<String>>;

/// A policy as far as one caller may use it.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    policy: &'a Policy,
    /// Where it stands in the configuration.
    pub(super) place: usize,
    narrowing: Option<&'a Narrowing>,
}

/// Tags that say how and by whom a request was sent: seen here, never taken from the request.
const SEEN: [&str; 2] = ["via", "caller"];

/// The policy for `asker`, whose request gives `tags`.
pub(super) fn choose<'a>(app: &'a App, asker: &'a Asker, tags: &Tags) -> Limits<'a> {
    let given = |name: &str| tags.get(name).filter(|_| !SEEN.contains(&name));
    let has = |name: &str, values: &[String]| {
        asker.has_tag(name, values)
            || given(name).is_some_and(|own| own.iter().any(|tag| values.contains(tag)))
    };
    first(app, asker.scope.app(), has, asker.narrowing())
}

/// The permission of a signature that the application made itself with its SecretKey: the limits of the policy that
/// matches `via = "self_signed"`.
pub fn self_signed(app: &App, target: AppId) -> Permission {
    let has =
        |name: &str, values: &[String]| name == "via" && values.iter().any(|value| value == "self_signed");
    first(app, target, has, None).permission(app)
}

fn first<'a>(
    app: &'a App,
    target: AppId,
    has: impl Fn(&str, &[String]) -> bool,
    narrowing: Option<&'a Narrowing>,
) -> Limits<'a> {
    let matches = |policy: &Policy| {
        (policy.apps.is_empty() || policy.apps.contains(&target))
            && policy.tags.iter().all(|(name, values)| has(name, values))
    };
    let policies = &app.config.dispatch.policies;
    let place = policies.iter().position(matches).unwrap_or(policies.len() - 1);
    Limits { policy: &policies[place], place, narrowing }
}

impl Limits<'_> {
    fn by_policy(&self) -> LimitedBy {
        match self.policy.name.as_str() {
            "" => LimitedBy::Server,
            name => LimitedBy::Policy(name.to_owned()),
        }
    }

    /// Whose limit is the lower one.
    fn by_lower<T: Ord>(&self, own: Option<T>, of: impl Fn(&Narrowing) -> Option<T>) -> LimitedBy {
        match self.narrowing.and_then(of) {
            Some(less) if own.is_none_or(|own| less < own) => LimitedBy::App,
            _ => self.by_policy(),
        }
    }

    /// Whose list it is that `word` is not on.
    fn by_list(&self, own: Option<&[String]>, word: &str) -> LimitedBy {
        match own.is_none_or(|own| own.iter().any(|one| one == word)) {
            true => LimitedBy::App,
            false => self.by_policy(),
        }
    }

    fn narrowed<T: Ord>(&self, own: Option<T>, of: impl Fn(&Narrowing) -> Option<T>) -> Option<T> {
        match (own, self.narrowing.and_then(of)) {
            (Some(own), Some(less)) => Some(own.min(less)),
            (own, less) => own.or(less),
        }
    }

    fn max_size(&self) -> u64 {
        self.narrowed(Some(self.policy.max_size), |less| less.max_size).unwrap_or(self.policy.max_size)
    }

    /// What the permission says without anything asked for.
    fn permission(&self, app: &App) -> Permission {
        let policy = self.policy;
        let max_size = self.max_size();
        Permission {
            policy: policy.name.clone(),
            policy_revision: i64::from(policy.revision),
            max_size: Some(max_size).filter(|most| *most < app.config.upload.max_size),
            max_duration: self.narrowed(policy.max_duration, |less| less.max_duration),
            types: self.types(),
            daily_uploads: self.narrowed(policy.daily_uploads, |less| less.daily_uploads),
            daily_bytes: self.narrowed(policy.daily_bytes, |less| less.daily_bytes),
            open_sessions: self.narrowed(policy.open_sessions, |less| less.open_sessions),
            bytes_in_flight: self.narrowed(policy.bytes_in_flight, |less| less.bytes_in_flight),
            addresses: self.narrowed(policy.addresses, |less| less.addresses),
            ..Permission::default()
        }
    }

    /// Allowed types; empty: any. Types that only one of policy and app allows are not allowed; whether any is left is
    /// looked at in [`Limits::permit`].
    fn types(&self) -> Vec<String> {
        let own = &self.policy.types;
        let Some(less) = self.narrowing.and_then(|less| less.types.as_ref()) else { return own.clone() };
        less.iter().map(|word| plain(word)).filter(|word| own.is_empty() || own.contains(word)).collect()
    }

    /// Refuses when the app's types and the policy's have none in common: an empty list would allow all.
    fn some_type_is_left(&self, permission: &Permission) -> Result<(), IssueError> {
        match self.narrowing.and_then(|less| less.types.as_ref()) {
            Some(less) if permission.types.is_empty() => Err(IssueError::NoTypeLeft {
                app: less.join(", "),
                by: self.by_policy(),
                allowed: self.policy.types.join(", "),
            }),
            _ => Ok(()),
        }
    }

    /// The permission that `order` gets.
    pub(super) fn permit(&self, app: &App, order: &Order) -> Result<Permission, IssueError> {
        let mut permission = self.permission(app);
        self.some_type_is_left(&permission)?;
        let most = self.max_size();
        if let Some(asked) = order.max_size {
            if !(1..=most).contains(&asked) {
                let by = self.by_lower(Some(self.policy.max_size), |less| less.max_size);
                return Err(IssueError::MaxSize { asked, most, by });
            }
            permission.max_size = Some(asked);
        }
        if let Some(asked) = order.max_duration {
            let most = permission.max_duration.unwrap_or(u32::MAX);
            if !(1..=most).contains(&asked) {
                let by = self.by_lower(self.policy.max_duration, |less| less.max_duration);
                return Err(IssueError::MaxDuration { asked, most, by });
            }
            permission.max_duration = Some(asked);
        }
        if !order.types.is_empty() {
            let asked: Vec<String> = order.types.iter().map(|word| plain(word)).collect();
            let more =
                asked.iter().find(|word| !permission.types.is_empty() && !permission.types.contains(word));
            if let Some(more) = more {
                let (asked, allowed) = (more.clone(), permission.types.join(", "));
                let own = Some(self.policy.types.as_slice()).filter(|own| !own.is_empty());
                let by = self.by_list(own, &asked);
                return Err(IssueError::TypeNotAllowed { asked, by, allowed });
            }
            permission.types = asked;
        }
        Ok(permission)
    }

    /// Seconds that the signature is good.
    pub(super) fn validity(&self, order: &Order, form: Form) -> Result<u64, IssueError> {
        let longest = self.policy.max_validity.as_secs();
        let most = self.narrowed(Some(longest), |less| less.max_validity).unwrap_or(longest);
        let usual = match form {
            Form::Own => self.policy.validity,
            Form::Sample => super::sample::VALIDITY,
        };
        let asked = order.validity.map_or_else(|| usual.as_secs().min(most), |validity| validity.as_secs());
        if !(1..=most).contains(&asked) {
            let by = self.by_lower(Some(longest), |less| less.max_validity);
            return Err(IssueError::Validity { asked, most, by });
        }
        Ok(asked)
    }

    /// Whether the signature opens one upload only.
    pub(super) fn one_time(&self, order: &Order, form: Form) -> Result<bool, IssueError> {
        let always = self.policy.one_time || self.narrowing.is_some_and(|less| less.one_time == Some(true));
        match (order.one_time, always) {
            (Some(false), true) => Err(IssueError::OneTimeOnly {
                by: if self.policy.one_time { self.by_policy() } else { LimitedBy::App },
            }),
            (Some(asked), _) => Ok(asked),
            (None, always) => Ok(always || form == Form::Own),
        }
    }

    /// The procedure to sign: aliases stay as they are, so that an application can move them without new signatures.
    pub(super) fn procedure(&self, app: &App, order: &Order, form: Form) -> Result<String, IssueError> {
        let allows = |name: &str| {
            let names =
                [self.policy.procedures.as_ref(), self.narrowing.and_then(|less| less.procedures.as_ref())];
            names.into_iter().flatten().all(|names| names.iter().any(|one| one == name))
        };
        let name = match (&order.procedure, form) {
            (Some(asked), _) => asked.clone(),
            (None, Form::Sample) if allows("") => String::new(),
            (None, _) if allows(&self.policy.procedure) => self.policy.procedure.clone(),
            // The app has narrowed the usual one away: its first that is allowed is the usual one then.
            (None, _) => {
                let names = self.narrowing.and_then(|less| less.procedures.as_ref()).into_iter().flatten();
                names.into_iter().find(|name| allows(name)).unwrap_or(&self.policy.procedure).clone()
            }
        };
        let known = |name: &str| match app.config.mode {
            Mode::Local => name.is_empty() || app.config.procedures.resolve(name).is_some(),
            Mode::Tencent(_) => true,
        };
        if !known(&name) {
            let known: Vec<_> = app.config.procedures.iter().map(|one| one.name.as_str()).collect();
            return Err(IssueError::UnknownProcedure { name, known: known.join(", ") });
        }
        if !allows(&name) {
            let own = self.policy.procedures.as_deref();
            let names = own.or(self.narrowing.and_then(|less| less.procedures.as_deref()));
            let names = names.into_iter().flatten().filter(|name| allows(name));
            let allowed = names.map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            let by = self.by_list(own, &name);
            return Err(IssueError::ProcedureNotAllowed { name, by, allowed });
        }
        Ok(name)
    }

    /// The media category.
    pub(super) fn class_id(&self, order: &Order) -> Result<i64, IssueError> {
        let allowed = self.policy.class_ids.as_deref();
        match order.class_id {
            None => Ok(allowed.and_then(|ids| ids.first().copied()).unwrap_or(0)),
            Some(asked) if asked < 0 => Err(IssueError::ClassId(asked)),
            Some(asked) if allowed.is_some_and(|ids| !ids.contains(&asked)) => {
                let ids: Vec<_> = allowed.unwrap_or_default().iter().map(i64::to_string).collect();
                Err(IssueError::ClassNotAllowed { asked, by: self.by_policy(), allowed: ids.join(", ") })
            }
            Some(asked) => Ok(asked),
        }
    }

    /// The storage region to sign; `None`: the server's or account's own.
    pub(super) fn storage_region(&self, order: &Order) -> Result<Option<String>, IssueError> {
        let (own, asked) = (&self.policy.storage_region, &order.storage_region);
        match (own, asked) {
            (Some(own), Some(asked)) if own != asked => Err(IssueError::RegionNotAllowed {
                asked: asked.clone(),
                allowed: own.clone(),
                by: self.by_policy(),
            }),
            (own, asked) => Ok(asked.as_ref().or(own.as_ref()).cloned()),
        }
    }
}

/// An extension as it is compared: lower case, without a dot.
fn plain(word: &str) -> String {
    word.trim_start_matches('.').to_ascii_lowercase()
}
