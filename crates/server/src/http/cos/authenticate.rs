//! Who signed this request: the gate in front of every operation.

use http::request::Parts;
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::cos::qsign::{Authorization, Request};

use super::Address;
use super::error::CosError;
use super::query::Query;
use crate::app::App;
use crate::uploads::access::{self, Writer};

/// Header and query parameter of the security token.
const TOKEN: &str = "x-cos-security-token";

/// Verifies signature, window, token and session, in this order.
pub(super) async fn authenticate(
    app: &App,
    address: &Address,
    parts: &Parts,
    query: &Query,
) -> Result<Writer, CosError> {
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
        })
        .collect();
    let sent = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let authorization = match sent("authorization") {
        Some(value) => Some(Authorization::from_header(value)?),
        None => Authorization::from_query(query.pairs())?,
    };
    let authorization = authorization.ok_or_else(|| {
        CosError::new(
            ErrorCode::AccessDenied,
            "the request is not signed; sign it with the credentials of the Apply answer",
        )
    })?;
    let (grant, session_id) = access::grant_of(app, &authorization.access_key)?;
    let verify = |path: &String| {
        let method = parts.method.as_str();
        authorization
            .verify(&grant.secret_key, &Request { method, path, query: query.pairs(), headers: &headers })
    };
    let [as_sent, below_bucket] = address.signed_paths();
    verify(&as_sent).or_else(|refusal| verify(&below_bucket).map_err(|_| refusal))?;
    authorization.check_window(app.clock.now().seconds())?;
    let token = sent(TOKEN).or_else(|| query.get(TOKEN)).unwrap_or_default();
    if !grant.token_matches(token) {
        let sentence = "x-cos-security-token is missing or not the token of these credentials";
        return Err(CosError::new(ErrorCode::AccessDenied, sentence));
    }
    Ok(access::writer(app, &grant, &session_id).await?)
}
