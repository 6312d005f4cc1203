//! Why a token is refused, in words for the caller. Nothing of the token itself is repeated.

use super::path::ClaimPath;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// Not a token that could be checked.
    #[error("the token cannot be used: {problem}; send it as {name} issued it, or get a new one")]
    Malformed {
        /// The entry that was asked.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Made by somebody else, or changed on the way.
    #[error("the signature of the token does not fit {name}: {problem}; get a new token there")]
    Signature {
        /// The entry that was asked.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Too late.
    #[error("the token of {name} expired {seconds} s ago; get a new one")]
    Expired {
        /// The entry that was asked.
        name: String,
        /// Whole seconds since its `exp`.
        seconds: u64,
    },
    /// Too early.
    #[error(
        "the token of {name} becomes valid in {seconds} s; wait, or compare the clocks of the issuer and this server"
    )]
    NotYetValid {
        /// The entry that was asked.
        name: String,
        /// Seconds until its `nbf`, rounded up.
        seconds: u64,
    },
    /// From an issuer that is not the configured one.
    #[error(
        "the token does not come from the issuer of {name}: its claim iss must be {expected}; \
         get a token there"
    )]
    Issuer {
        /// The entry that was asked.
        name: String,
        /// What `iss` must be.
        expected: String,
    },
    /// For another service.
    #[error(
        "the token is meant for another service: its claim aud must hold {expected}; \
         request a token of {name} for that audience"
    )]
    Audience {
        /// The entry that was asked.
        name: String,
        /// What `aud` may hold, joined with "or".
        expected: String,
    },
    /// Names no user.
    #[error(
        "the token names no user: its claim {claim} must be a non-empty string without control characters or a \
         whole number; let the issuer add it, or name another claim in the settings of {name}"
    )]
    UserClaim {
        /// The entry that was asked.
        name: String,
        /// Where the user was looked for.
        claim: ClaimPath,
    },
    /// Signed with a key that the issuer does not publish.
    #[error(
        "the token is signed with a key that {name} does not publish; \
         get a new token, or try again in a minute if the key is new"
    )]
    KeyUnknown {
        /// The entry that was asked.
        name: String,
    },
    /// The issuer's keys were never had so far.
    #[error(
        "the keys of {name} cannot be fetched at the moment; try again in a minute, the server's log says why"
    )]
    KeysUnavailable {
        /// The entry that was asked.
        name: String,
    },
}

impl JwtRefusal {
    /// The reason in one word that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "jwt_malformed",
            Self::Signature { .. } => "jwt_signature",
            Self::Expired { .. } => "jwt_expired",
            Self::NotYetValid { .. } => "jwt_not_yet_valid",
            Self::Issuer { .. } => "jwt_issuer",
            Self::Audience { .. } => "jwt_audience",
            Self::UserClaim { .. } => "jwt_user_claim",
            Self::KeyUnknown { .. } => "jwt_key_unknown",
            Self::KeysUnavailable { .. } => "jwt_keys_unavailable",
        }
    }

    /// Whether the same token may pass later without anybody getting a new one: the server answers 503 then.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::KeysUnavailable { .. })
    }
}
