//! Who asks: the entries of `dispatch.callers`, in their order. The first that recognises the credential decides.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, header};
use reelgate_callers::{Answer, Forward, Identity, Jwt, Narrowing, SettingsError};
use reelgate_model::{ApiScope, AppId, Principal, Scope};
use reelgate_store::ApiKey;
use serde_json::Value;

use super::refusal::IssueError;
use crate::app::App;
use crate::bootstrap::API_KEY_PREFIX;
use crate::config::CallerSettings;

/// What a request shows of who sent it.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The client's address.
    pub client: IpAddr,
    /// The API key behind the console session that the request came with, if it came with one.
    pub signed_in: Option<Arc<ApiKey>>,
    /// Whether it came with a console session that has ended.
    pub console_ended: bool,
}

/// Somebody who was believed.
#[derive(Debug)]
pub struct Asker {
    /// Its application, and its name in every log.
    pub scope: Scope,
    who: Who,
}

#[derive(Debug)]
enum Who {
    ApiKey(Arc<ApiKey>),
    Jwt(String, Arc<Identity>),
    Forward(String, Arc<Answer>),
    /// The address, or the network of one.
    Anonymous(String),
}

/// All entries.
pub(super) struct Callers(Vec<Entry>);

enum Entry {
    ApiKey,
    Jwt(Box<Jwt>, Option<AppId>),
    Forward(Box<Forward>, Option<AppId>),
    Anonymous(Option<AppId>),
}

impl Callers {
    pub(super) fn new(settings: &[CallerSettings]) -> Result<Self, SettingsError> {
        let entries = settings.iter().cloned().map(|one| {
            Ok(match one {
                CallerSettings::ApiKey => Entry::ApiKey,
                CallerSettings::Jwt(settings, app) => Entry::Jwt(Box::new(Jwt::new(settings)?), app),
                CallerSettings::Forward(settings, app) => {
                    Entry::Forward(Box::new(Forward::new(settings)?), app)
                }
                CallerSettings::Anonymous(_, app) => Entry::Anonymous(app),
            })
        });
        entries.collect::<Result<_, _>>().map(Self)
    }

    /// Who asks. `wanted` is what an app is asked about.
    pub(super) async fn identify(
        &self,
        app: &App,
        ask: &Ask<'_>,
        wanted: impl Fn() -> Value,
    ) -> Result<Asker, IssueError> {
        if let Some(key) = &ask.signed_in {
            return may_sign(Arc::clone(key), Principal::Console(key.id.clone()));
        }
        let token = bearer(ask.headers);
        for entry in &self.0 {
            let (name, target, who) = match entry {
                Entry::ApiKey => match token {
                    Some(token) => match app.directory.api_key(app, token).await? {
                        Some(key) => {
                            let principal = Principal::ApiKey(key.id.clone());
                            return may_sign(key, principal);
                        }
                        None if token.starts_with(API_KEY_PREFIX) => return Err(unknown_key()),
                        None => continue,
                    },
                    None => continue,
                },
                Entry::Jwt(jwt, target) => match token.filter(|token| jwt.recognises(token)) {
                    Some(token) => {
                        let identity = jwt.verify(token, app.clock.now()).await?;
                        (jwt.name(), target, Who::Jwt(jwt.name().to_owned(), identity))
                    }
                    None => continue,
                },
                Entry::Forward(forward, target) => {
                    if !forward.recognises(ask.headers) {
                        continue;
                    }
                    let answer = forward.ask(ask.headers, ask.client, &wanted()).await?;
                    (forward.name(), target, Who::Forward(forward.name().to_owned(), answer))
                }
                Entry::Anonymous(target) if !ask.headers.contains_key(header::AUTHORIZATION) => {
                    ("anonymous", target, Who::Anonymous(network(ask.client)))
                }
                Entry::Anonymous(_) => continue,
            };
            let principal = Principal::Caller(name.to_owned(), who.user().unwrap_or_default().to_owned());
            return Ok(Asker { scope: Scope::new(target.unwrap_or(app.main_app()), principal), who });
        }
        Err(self.nobody(ask))
    }

    fn nobody(&self, ask: &Ask<'_>) -> IssueError {
        if ask.console_ended {
            return IssueError::Unauthenticated("the console session has ended; sign in again".to_owned());
        }
        let taken: Vec<String> = self.0.iter().map(Entry::describe).collect();
        let taken = taken.join(", or ");
        IssueError::Unauthenticated(match ask.headers.get(header::AUTHORIZATION) {
            Some(_) => {
                format!("the Authorization header is of no kind that this service knows; send {taken}")
            }
            None => format!("no credentials; send {taken}"),
        })
    }
}

impl Entry {
    fn describe(&self) -> String {
        match self {
            Self::ApiKey => "`Authorization: Bearer <API key>`".to_owned(),
            Self::Jwt(jwt, _) => format!("`Authorization: Bearer <token of {}>`", jwt.name()),
            Self::Forward(forward, _) => format!("the credentials of {}", forward.name()),
            Self::Anonymous(_) => "no Authorization header at all".to_owned(),
        }
    }
}

impl Who {
    fn user(&self) -> Option<&str> {
        match self {
            Self::ApiKey(_) => None,
            Self::Jwt(_, identity) => Some(&identity.user),
            Self::Forward(_, answer) => Some(answer.user.as_str()),
            Self::Anonymous(network) => Some(network),
        }
    }
}

impl Asker {
    /// The user that the credential names; `None`: the caller names it.
    pub fn user(&self) -> Option<&str> {
        self.who.user()
    }

    /// What permissions are revoked by when all of a key or of an entry are meant.
    pub fn key_id(&self) -> &str {
        match &self.who {
            Who::ApiKey(key) => &key.id,
            Who::Jwt(name, _) | Who::Forward(name, _) => name,
            Who::Anonymous(_) => "anonymous",
        }
    }

    /// Whether the caller is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        matches!(self.who, Who::Anonymous(_))
    }

    /// Whether the request may say what tags its user has.
    pub fn may_give_tags(&self) -> bool {
        matches!(self.who, Who::ApiKey(_))
    }

    /// What the app allows less of than the policy does.
    pub fn narrowing(&self) -> Option<&Narrowing> {
        match &self.who {
            Who::Forward(_, answer) => Some(&answer.limits),
            Who::ApiKey(_) | Who::Jwt(..) | Who::Anonymous(_) => None,
        }
    }

    /// Whether tag `name` has one of `values`. Besides the credential's own tags, `via` is the kind of the entry
    /// (`api_key`, `jwt`, `forward`, `anonymous`), and `caller` its name or the API key's.
    pub fn has_tag(&self, name: &str, values: &[String]) -> bool {
        let is = |word: &str| values.iter().any(|value| value == word);
        let (via, caller, tags) = match &self.who {
            Who::ApiKey(key) => ("api_key", key.name.as_str(), None),
            Who::Jwt(name, identity) => ("jwt", name.as_str(), Some(&identity.tags)),
            Who::Forward(name, answer) => ("forward", name.as_str(), Some(&answer.tags)),
            Who::Anonymous(_) => ("anonymous", "anonymous", None),
        };
        match name {
            "via" => is(via),
            "caller" => is(caller),
            _ => tags.and_then(|tags| tags.get(name)).is_some_and(|own| own.iter().any(|tag| is(tag))),
        }
    }
}

fn may_sign(key: Arc<ApiKey>, principal: Principal) -> Result<Asker, IssueError> {
    if !key.scopes.contains(&ApiScope::Sign) && !key.scopes.contains(&ApiScope::Admin) {
        return Err(IssueError::LacksScope { id: key.id.clone(), name: key.name.clone() });
    }
    Ok(Asker { scope: Scope::new(key.app, principal), who: Who::ApiKey(key) })
}

fn unknown_key() -> IssueError {
    IssueError::Unauthenticated(
        "the API key is not known or was revoked; check it or create a new one".to_owned(),
    )
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// IPv4 addresses one by one, IPv6 by the /64 that a household gets.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
