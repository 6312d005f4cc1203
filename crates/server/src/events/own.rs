//! Our own JSON of an event: what readers by cursor get, and what is inside a Standard Webhooks message.

use reelgate_store::{Cursor, Event};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::push::PushError;
use super::render;
use crate::http::api::rfc3339;

/// One event of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnEvent {
    /// Stable: a receiver drops repeats by it. UUID.
    pub id: String,
    /// The vendor's name, or ours with the prefix `reelgate.`.
    pub r#type: String,
    /// The application, decimal.
    pub app: String,
    /// Grows within the application. Decimal.
    pub seq: String,
    /// The file it is about, decimal.
    pub file_id: Option<String>,
    /// Its number among the events of that file, from 1 without gaps.
    pub file_seq: Option<i64>,
    /// RFC 3339.
    pub recorded_at: String,
    /// Whether it was made up to try things out.
    pub test: bool,
    /// To go on reading after this event.
    pub cursor: String,
    /// The vendor's 3.0 EventContent, or as received from the cloud; for our own types an object of their fields.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// Renders one event. `epoch` is that of the log it was read from.
pub fn render(event: &Event, epoch: &str) -> Result<OwnEvent, PushError> {
    let cursor = Cursor { epoch: epoch.to_owned(), txid: event.txid, seq: event.seq };
    Ok(OwnEvent {
        id: event.id.clone(),
        r#type: event.kind.clone(),
        app: event.app.to_string(),
        seq: event.seq.to_string(),
        file_id: event.file.map(|file| file.to_string()),
        file_seq: event.file_seq,
        recorded_at: rfc3339(event.recorded_at),
        test: event.test,
        cursor: cursor.to_string(),
        data: data(event)?,
    })
}

/// What the event tells, as JSON.
pub fn data(event: &Event) -> Result<Box<RawValue>, PushError> {
    // A record of a newer version goes out as it is kept: a reader must not be held up by it.
    let bytes = match render::vendor3_of(event) {
        Ok(Some(bytes)) => bytes,
        Ok(None) | Err(_) => own_fields(event)?.to_string().into_bytes(),
    };
    let text = String::from_utf8(bytes).map_err(|_| PushError::NotJson)?;
    RawValue::from_string(text).map_err(|_| PushError::NotJson)
}

/// The fields of one of our own facts, without the word that says which it is.
pub(super) fn own_fields(event: &Event) -> Result<Value, PushError> {
    let mut fact: Value = serde_json::from_str(&event.fact).map_err(|_| PushError::NotJson)?;
    match fact.as_object_mut() {
        Some(fields) => {
            fields.remove("fact");
            Ok(fact)
        }
        None => Ok(json!({})),
    }
}
