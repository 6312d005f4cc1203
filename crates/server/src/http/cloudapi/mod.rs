//! The cloud API: what the vendor's server SDKs call at `vod.tencentcloudapi.com` (wire reference 4).
//!
//! Every answer is HTTP 200 with `application/json` and a `RequestId`, refusals too: SDKs take any other status for a broken
//! network, and with any other type the Python SDK takes a refusal for a success. Who has no right to ask learns nothing of
//! what is there: the signature comes first.

mod actions;
mod authenticate;
mod confirm_events;
mod delete_media;
mod describe_event_config;
mod describe_media_infos;
mod describe_task_detail;
mod failed;
mod media_info;
mod modify_event_config;
mod pull_events;
mod search_media;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use reelgate_wire::cloudapi::{self as wire, Code, Refusal, VERSION};
use reelgate_wire::host::without_port;
use serde_json::Value;
use uuid::Uuid;

use self::actions::{Action, Call};
use self::authenticate::{Asked, authenticate};
use self::failed::Failed;
use super::{Origin, console};
use crate::app::App;
use crate::listen::AccessNote;

/// Largest body, bytes.
const BODY_LIMIT: usize = 1 << 20;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);
/// The vendor's host names: with a region or `intl` in the middle, too.
const HOSTS: (&str, &str) = ("vod.", "tencentcloudapi.com");

/// Whether a request is meant for the cloud API whatever its path is.
pub(super) fn is_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = without_port(host).unwrap_or(host);
    let (head, tail) = HOSTS;
    let middle = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
    middle.is_some_and(|middle| middle.is_empty() || middle.ends_with('.'))
}

/// `GET /`: for a client of the API what it asks for; for people who type the address only, the console.
pub(super) async fn root(state: State<App>, request: Request) -> Response {
    let has_action = |query: &str| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "Action");
    let (headers, query) = (request.headers(), request.uri().query());
    if headers.contains_key("x-tc-action") || query.is_some_and(has_action) {
        return door(state, request).await;
    }
    console::to_console().await.into_response()
}

/// `POST /`, and every request to one of the vendor's host names.
pub(super) async fn door(State(app): State<App>, request: Request) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let (parts, body) = request.into_parts();
    let mut name = "unknown";
    let answered = match answer(&app, &parts, body, &mut name).await {
        Ok(content) => wire::answer(content, &request_id).map_err(|error| Failed::Internal(error.into())),
        Err(failed) => Err(failed),
    };
    let mut note = vec![("action", Value::from(name)), ("request_id", Value::from(request_id.as_str()))];
    let body = answered.unwrap_or_else(|failed| {
        let refusal = failed.refusal(name, &request_id);
        note.push(("code", Value::from(refusal.code.as_str())));
        wire::refusal(&refusal, &request_id)
    });
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(AccessNote(note));
    response
}

/// `name` is for the access log: one of ours, never what a stranger sent.
async fn answer(app: &App, parts: &Parts, body: Body, name: &mut &'static str) -> Result<Value, Failed> {
    if parts.method != Method::POST && parts.method != Method::GET {
        let sentence = format!("{} is not answered by the cloud API; use POST or GET", parts.method);
        return Err(Refusal::new(Code::UnsupportedProtocol, sentence).into());
    }
    let body = read(body).await?;
    let Asked { action, version, fields, scope } = authenticate(app, parts, &body).await?;
    if version != VERSION {
        let sentence = format!("version {version:.32?} of the API is not known; use {VERSION}");
        return Err(Refusal::new(Code::NoSuchVersion, sentence).into());
    }
    let Some(action) = Action::of(&action) else {
        let offered = Action::names().collect::<Vec<_>>().join(", ");
        let sentence = format!("action {action:.64?} is not offered here; the actions are {offered}");
        return Err(Refusal::new(Code::InvalidAction, sentence).into());
    };
    *name = action.name;
    let remote = Origin::of(app, parts).client.to_string();
    (action.answer)(Call { app: app.clone(), scope, fields, remote }).await
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    use std::error::Error as _;

    match tokio::time::timeout(ARRIVAL, axum::body::to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error))
            if error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) =>
        {
            let sentence = format!("the body has more than the {BODY_LIMIT} bytes that are taken; send less");
            Err(Refusal::new(Code::RequestSizeLimitExceeded, sentence))
        }
        Ok(Err(_)) => Err(Refusal::new(Code::InvalidParameter, "the body broke off; send it again")),
        Err(_) => {
            let sentence = format!("the body did not arrive within {} s; send it again", ARRIVAL.as_secs());
            Err(Refusal::new(Code::InvalidParameter, sentence))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let begun = tokio::time::Instant::now();
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let refused = read(Body::from_stream(never)).await.unwrap_err();
        assert!(refused.message.contains("did not arrive"), "{refused}");
        assert_eq!(begun.elapsed(), ARRIVAL);
    }

    #[test]
    fn only_the_vendor_s_names_are_hosts_of_the_api() {
        let is = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            is_host(&headers)
        };
        assert!(is("vod.tencentcloudapi.com") && is("vod.tencentcloudapi.com:8443"));
        assert!(is("vod.ap-guangzhou.tencentcloudapi.com") && is("vod.intl.tencentcloudapi.com"));
        for other in
            ["cvm.tencentcloudapi.com", "vod.eviltencentcloudapi.com", "vod.example.com", "127.0.0.1:80"]
        {
            assert!(!is(other), "{other}");
        }
    }
}
