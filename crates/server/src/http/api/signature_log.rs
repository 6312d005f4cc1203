//! `GET /v1/signature-log`: what the signature service granted and refused.

#![expect(unused_qualifications, reason = "the code that utoipa writes for query parameters has them")]

use axum::Json;
use axum::extract::State;
use reelgate_model::Time;
use reelgate_store::{SignatureEntry, SignatureQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::Query;
use super::when::rfc3339;
use crate::app::App;
use crate::http::{Caller, Problem, Read};

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SignatureLogQuery {
    /// Of this user only.
    user: Option<String>,
    /// Not before this time, RFC 3339.
    since: Option<String>,
    /// Before this time, RFC 3339.
    until: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Entries wanted, 1 to 200. Default: 50.
    limit: Option<u32>,
}

/// One answer of the signature service.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignatureLogEntry {
    /// RFC 3339.
    at: String,
    /// `granted`, or the code of the refusal.
    code: String,
    /// The application's own user; `""` when unknown.
    user: String,
    /// Who asked, such as `api-key:…` or `caller:accounts:user-42`; `""` when nobody was recognised.
    caller: String,
    /// The client's address.
    remote: String,
    /// What was granted (permission, policy, limits), or the sentence of the refusal.
    detail: serde_json::Value,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignatureLogPage {
    /// Newest first.
    items: Vec<SignatureLogEntry>,
    /// To be given as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// Read the log of the signature service
///
/// Newest first. Entries appear within a second and are kept for `dispatch.log_days` (180).
#[utoipa::path(
    get, path = "/v1/signature-log", tag = "signatures", params(SignatureLogQuery),
    responses(
        (status = 200, body = SignatureLogPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem),
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Read>,
    Query(query): Query<SignatureLogQuery>,
) -> Result<Json<SignatureLogPage>, Problem> {
    let limit = super::limit(query.limit)?;
    // What is older is gone for readers at once; its bytes go with the segment they are in.
    let kept = app.clock.now() - app.config.dispatch.log_for;
    let since = query.since.as_deref().map(|text| time("since", text)).transpose()?;
    let wanted = SignatureQuery {
        user: query.user.as_deref(),
        since: Some(since.map_or(kept, |since| since.max(kept))),
        until: query.until.as_deref().map(|text| time("until", text)).transpose()?,
        before: query.after.as_deref().map(place).transpose()?,
    };
    let found = app.store.read().await?.signature_log(&caller.scope, &wanted, limit).await?;
    let last = found.last().filter(|_| found.len() == limit as usize);
    let next = last.map(|last| format!("{}.{}", last.at.0, last.id));
    Ok(Json(SignatureLogPage { items: found.into_iter().map(entry).collect(), next }))
}

fn entry(entry: SignatureEntry) -> SignatureLogEntry {
    let mut detail = entry.detail;
    if let Some(members) = detail.as_object_mut().filter(|_| !entry.permission.is_empty()) {
        members.insert("permission_id".to_owned(), entry.permission.into());
        members.insert("expires_at".to_owned(), rfc3339(Time::from_seconds(entry.expire_time)).into());
    }
    SignatureLogEntry {
        at: rfc3339(entry.at),
        code: entry.code,
        user: entry.user,
        caller: entry.caller,
        remote: entry.remote,
        detail,
    }
}

fn time(name: &str, text: &str) -> Result<Time, Problem> {
    let parsed = text.parse::<jiff::Timestamp>().map(|at| Time(at.as_millisecond()));
    parsed
        .map_err(|_| Problem::invalid(format!("{name} {text:?} is not a time such as 2030-01-31T12:00:00Z")))
}

/// Where a page begins: the last entry of the page before.
fn place(cursor: &str) -> Result<(Time, i64), Problem> {
    let parse = || {
        let (at, id) = cursor.split_once('.')?;
        Some((Time(at.parse().ok()?), id.parse().ok()?))
    };
    parse().ok_or_else(|| {
        Problem::invalid("after is not a `next` of this list; leave it out to begin at the newest")
    })
}
