//! What was told, and to whom.

use std::collections::HashMap;

use reelgate_model::{DeliveryState, FileId, Scope, Time};
use reelgate_store::{Attempt, Delivery, Event, PullState, Read, StoreError};
use serde_json::Value;

use super::{Entry, Kind, LIMIT};
use crate::events::Fact;
use crate::events::endpoint;
use crate::events::fact::DeletedPart;

pub(super) async fn events(
    entries: &mut Vec<Entry>,
    read: &mut Read,
    scope: &Scope,
    file: FileId,
) -> Result<(), StoreError> {
    let events = read.file_events(scope, file, 0, LIMIT).await?;
    entries.extend(events.iter().map(event));
    for pull in read.file_pulls(scope, file, LIMIT).await? {
        if let Some(event) = events.iter().find(|event| event.seq == pull.seq) {
            pulled(entries, event, &pull);
        }
    }
    Ok(())
}

/// What consumers of the vendor's queue did with an event.
fn pulled(entries: &mut Vec<Entry>, event: &Event, pull: &PullState) {
    let about = |at: Time, what: &str| {
        Entry::new(at, Kind::Pull, format!("{} {what}", event.kind))
            .with("event_id", event.id.as_str())
            .with("pulls", pull.pulls)
    };
    entries.extend(pull.pulled_at.map(|at| about(at, "pulled")));
    entries.extend(pull.confirmed_at.map(|at| about(at, "confirmed")));
}

fn event(event: &Event) -> Entry {
    let entry = Entry::new(event.recorded_at, Kind::Event, event.kind.as_str())
        .with("event_id", event.id.as_str())
        .with("seq", event.seq)
        .with("file_seq", event.file_seq);
    match serde_json::from_str(&event.fact) {
        Ok(Fact::NewFileUpload(upload)) => {
            entry.with("task_id", upload.procedure_task_id).with("probe_error", upload.probe_error)
        }
        Ok(Fact::ProcedureStateChanged(task)) => entry
            .with("task_id", task.task_id)
            .with("status", if task.finished { "FINISH" } else { "PROCESSING" }),
        Ok(Fact::FileDeleted { parts, .. }) if parts.is_empty() => entry,
        Ok(Fact::FileDeleted { parts, .. }) => {
            let part = |part: &DeletedPart| format!("{} {}", part.r#type, part.definition);
            entry.with("parts", parts.iter().map(part).collect::<Vec<_>>().join(", "))
        }
        Ok(Fact::Received(received)) => entry
            .with("task_id", received.task_id)
            .with("permission_id", received.permission_id)
            .with("user", received.user)
            .with("repaired", if received.repaired { Value::Bool(true) } else { Value::Null }),
        Ok(Fact::Reconciled { repaired, .. }) => entry.with("repaired", repaired.len()),
        Ok(Fact::EndpointDisabled { url, reason, .. }) => entry.with("endpoint", url).with("reason", reason),
        Ok(Fact::EventsDropped { endpoint_id, events }) => {
            entry.with("endpoint", endpoint_id).with("events", events)
        }
        Ok(Fact::UploadExpired { reason, .. }) => entry.with("reason", reason),
        Ok(Fact::PermissionExceeded { limit, allowed, found, .. }) => {
            entry.with("reason", format!("{limit}: {found} is more than the {allowed} allowed"))
        }
        Ok(Fact::DeliveryDead { event_id, reason, .. }) => {
            entry.with("dead_event_id", event_id).with("reason", reason)
        }
        Err(_) => entry.with("reason", "this version cannot read the recorded fact"),
    }
}

pub(super) async fn deliveries(
    entries: &mut Vec<Entry>,
    read: &mut Read,
    scope: &Scope,
    file: FileId,
) -> Result<(), StoreError> {
    let mut urls: HashMap<String, String> = HashMap::new();
    for (delivery, attempts) in read.file_deliveries(scope, file, None, LIMIT).await? {
        if !urls.contains_key(&delivery.endpoint) {
            let found = read.endpoint_by_id(&delivery.endpoint).await?;
            let url = found.map(|found| endpoint::shown(&found.settings.url).to_owned()).unwrap_or_default();
            urls.insert(delivery.endpoint.clone(), url);
        }
        let url = urls.get(&delivery.endpoint).map(String::as_str).unwrap_or_default();
        one(entries, &delivery, &attempts, url);
    }
    Ok(())
}

fn one(entries: &mut Vec<Entry>, delivery: &Delivery, attempts: &[Attempt], url: &str) {
    let about = |entry: Entry| {
        entry
            .with("event", delivery.event_kind.as_str())
            .with("event_id", delivery.event_id.as_str())
            .with("endpoint", url)
    };
    for (made, attempt) in attempts.iter().enumerate() {
        let came = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let title = format!("{} sent, attempt {}: {came}", delivery.event_kind, made + 1);
        entries.push(
            about(Entry::new(attempt.at, Kind::Delivery, title))
                .with("status", attempt.status)
                .with("error", attempt.error.as_str())
                .with("duration_ms", attempt.duration_ms)
                .with("answer", attempt.answer.as_str()),
        );
    }
    match (delivery.state, delivery.finished_at) {
        (DeliveryState::Dead, Some(at)) => {
            let title = format!("{} given up", delivery.event_kind);
            entries.push(
                about(Entry::new(at, Kind::Delivery, title))
                    .with("attempts", attempts.len())
                    .with("reason", delivery.reason.as_str()),
            );
        }
        (DeliveryState::Pending, _) if attempts.is_empty() => {
            let title = format!("{} waits to be sent", delivery.event_kind);
            entries.push(about(Entry::new(delivery.created_at, Kind::Delivery, title)));
        }
        (DeliveryState::Pending | DeliveryState::Delivered | DeliveryState::Dead, _) => {}
    }
}
