//! The OpenAPI document: `GET /v1/openapi.json`, `reelgate openapi`, and `openapi.json` in the repository.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    apps, console_session, deliveries, event_endpoint, event_endpoints, event_replays, events, events_stream,
    explain_signature, issue_signature, issue_signatures, keys, media, procedures, receiver, revocations,
    signature_log, timeline, timeline_stream,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Reelgate",
        description = "The JSON API beside the vendor's doors. Errors are problem details (RFC 9457) with a stable `code`; \
                       times are RFC 3339 in UTC, sizes bytes, durations seconds, ids strings.",
    ),
    paths(
        issue_signature::issue, issue_signatures::issue, explain_signature::explain, procedures::list,
        revocations::revoke, revocations::list, signature_log::list,
        apps::list, apps::create, apps::revoke, keys::list, keys::create, keys::rotate, keys::revoke,
        media::list, media::show,
        event_endpoints::list, event_endpoints::create, event_endpoints::show, event_endpoints::change,
        event_endpoints::remove, event_endpoints::rotate_secret, event_endpoints::test, event_endpoints::enable,
        event_endpoints::disable, deliveries::list, deliveries::show, deliveries::replay,
        events::list, events_stream::stream, event_replays::replay, event_replays::trigger, receiver::show,
        event_endpoint::show, event_endpoint::set, event_endpoint::remove, timeline::show, timeline_stream::stream,
        console_session::sign_in, console_session::session, console_session::sign_out,
    ),
    security(("api_key" = []), ("console" = [])),
    modifiers(&Security),
    tags(
        (name = "signatures", description = "Upload permission"),
        (name = "media", description = "Files and what happened to them"),
        (name = "events", description = "The event log, who reads it, and where it is pushed"),
        (name = "account", description = "Applications and keys; needs the scope `admin`"),
        (name = "console", description = "What the console signs in with"),
    ),
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key")).build();
        let cookie = ApiKeyValue::with_description(
            crate::http::COOKIE,
            "A console session; requests that are not a GET also carry `X-Reelgate-Csrf`",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(bearer));
        components.add_security_scheme("console", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The document as it is committed: pretty, with a line feed at the end.
pub fn document() -> String {
    let mut text =
        Document::openapi().to_pretty_json().expect("the document is made of maps, lists and text");
    text.push('\n');
    text
}

/// `GET /v1/openapi.json`.
pub(super) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document()).into_response()
}
