//! The upload signature of a tus request: `Authorization: Reelgate {signature}`, or the key `signature` of its metadata.

use http::StatusCode;
use reelgate_wire::tus::Metadata;

use super::Call;
use super::refusal::Refused;
use crate::uploads::tus::Found;
use crate::uploads::{Permit, Refusal};

/// Key of `Upload-Metadata`; never stored.
pub(super) const KEY: &str = "signature";

/// The signature that a creation comes with.
pub(super) fn of(call: &Call, metadata: &Metadata) -> Result<String, Refused> {
    in_header(call)?.map(str::to_owned).or_else(|| metadata.text(KEY)).ok_or_else(|| {
        Refused::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "no upload signature; send it as \"Authorization: Reelgate {signature}\" or as the key signature of Upload-Metadata",
        )
    })
}

fn in_header(call: &Call) -> Result<Option<&str>, Refused> {
    let Some(value) = call.header("authorization") else { return Ok(None) };
    match value.split_once(' ') {
        Some((scheme, signature)) if scheme.eq_ignore_ascii_case("reelgate") => Ok(Some(signature.trim())),
        _ => Err(Refused::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Authorization has another scheme than Reelgate; send \"Authorization: Reelgate {signature}\"",
        )),
    }
}

/// tus clients send the same headers with every request: a signature that comes along must be of the upload's application and
/// user. One that has expired is good if it opened this upload, as at Commit.
pub(super) async fn check(call: &Call, found: &Found) -> Result<(), Refused> {
    let Some(signature) = in_header(call)? else { return Ok(()) };
    let permit = Permit::verify_even_expired(&call.app, signature).await?;
    let request = &found.session.request;
    let opened_it = permit.mac == request.signature_mac;
    if permit.expired && !opened_it {
        let refusal = Permit::verify(&call.app, signature).await.err();
        return Err(refusal
            .unwrap_or_else(|| Refusal::NotPermitted("the signature has expired".to_owned()))
            .into());
    }
    if permit.scope.app() != found.session.app || permit.user() != request.user {
        let sentence = "the signature is of another application or user than this upload";
        return Err(Refusal::NotPermitted(sentence.to_owned()).into());
    }
    Ok(())
}
