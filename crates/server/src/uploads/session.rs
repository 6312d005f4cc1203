//! Finding the session behind what a client shows.

use reelgate_model::{Scope, SessionState};
use reelgate_store::Session;

use super::grant::session_of_key;
use super::{Permit, Refusal};
use crate::app::App;

/// The session of a `vodSessionKey`, in any state, if it is of the permit's application and user. Unknown keys and
/// other people's get the same words.
pub async fn of_key(app: &App, permit: &Permit, key: &str) -> Result<Session, Refusal> {
    let gone =
        || Refusal::SessionGone("vodSessionKey is unknown or not yours; start a new upload".to_owned());
    let id = session_of_key(&app.vault, key).ok_or_else(gone)?;
    let (session, revoked) = app.store.read().await?.session_and_revocation(id).await?.ok_or_else(gone)?;
    if session.app != permit.scope.app() || session.request.user != permit.user() {
        return Err(gone());
    }
    // As when it has expired: official clients forget a session on this code, and a fresh signature opens another.
    if revoked && session.state != SessionState::Committed {
        let sentence =
            "the permission of this upload was revoked; fetch a new signature and start a new upload";
        return Err(Refusal::SessionGone(sentence.to_owned()));
    }
    Ok(session)
}

/// `session` if bytes may still arrive for it.
pub fn must_be_open(app: &App, session: Session) -> Result<Session, Refusal> {
    match session.state {
        SessionState::Open if app.clock.now() < session.request.expires_at => Ok(session),
        SessionState::Open | SessionState::Expired => {
            Err(Refusal::SessionGone("the upload session has expired; start a new upload".to_owned()))
        }
        SessionState::Committed => {
            Err(Refusal::SessionGone("the upload is finished; start a new one for another file".to_owned()))
        }
    }
}

/// What the holder of a session may touch.
pub fn scope_of(session: &Session) -> Scope {
    Scope::new(session.app, reelgate_model::Principal::Session(session.id.clone()))
}
