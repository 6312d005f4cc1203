//! Whether there is room for more bytes: a storage that is nearly full refuses what comes, by name and before the first
//! byte, while what it has already taken can still be listed, completed, committed and processed.

use super::{BytesError, Refusal};
use crate::app::App;

/// Refuses `more` bytes that would leave less than `upload.min_free`.
pub(super) async fn for_bytes(app: &App, more: u64) -> Result<(), BytesError> {
    let free = app.objects().free_bytes().await.map_err(|error| BytesError::Internal(error.into()))?;
    match free.filter(|free| short(*free, more, app.config.upload.min_free)) {
        None => Ok(()),
        Some(free) => {
            tracing::warn!(free, more, min_free = app.config.upload.min_free, "no room for more bytes");
            Err(BytesError::NoRoom)
        }
    }
}

/// The same for a session that is about to be opened, where nothing has been sent yet.
pub(super) async fn for_session(app: &App, announced: Option<u64>) -> Result<(), Refusal> {
    match for_bytes(app, announced.unwrap_or(0)).await {
        Ok(()) => Ok(()),
        Err(BytesError::NoRoom) => Err(Refusal::Invalid(BytesError::NoRoom.to_string())),
        Err(other) => Err(Refusal::Internal(other.into())),
    }
}

fn short(free: u64, more: u64, min_free: u64) -> bool {
    free.saturating_sub(more) < min_free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_leave_too_little_does_not_fit() {
        assert!(!short(100, 0, 0) && !short(100, 200, 0), "switched off");
        assert!(!short(100, 40, 60) && short(100, 41, 60));
        assert!(short(50, 0, 60) && short(10, u64::MAX, 1));
    }
}
