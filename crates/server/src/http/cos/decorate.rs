//! What every answer of the object leg carries: CORS (wire reference 3.8), request id, server name.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use super::error::REQUEST_IDS;
use crate::listen::VendorSpelling;

/// Without an exposed ETag the web SDK fails every part.
const EXPOSED: &str = "ETag, Date, Content-Length, Content-Range, Last-Modified, Accept-Ranges, x-cos-request-id, \
    x-cos-hash-crc64ecma, x-amz-request-id, x-amz-checksum-crc32, x-amz-checksum-crc32c, x-amz-checksum-crc64nvme, \
    x-amz-checksum-sha1, x-amz-checksum-sha256";

/// Adds them to `response`; `asked` are the headers of the request.
pub(super) fn finish(asked: &HeaderMap, mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, PUT, POST, DELETE, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        (header::SERVER, "tencent-cos"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    if !REQUEST_IDS.iter().any(|name| headers.contains_key(name))
        && let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().simple().to_string())
    {
        for name in REQUEST_IDS {
            headers.insert(name, id.clone());
        }
    }
    response.extensions_mut().insert(VendorSpelling);
    response
}
