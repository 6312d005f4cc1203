//! Why no signature was made.

use std::fmt;
use std::time::Duration;

use reelgate_callers::{ForwardRefusal, JwtRefusal};
use reelgate_model::AppId;
use reelgate_store::StoreError;
use reelgate_wire::permission::PermissionError;
use reelgate_wire::upload_signature::{self, MAX_VALIDITY};

use crate::directory::DirectoryError;

/// Whose limit it is that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitedBy {
    /// The server's own.
    Server,
    /// The app's, which was asked.
    App,
    /// That of a policy, by its name.
    Policy(String),
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("this server"),
            Self::App => f.write_str("the app that was asked"),
            Self::Policy(name) => write!(f, "policy {name:?}"),
        }
    }
}

/// Why no signature was made. `Display` is the sentence for the caller; it names the limit.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Nothing that an entry of `dispatch.callers` recognises, or an API key that is not good.
    #[error("{0}")]
    Unauthenticated(String),
    /// An API key that may do other things.
    #[error("API key {id} ({name}) lacks the scope `sign`; use another key or create one with it")]
    LacksScope {
        /// The key's public id.
        id: String,
        /// What people call it.
        name: String,
    },
    /// A token that is not good.
    #[error(transparent)]
    Jwt(#[from] JwtRefusal),
    /// The app said no, or said nothing that can be used.
    #[error(transparent)]
    Forward(#[from] ForwardRefusal),
    /// The credential names its user, and the request another one.
    #[error("the credential is that of another user than the one asked for; leave `user` out")]
    OtherUser,
    /// Tags are the word of a backend.
    #[error(
        "`tags` are taken from the credential, not from the request; leave them out, or ask with an API key"
    )]
    TagsNotYours,
    /// The application has been revoked.
    #[error("application {0} does not exist or is revoked; `reelgate app list` shows them")]
    NoApp(AppId),
    /// Too many signatures for one user, or one anonymous address.
    #[error("{whose} has used up its signatures: {per_minute} a minute come back; try again in {} s", wait.as_secs() + 1)]
    TooMany {
        /// `user …` or `address …`.
        whose: String,
        /// How fast the bucket fills.
        per_minute: u32,
        /// Until there is one again.
        wait: Duration,
    },
    /// Neither built in nor configured.
    #[error("procedure {name:?} is not known; known are {known}")]
    UnknownProcedure {
        /// As asked for, or as `dispatch.procedure` says.
        name: String,
        /// All names, for the sentence.
        known: String,
    },
    /// Known, but not for this caller.
    #[error("procedure {name:?} is not among those that {by} allows: {allowed}")]
    ProcedureNotAllowed {
        /// As asked for.
        name: String,
        /// Whose limit.
        by: LimitedBy,
        /// All names, for the sentence.
        allowed: String,
    },
    /// Longer than allowed, or nothing.
    #[error(
        "valid_seconds {asked} is outside the 1 to {most} that {by} allows; no signature is good for more than \
         {MAX_VALIDITY} (90 days)"
    )]
    Validity {
        /// Seconds asked for.
        asked: u64,
        /// Seconds allowed.
        most: u64,
        /// Whose limit.
        by: LimitedBy,
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
    /// A limit above the allowed one would be a promise that the upload doors break.
    #[error("max_size {asked} is outside 1 to {most}, the largest file that {by} allows")]
    MaxSize {
        /// Bytes asked for.
        asked: u64,
        /// Bytes allowed.
        most: u64,
        /// Whose limit.
        by: LimitedBy,
    },
    /// The same for the length of a video.
    #[error("max_duration {asked} is outside 1 to {most} s, the longest video that {by} allows")]
    MaxDuration {
        /// Seconds asked for.
        asked: u32,
        /// Seconds allowed.
        most: u32,
        /// Whose limit.
        by: LimitedBy,
    },
    /// A type that may not be uploaded.
    #[error("type {asked:?} is not among those that {by} allows: {allowed}")]
    TypeNotAllowed {
        /// As asked for.
        asked: String,
        /// Whose limit.
        by: LimitedBy,
        /// All types, for the sentence.
        allowed: String,
    },
    /// The app and the policy have no type in common.
    #[error("no type is left to upload: the app that was asked allows [{app}], and {by} allows [{allowed}]")]
    NoTypeLeft {
        /// The app's types.
        app: String,
        /// Whose limit they were to narrow.
        by: LimitedBy,
        /// Its types; empty: any.
        allowed: String,
    },
    /// Categories count from 0.
    #[error("class_id {0} is negative; 0 means no category")]
    ClassId(i64),
    /// A category that is not for this caller.
    #[error("class_id {asked} is not among those that {by} allows: {allowed}")]
    ClassNotAllowed {
        /// As asked for.
        asked: i64,
        /// Whose limit.
        by: LimitedBy,
        /// All ids, for the sentence.
        allowed: String,
    },
    /// No region at all.
    #[error("storage_region {0:?} is not a region name such as ap-guangzhou")]
    Region(String),
    /// A region that is not for this caller.
    #[error("storage_region {asked:?} is not {allowed:?}, the only one that {by} allows")]
    RegionNotAllowed {
        /// As asked for.
        asked: String,
        /// The allowed one.
        allowed: String,
        /// Whose limit.
        by: LimitedBy,
    },
    /// A reusable signature where only one-time ones are given.
    #[error("one_time false is more than {by} allows: every signature opens one upload only; leave it out")]
    OneTimeOnly {
        /// Whose limit.
        by: LimitedBy,
    },
    /// The user or the types do not fit.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// A value that the upload doors would refuse.
    #[error(transparent)]
    Unsignable(#[from] upload_signature::Refusal),
    /// Nothing to sign with.
    #[error(
        "application {0} has no enabled SecretId to sign with; create one with `reelgate key create NAME --secret`, in mode tencent with `--import SECRET_ID`"
    )]
    NoSecretKey(AppId),
    /// The database does not answer.
    #[error(transparent)]
    Unavailable(#[from] DirectoryError),
    /// Not the caller's fault.
    #[error("the signature could not be made")]
    Internal(#[source] anyhow::Error),
}

impl IssueError {
    /// The reason in one word that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "unauthenticated",
            Self::LacksScope { .. } => "forbidden",
            Self::Jwt(refusal) => refusal.code(),
            Self::Forward(refusal) => refusal.code(),
            Self::OtherUser => "user_not_yours",
            Self::TagsNotYours => "tags_not_yours",
            Self::NoApp(_) => "app_unknown",
            Self::TooMany { .. } => "rate_limited",
            Self::UnknownProcedure { .. } => "procedure_unknown",
            Self::ProcedureNotAllowed { .. } => "procedure_not_allowed",
            Self::Validity { .. } => "validity_out_of_range",
            Self::ContextTooLong { .. } => "context_too_long",
            Self::MaxSize { .. } => "max_size_out_of_range",
            Self::MaxDuration { .. } => "max_duration_out_of_range",
            Self::TypeNotAllowed { .. } | Self::NoTypeLeft { .. } => "type_not_allowed",
            Self::ClassId(_) => "class_id_out_of_range",
            Self::ClassNotAllowed { .. } => "class_id_not_allowed",
            Self::Region(_) => "storage_region_out_of_range",
            Self::RegionNotAllowed { .. } => "storage_region_not_allowed",
            Self::OneTimeOnly { .. } => "one_time_only",
            Self::Permission(_) => "permission_out_of_range",
            Self::Unsignable(_) => "value_out_of_range",
            Self::NoSecretKey(_) => "conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for IssueError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}
