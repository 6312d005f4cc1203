//! `PUT /{key}?partNumber=N&uploadId=…`: one part, streamed.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;
use reelgate_wire::cos::ErrorCode;

use super::error::CosError;
use super::{Call, content_length, content_md5};
use crate::uploads::part::{self, Announced};

/// Largest part (wire reference 3.4).
const MOST: u64 = 5 << 30;

pub(super) async fn upload(call: &Call, upload_id: &str, body: Body) -> Result<Response, CosError> {
    let number = call.query.get("partnumber").and_then(|text| text.parse().ok());
    let number = number.filter(|number| (1..=10_000).contains(number)).ok_or_else(|| {
        CosError::new(ErrorCode::InvalidArgument, "partNumber must be a whole number from 1 to 10000")
    })?;
    let length = content_length(&call.headers)?;
    if length > MOST {
        return Err(CosError::new(
            ErrorCode::EntityTooLarge,
            format!("a part may have {MOST} bytes at most"),
        ));
    }
    let md5 = content_md5(&call.headers)?;
    let announced = Announced { upload_id: upload_id.to_owned(), number, length, md5 };
    let stream = body.into_data_stream();
    let etag = part::receive(&call.app, &call.writer, &call.address.key, &announced, stream).await?;
    Ok([(header::ETAG, format!("\"{etag}\""))].into_response())
}
