//! What a client with a wrong signature is told; the same for both kinds.

use super::{Code, Refusal};
use crate::upload_signature::shown;

/// Says what was looked at, and nothing that is secret.
pub(super) fn refusal(secret_id: &str, method: &str, host: &str, signed: &str) -> Refusal {
    let sentence = format!(
        "the signature does not match: check the SecretKey of {}, and that what was signed is {method} to {} with {signed}",
        shown(secret_id),
        shown(host)
    );
    Refusal::new(Code::SignatureFailure, sentence)
}
