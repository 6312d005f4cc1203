//! `DeleteMedia`.

use reelgate_wire::cloudapi::{Code, DeleteMedia, Refusal};
use serde_json::Value;

use super::actions::Call;
use super::failed::Failed;
use crate::library::delete::{self, DeleteError, Part};

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    let DeleteMedia { file_id, parts } = DeleteMedia::read(fields)?;
    let file = file_id.parse().map_err(|_| {
        Refusal::new(Code::InvalidFileId, format!("FileId {file_id:.64?} is not a decimal number"))
    })?;
    let parts = parts.into_iter().map(|part| Part { kind: part.kind, definition: part.definition });
    match delete::delete(&app, &scope, file, parts.collect()).await {
        Ok(()) => Ok(Value::Null),
        Err(DeleteError::Internal(cause)) => Err(Failed::Internal(cause)),
        Err(error @ DeleteError::NoSuchMedia(..)) => {
            Err(Refusal::new(Code::FileNotExist, error.to_string()).into())
        }
        Err(error @ DeleteError::NoSuchPart(..)) => {
            Err(Refusal::new(Code::InvalidParameterValue, error.to_string()).into())
        }
    }
}
