//! Who signed this request: the gate in front of every operation.

use http::request::Parts;
use reelgate_model::AppId;
use reelgate_wire::cos::ErrorCode;

use super::Address;
use super::dialect::{BodyForm, Signature, headers_of};
use super::error::CosError;
use super::query::Query;
use crate::app::App;
use crate::uploads::access::{Credential, Holder};

/// Verifies signature, window, token, and the session or application behind them, in this order; then the bucket.
pub(super) async fn authenticate(
    app: &App,
    address: &Address,
    parts: &Parts,
    query: &Query,
) -> Result<(Holder, BodyForm), CosError> {
    let headers = headers_of(parts, address.forwarded_for.as_deref());
    let signature = Signature::of(&headers, query)?;
    let credential = Credential::of(app, signature.access_key()).await?;
    let token = signature.token(&headers, query);
    let now = app.clock.now().seconds();
    let form = signature.verify(credential.secret(), address, parts, query, &headers, now)?;
    if !credential.token_matches(token) {
        let sentence = "the security token is missing or not the one of these credentials; send the token of the Apply \
                        answer as x-cos-security-token (x-amz-security-token with an AWS signature)";
        return Err(CosError::new(ErrorCode::AccessDenied, sentence));
    }
    let named = address.bucket.strip_prefix(&format!("{}-", app.config.upload.bucket));
    let named = named.and_then(|id| id.parse().ok()).map(AppId);
    let holder = match (named, &credential) {
        (Some(bucket), _) => credential.holder(app, bucket).await?,
        (None, Credential::Grant { .. }) => credential.holder(app, app.main_app()).await?,
        (None, Credential::Key(_)) => return Err(no_such_bucket(app, "an application")),
    };
    if named != Some(holder.scope().app()) {
        return Err(no_such_bucket(app, &holder.scope().app().to_string()));
    }
    Ok((holder, form))
}

fn no_such_bucket(app: &App, whose: &str) -> CosError {
    let sentence = format!("the bucket of these credentials is {}-{whose}", app.config.upload.bucket);
    CosError::new(ErrorCode::NoSuchBucket, sentence)
}
