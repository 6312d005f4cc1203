//! `PullEvents`.

use reelgate_wire::cloudapi::{PulledEvents, read_pull_events};
use serde_json::Value;

use super::actions::{Call, content};
use super::failed::Failed;
use crate::events::pull;

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    read_pull_events(fields)?;
    let pulled = pull::pull(&app, &scope).await?;
    content(&PulledEvents {
        event_set: pulled.iter().map(|(handle, event)| pull::content(handle, event)).collect(),
    })
}
