//! Into the log: the one way in which facts are recorded.

use reelgate_model::{FileId, Scope};
use reelgate_store::{NewEvent, Readers, Recorded, StoreError, Tx};

use super::Fact;

/// Records `fact` in the caller's unit of work, so that it is written together with the change it speaks of, and
/// wakes the readers of the log once that is committed.
///
/// `file` gives the event its number among the events of that file.
pub async fn append(
    tx: &mut Tx,
    scope: &Scope,
    file: Option<FileId>,
    fact: &Fact,
) -> Result<Recorded, StoreError> {
    append_for(tx, scope, file, fact, Readers::All).await
}

/// Records `fact` for some readers only, or as a test.
pub async fn append_for(
    tx: &mut Tx,
    scope: &Scope,
    file: Option<FileId>,
    fact: &Fact,
    readers: Readers,
) -> Result<Recorded, StoreError> {
    let event = NewEvent {
        file,
        kind: fact.event_type().to_owned(),
        fact: serde_json::to_string(fact).expect("facts are plain structures whose maps have text keys"),
        raw: None,
        readers,
    };
    tx.append_event(scope, &event).await
}
