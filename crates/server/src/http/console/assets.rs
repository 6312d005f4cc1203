//! The files of the console inside this binary.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::Policy;

/// `web/dist` as it was when this crate was compiled; empty when it was not there.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// One file.
pub(super) struct Asset {
    path: String,
    file: EmbeddedFile,
}

impl Asset {
    /// The file at `path` below `/console/`.
    pub(super) fn find(path: &str) -> Option<Self> {
        Dist::get(path).map(|file| Self { path: path.to_owned(), file })
    }

    /// 200, or 304 for who has it already.
    pub(super) fn answer(self, request: &HeaderMap, policy: Policy) -> Response {
        let etag = format!("\"{}\"", hex::encode(&self.file.metadata.sha256_hash()[..16]));
        let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let is_known =
            known.flat_map(|list| list.split(',')).any(|one| one.trim().trim_start_matches("W/") == etag);
        let etag = HeaderValue::try_from(etag).expect("an ETag of hexadecimal digits is a header value");
        let common =
            [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static(self.caching()))];
        if is_known {
            return (StatusCode::NOT_MODIFIED, common, policy).into_response();
        }
        let kind = mime_guess::from_path(&self.path).first_or_octet_stream();
        let kind = HeaderValue::try_from(match kind.type_() {
            mime_guess::mime::TEXT => format!("{}; charset=utf-8", kind.essence_str()),
            _ => kind.essence_str().to_owned(),
        });
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        ([(header::CONTENT_TYPE, kind)], common, policy, Body::from(self.file.data)).into_response()
    }

    /// Names below `assets/` hold a hash of what is in them; everything else is asked for again.
    fn caching(&self) -> &'static str {
        if self.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
    }
}
