//! Into the log: the one way in which facts are recorded.

use reelgate_model::{FileId, Scope};
use reelgate_store::{NewEvent, Recorded, StoreError, Tx};

use super::Fact;

/// Records `fact` in the caller's unit of work, so that it is written together with the change it speaks of, and
/// wakes the readers of the log once that is committed.
///
/// `file` gives the event its number among the events of that file; a file without a media row yet (an upload
/// that expired) has no numbers.
pub async fn append(
    tx: &mut Tx,
    scope: &Scope,
    file: Option<FileId>,
    fact: &Fact,
) -> Result<Recorded, StoreError> {
    let event = NewEvent {
        file,
        kind: fact.event_type().to_owned(),
        fact: serde_json::to_string(fact).expect("facts are plain structures whose maps have text keys"),
        raw: None,
    };
    tx.append_event(scope, &event).await
}
