//! `DELETE /{key}`: take back what was uploaded, while its session is open. Deleting what is not there is fine.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use reelgate_wire::cos::ErrorCode;

use super::Call;
use super::error::CosError;
use crate::uploads::access::Writer;
use crate::uploads::{BytesError, take_back};

pub(super) async fn delete(call: &Call, writer: &Writer) -> Result<Response, CosError> {
    match take_back::take_back(&call.app, writer, &call.address.key).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(BytesError::SessionEnded) => {
            let sentence = "the upload is finished; what belongs to a media is deleted with it";
            Err(CosError::new(ErrorCode::AccessDenied, sentence))
        }
        Err(error) => Err(error.into()),
    }
}
