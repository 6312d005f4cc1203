//! `ModifyEventConfig`.

use reelgate_wire::cloudapi::{Code, ModifyEventConfig, Refusal};
use serde_json::Value;

use super::actions::Call;
use super::failed::Failed;
use crate::events::endpoint::EndpointError;
use crate::events::vendor_config;

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, remote } = call;
    let change = ModifyEventConfig::read(fields)?;
    match vendor_config::modify(&app, &scope, change, remote).await {
        Ok(()) => Ok(Value::Null),
        Err(EndpointError::Internal(cause)) => Err(Failed::Internal(cause)),
        Err(EndpointError::Target(error)) => {
            let sentence = format!("NotificationUrl: {error}");
            Err(Refusal::new(Code::InvalidParameterValue, sentence).into())
        }
        Err(error) => Err(Refusal::new(Code::FailedOperation, error.to_string()).into()),
    }
}
