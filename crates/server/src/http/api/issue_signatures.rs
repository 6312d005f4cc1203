//! `POST /v1/upload-signatures/batch`: several permissions at once.

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asking::{Asking, BATCH};
use super::issue_signature::{Refused, UploadSignature, UploadSignatureRequest, answer, order};
use crate::app::App;
use crate::dispatch::{self, Form};
use crate::http::Problem;

/// Orders of one batch at most.
const MOST: usize = 100;

/// What to permit, order by order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadSignatureBatch {
    /// 1 to 100 orders.
    #[schema(min_items = 1, max_items = 100)]
    orders: Vec<UploadSignatureRequest>,
}

/// The answers, in the order of the orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadSignatureAnswers {
    /// One for each order.
    items: Vec<UploadSignatureItem>,
}

/// The answer to one order: exactly one member is there.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct UploadSignatureItem {
    /// What was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    granted: Option<UploadSignature>,
    /// Why nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Problem>,
    /// Seconds after which a refused order may be sent again, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl UploadSignatureItem {
    /// The same refusal again, if it is one that the next order would only wait for.
    fn if_unavailable(&self) -> Option<Self> {
        let refused =
            self.refused.as_ref().filter(|problem| problem.status() == StatusCode::SERVICE_UNAVAILABLE)?;
        Some(Self { granted: None, refused: Some(refused.clone()), retry_after: self.retry_after })
    }
}

/// Sign several upload permissions
///
/// Each order is answered by itself: one that is refused does not touch the others. Rate limits count every signature.
/// Only a caller that is not known at all is refused as a whole. When whoever knows the caller cannot be asked (503), the
/// orders that are left get the same answer without asking again.
#[utoipa::path(
    post, path = "/v1/upload-signatures/batch", tag = "signatures", request_body = UploadSignatureBatch,
    responses(
        (status = 200, body = UploadSignatureAnswers),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn issue(
    State(app): State<App>,
    request: Request,
) -> Result<Json<UploadSignatureAnswers>, Refused> {
    let (asking, body) = Asking::of(&app, request, BATCH).await?;
    let batch: UploadSignatureBatch = body.json()?;
    let count = batch.orders.len();
    if !(1..=MOST).contains(&count) {
        let sentence = format!("orders has {count} entries; send 1 to {MOST}");
        return Err(Problem::unprocessable("orders_out_of_range", sentence).into());
    }
    let public_url = asking.origin.public_url(&app);
    let ask = asking.ask();
    let mut items: Vec<UploadSignatureItem> = Vec::with_capacity(count);
    for request in batch.orders {
        if let Some(unavailable) = items.last().and_then(UploadSignatureItem::if_unavailable) {
            items.push(unavailable);
            continue;
        }
        let issued = dispatch::issue(&app, &ask, order(request), Form::Own).await;
        items.push(match issued {
            Ok(issued) => {
                UploadSignatureItem { granted: Some(answer(&app, issued, &public_url)), ..Default::default() }
            }
            Err(error) => {
                let (problem, retry_after) = Refused::from(error).into_parts();
                if matches!(problem.status().as_u16(), 401 | 500) {
                    return Err(problem.into());
                }
                UploadSignatureItem { granted: None, refused: Some(problem), retry_after }
            }
        });
    }
    Ok(Json(UploadSignatureAnswers { items }))
}
