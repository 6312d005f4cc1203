//! `PUT /{key}?partNumber=N&uploadId=…`: one part, streamed.

use axum::response::{IntoResponse, Response};
use http::header;
use reelgate_wire::cos::ErrorCode;

use super::Call;
use super::error::CosError;
use super::payload::Payload;
use crate::uploads::access::Writer;
use crate::uploads::part::{self, Announced};

/// Largest part (wire reference 3.4).
const MOST: u64 = 5 << 30;

pub(super) async fn upload(
    call: &Call,
    writer: &Writer,
    upload_id: &str,
    mut payload: Payload,
) -> Result<Response, CosError> {
    let number = call.query.get("partnumber").and_then(|text| text.parse().ok());
    let number = number.filter(|number| (1..=10_000).contains(number)).ok_or_else(|| {
        CosError::new(ErrorCode::InvalidArgument, "partNumber must be a whole number from 1 to 10000")
    })?;
    let length = payload.length;
    if length > MOST {
        return Err(CosError::new(
            ErrorCode::EntityTooLarge,
            format!("a part may have {MOST} bytes at most"),
        ));
    }
    let md5 = payload.md5.clone();
    let announced = Announced { upload_id: upload_id.to_owned(), number, length, md5 };
    let etag = part::receive(&call.app, writer, &call.address.key, &announced, &mut payload).await?;
    let mut response = [(header::ETAG, format!("\"{etag}\""))].into_response();
    payload.echo(&mut response);
    Ok(response)
}
