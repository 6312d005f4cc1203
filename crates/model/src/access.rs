//! Who asks, and what they may touch.

use std::fmt;
use std::str::FromStr;

use crate::AppId;

/// Proof that somebody was checked and may work on one application's rows. Every store call on application
/// data demands one; extractors and the system's own work make them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    app: AppId,
    principal: Principal,
}

impl Scope {
    /// `principal` acts on `app`. Call this only where the caller has just been checked.
    pub fn new(app: AppId, principal: Principal) -> Self {
        Self { app, principal }
    }

    /// The system's own work (jobs, sweeps, deliveries) on `app`.
    pub fn system(app: AppId) -> Self {
        Self { app, principal: Principal::System }
    }

    /// The application whose rows may be touched.
    pub fn app(&self) -> AppId {
        self.app
    }

    /// Who acts; named in every audit row.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A backend with an API key (its public id, never the secret).
    ApiKey(String),
    /// Somebody who signed with this SecretId.
    SecretId(String),
    /// The holder of temporary credentials of this upload session.
    Session(String),
    /// Somebody whom an entry of `dispatch.callers` believed: its name and the user's.
    Caller(String, String),
    /// A person signed in to the console with this API key's id.
    Console(String),
    /// Reelgate itself.
    System,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(id) => write!(f, "api-key:{id}"),
            Self::SecretId(id) => write!(f, "secret-id:{id}"),
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Caller(entry, user) => write!(f, "caller:{entry}:{user}"),
            Self::Console(id) => write!(f, "console:{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// What an API key may do. `Admin` includes all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiScope {
    /// Hand out upload signatures.
    Sign,
    /// Read media, tasks, events and timelines.
    Read,
    /// Change media and endpoints.
    Manage,
    /// Decide verdicts.
    Review,
    /// Manage applications and keys; everything else too.
    Admin,
}

impl ApiScope {
    /// All scopes, in the order in which they are listed to people.
    pub const ALL: [Self; 5] = [Self::Sign, Self::Read, Self::Manage, Self::Review, Self::Admin];

    /// The word used in configuration, rows and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for ApiScope {
    type Err = crate::StateError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == word)
            .ok_or_else(|| crate::StateError { word: word.to_owned(), kind: "API key scope" })
    }
}
