//! `GET /`: the objects of a bucket, by key, grouped up to a delimiter; first and second version.
//!
//! The holder of temporary credentials sees what lies behind the keys of its session.

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use reelgate_store::{Keys, Object};
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::cos::xml::{ListBucketResult, ListedObject, Paging};

use super::error::CosError;
use super::list_uploads::iso8601;
use super::{Call, xml};
use crate::uploads::access::Holder;

/// Most keys and groups in one answer.
const MOST: u32 = 1_000;
/// The last of all characters, which no key holds.
const LAST: char = '\u{10ffff}';
/// Rows read in one go.
const PAGE: u32 = 1_001;

pub(super) async fn list(call: &Call) -> Result<Response, CosError> {
    let text = |name: &str| call.query.get(name).unwrap_or_default().to_owned();
    let second = call.query.get("list-type") == Some("2");
    let token = call.query.get("continuation-token").filter(|_| second);
    let after = match token {
        Some(token) => key_of(token)?,
        None if second => text("start-after"),
        None => text("marker"),
    };
    let (prefix, delimiter) = (text("prefix"), text("delimiter"));
    let most = call.query.number("max-keys", MOST, MOST)?;
    let page = gather(call, &prefix, &delimiter, &after, most).await?;
    let paging = if second {
        let next = page.next.as_deref().map(|key| BASE64.encode(key));
        Paging::Token { start_after: text("start-after"), token: token.map(str::to_owned), next }
    } else {
        Paging::Marker { marker: after, next: page.next }
    };
    let answer = ListBucketResult {
        bucket: call.address.bucket.clone(),
        url_encoded: call.query.get("encoding-type") == Some("url"),
        prefix,
        delimiter,
        max_keys: most,
        paging,
        objects: page.objects,
        common_prefixes: page.groups,
    };
    Ok(xml(answer.to_xml()))
}

/// A continuation token is the key to go on after, in a form that nobody writes by hand.
fn key_of(token: &str) -> Result<String, CosError> {
    let decoded = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| {
        CosError::new(ErrorCode::InvalidArgument, "continuation-token is not one that was handed out here")
    })
}

#[derive(Default)]
struct Page {
    objects: Vec<ListedObject>,
    groups: Vec<String>,
    /// The key to go on after, if there is more.
    next: Option<String>,
}

async fn gather(
    call: &Call,
    prefix: &str,
    delimiter: &str,
    after: &str,
    most: u32,
) -> Result<Page, CosError> {
    let mut page = Page::default();
    // A marker that is a group means: behind all of the group.
    let mut after = match group(after, prefix, delimiter) {
        Some(whole) if whole == after => behind(after),
        _ => after.to_owned(),
    };
    if most == 0 {
        return Ok(page);
    }
    loop {
        let rows = read(call, prefix, &after).await?;
        let full = rows.len() == PAGE as usize;
        let mut skipped = false;
        for row in rows {
            if row.key <= after {
                // It belongs to a group that is listed already.
                continue;
            }
            if page.objects.len() + page.groups.len() == most as usize {
                page.next = Some(after.trim_end_matches(LAST).to_owned());
                return Ok(page);
            }
            match group(&row.key, prefix, delimiter) {
                None => {
                    after.clone_from(&row.key);
                    page.objects.push(listed(row));
                }
                Some(group) => {
                    after = behind(&group);
                    page.groups.push(group);
                    skipped = true;
                }
            }
        }
        if !full && !skipped {
            return Ok(page);
        }
    }
}

/// A text behind everything that begins with `group`.
fn behind(group: &str) -> String {
    format!("{group}{LAST}")
}

/// What `key` is listed as instead of itself, if the delimiter follows behind the prefix.
fn group(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    if delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(prefix)?;
    let at = rest.find(delimiter)?;
    Some(format!("{prefix}{}", &rest[..at + delimiter.len()]))
}

async fn read(call: &Call, prefix: &str, after: &str) -> Result<Vec<Object>, CosError> {
    let mut read = call.app.store.read().await?;
    match &call.holder {
        Holder::Application(scope) => Ok(read.objects(scope, Keys { prefix, after }, PAGE).await?),
        Holder::Session(writer) => {
            let mut own = read.session_objects(&writer.scope, &writer.session.id).await?;
            own.retain(|one| one.key.starts_with(prefix) && one.key.as_str() > after);
            own.sort_by(|one, other| one.key.cmp(&other.key));
            Ok(own)
        }
    }
}

fn listed(object: Object) -> ListedObject {
    let last_modified = iso8601(object.completed_at);
    ListedObject { key: object.key, last_modified, etag: object.etag, size: object.size }
}
