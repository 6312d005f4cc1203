//! The console: a page that was built from `web/` and put into this binary. It speaks to `/v1` of its own origin.

mod assets;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::app::App;
use assets::Asset;

/// Shown by a build without Node.
const LEFT_OUT: &str = include_str!("left_out.html");

/// `GET /`: people who type the address only.
pub(super) async fn to_console() -> Redirect {
    Redirect::to("/console/")
}

/// `GET /console/`: the page.
pub(super) async fn index(State(app): State<App>, headers: HeaderMap) -> Response {
    page(&app, &headers)
}

/// `GET /console/{path}`: one of its files, or the page for the addresses that it makes up itself.
pub(super) async fn file(State(app): State<App>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    match Asset::find(&path) {
        Some(asset) => asset.answer(&headers, policy(&app)),
        None if path.rsplit('/').next().is_some_and(|last| last.contains('.')) => {
            (StatusCode::NOT_FOUND, "this build of the console has no such file; reload the page\n")
                .into_response()
        }
        None => page(&app, &headers),
    }
}

fn page(app: &App, headers: &HeaderMap) -> Response {
    match Asset::find("index.html") {
        Some(asset) => asset.answer(headers, policy(app)),
        None => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], policy(app), LEFT_OUT).into_response()
        }
    }
}

type Policy = [(HeaderName, HeaderValue); 3];

/// The page may load from its own origin, and speak to the configured names of this server, and to nobody else.
fn policy(app: &App) -> Policy {
    let own = std::iter::once(&app.play_origin).chain(&app.config.public_url);
    let own = own.fold("'self'".to_owned(), |list, origin| format!("{list} {origin}"));
    let text = format!(
        "default-src 'self'; img-src {own} blob: data:; media-src {own} blob:; connect-src {own}; \
         worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    let text = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'self'"));
    [
        (header::CONTENT_SECURITY_POLICY, text),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ]
}
