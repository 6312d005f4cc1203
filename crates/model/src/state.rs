//! States as enums. Each has one word, the one that rows hold; unknown words are an error, never a default.

use std::str::FromStr;

/// A row holds a word that this version does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown {kind} {word:?}")]
pub struct StateError {
    /// The word as found.
    pub word: String,
    /// What it should have been.
    pub kind: &'static str,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $kind:literal, { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// The word that rows hold.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = StateError;

            fn from_str(word: &str) -> Result<Self, StateError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(StateError { word: word.to_owned(), kind: $kind }),
                }
            }
        }
    };
}

words!(
    /// An upload session, from Apply to Commit.
    SessionState, "upload session state", {
        /// Bytes may arrive.
        Open = "open",
        /// The media exists; no credential of the session can write any more.
        Committed = "committed",
        /// Nobody committed in time; its bytes are marked abandoned.
        Expired = "expired",
    }
);

words!(
    /// One multipart upload on the object leg.
    MultipartState, "multipart state", {
        /// Parts may arrive.
        Open = "open",
        /// Complete was asked for and is being carried out; no new part is taken.
        Completing = "completing",
        /// The object exists.
        Completed = "completed",
        /// Given up by the client or with its session.
        Aborted = "aborted",
    }
);

words!(
    /// Whether a media can be used.
    MediaStatus, "media status", {
        /// Usable.
        Normal = "normal",
        /// Deleted; the row stays as a tombstone.
        Deleted = "deleted",
    }
);

words!(
    /// One run of a procedure.
    TaskState, "task state", {
        /// No step has begun.
        Waiting = "waiting",
        /// At least one step has begun.
        Processing = "processing",
        /// Every sub-task is terminal.
        Finish = "finish",
        /// Cancelled as a whole.
        Aborted = "aborted",
    }
);

words!(
    /// One result a task is to produce (a ladder, a cover, a verdict).
    SubtaskState, "sub-task state", {
        /// Its step has not begun.
        Waiting = "waiting",
        /// Its step is running.
        Processing = "processing",
        /// Output is there.
        Success = "success",
        /// It will not come; the reason code says why.
        Fail = "fail",
    }
);

words!(
    /// One job in the queue.
    JobState, "job state", {
        /// Waiting for its time and a worker.
        Ready = "ready",
        /// Leased by a worker.
        Running = "running",
        /// Done.
        Done = "done",
        /// Given up after its last attempt, or failed for good.
        Failed = "failed",
    }
);

words!(
    /// One event to one endpoint.
    DeliveryState, "delivery state", {
        /// To be sent, or to be sent again.
        Pending = "pending",
        /// The endpoint answered 2xx.
        Delivered = "delivered",
        /// Given up; kept as a dead letter.
        Dead = "dead",
    }
);

words!(
    /// What a revocation names.
    RevocationKind, "revocation kind", {
        /// One permission, by its id.
        Permission = "permission",
        /// Every permission of a user that was issued up to then.
        User = "user",
        /// Every permission that was issued with a key up to then.
        Key = "key",
    }
);

words!(
    /// When ProcedureStateChanged is sent (wire reference 1.2, `taskNotifyMode`).
    NotifyMode, "task notify mode", {
        /// Once, at the end.
        Finish = "Finish",
        /// Whenever a sub-task changes state.
        Change = "Change",
        /// Never.
        None = "None",
    }
);

words!(
    /// What a review says.
    Suggestion, "review suggestion", {
        /// Nothing found.
        Pass = "pass",
        /// A person should look.
        Review = "review",
        /// Certain enough to block.
        Block = "block",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_errors_and_known_ones_round_trip() {
        assert_eq!("open".parse(), Ok(SessionState::Open));
        assert_eq!(NotifyMode::Change.as_str().parse(), Ok(NotifyMode::Change));
        let error = "Open".parse::<SessionState>().unwrap_err();
        assert_eq!(error.to_string(), "unknown upload session state \"Open\"");
    }
}
