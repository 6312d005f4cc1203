//! `ConfirmEvents`.

use reelgate_wire::cloudapi::{Code, Refusal, read_confirm_events};
use serde_json::Value;

use super::actions::Call;
use super::failed::Failed;
use crate::events::pull::{self, ConfirmError};

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    let handles = read_confirm_events(fields)?;
    match pull::confirm(&app, &scope, &handles).await {
        Ok(()) => Ok(Value::Null),
        Err(ConfirmError::Internal(cause)) => Err(Failed::Internal(cause)),
        Err(error @ (ConfirmError::Stale | ConfirmError::Unknown(_))) => {
            Err(Refusal::new(Code::InvalidParameterValue, error.to_string()).into())
        }
    }
}
