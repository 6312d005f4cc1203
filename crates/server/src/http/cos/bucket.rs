//! What is asked of a bucket itself: whether it is there, and where.

use axum::response::{IntoResponse, Response};
use reelgate_wire::cos::xml as body;

use super::query::Query;
use super::{Call, xml};

/// What AWS and COS clients add to a listing.
const LISTING: &[&str] = &[
    "list-type",
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "encoding-type",
    "start-after",
    "continuation-token",
    "fetch-owner",
];

/// `HEAD /`, signed: the bucket is there.
pub(super) fn head(call: &Call) -> Response {
    let region = call.app.config.upload.region.clone();
    [("x-cos-bucket-region", region.clone()), ("x-amz-bucket-region", region)].into_response()
}

/// `GET /?location`.
pub(super) fn location(call: &Call) -> Response {
    xml(body::location(&call.app.config.upload.region))
}

/// Whether a GET of the bucket asks for its objects: subresources that are not offered have other parameters.
pub(super) fn is_listing(query: &Query) -> bool {
    let signature = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("q-") || name.starts_with("x-amz-") || name.starts_with("x-cos-") || name == "x-id"
    };
    let known = |name: &str| LISTING.iter().any(|known| name.eq_ignore_ascii_case(known)) || signature(name);
    query.pairs().iter().all(|(name, _)| known(name))
}
