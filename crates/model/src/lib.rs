//! Domain words of Reelgate: ids, clock, scope, states and facts.
//!
//! Nothing here knows SQL, HTTP, serde or any vendor format. Every other crate may depend on this one; this
//! one depends on nothing of ours.

mod access;
mod id;
mod state;
mod time;

pub use access::{ApiScope, Principal, Scope};
pub use id::{AppId, FileId, FileIds, ParseIdError};
pub use state::{
    DeliveryState, JobState, MediaStatus, MultipartState, NotifyMode, RevocationKind, SessionState,
    StateError, SubtaskState, Suggestion, TaskState,
};
pub use time::{Clock, Time};
