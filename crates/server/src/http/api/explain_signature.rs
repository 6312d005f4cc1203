//! `POST /v1/signatures/explain`: what a signature holds and which rule it fails.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::Body;
use crate::app::App;
use crate::dispatch::{self, Check, Explanation, KeyState, MacState, Outcome};
use crate::http::{Any, Caller, Problem};

/// A signature to be explained.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The text as the client sends it.
    signature: String,
}

/// What a signature holds and which rule it fails. Never a key.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignatureExplanation {
    /// Whether the upload doors would take it now. Use, revocation and quotas are looked at, too.
    ok: bool,
    /// The rule it fails first, which is the one that the doors answer with.
    refusal: Option<RuleCheck>,
    /// Every rule, in the order of the doors.
    checks: Vec<RuleCheck>,
    /// The exact string that was signed.
    signed_string: String,
    /// Its fields in their order, decoded.
    fields: Vec<SignedField>,
    /// `known`: the key is here; `unknown`: it is not, is revoked, or is not good for your application; `not_checked`: the
    /// text names none.
    key: &'static str,
    /// `matches`, `differs` or `not_checked`.
    mac: &'static str,
    /// How its times lie around the server's; null when it does not decode.
    clock: Option<SignatureClock>,
    /// What this server's signature service wrote into it (in `mode = "tencent"`: what fits behind the source context);
    /// null for other signatures.
    permission: Option<SignedPermission>,
}

/// One rule of the upload doors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RuleCheck {
    /// Step in the order of the doors.
    step: u8,
    /// Stable word.
    rule: &'static str,
    /// `pass`, `fail` or `not_checked`.
    outcome: &'static str,
    /// Code that the doors answer; null unless it fails.
    vendor_code: Option<i32>,
    /// What is wrong; null unless it fails.
    sentence: Option<String>,
    /// What to change; null unless it fails.
    advice: Option<&'static str>,
}

/// One field of the signed string.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedField {
    /// As signed, decoded.
    name: String,
    /// As signed, decoded.
    value: String,
}

/// Times of a signature, all in seconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignatureClock {
    /// Unix time of the server.
    server_time: i64,
    /// How far the signer's clock was ahead when it signed, as seen now; negative: it was signed that long ago.
    signed_ahead: i64,
    /// How long it is still good; negative: how long it has been over.
    remaining: i64,
    /// From its start to its end.
    validity: i64,
}

/// What this server's signature service permitted.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedPermission {
    /// Names it in the timeline.
    id: String,
    /// The application's own name for its user.
    user: String,
    /// Public id of the API key that asked for it, or the entry of `dispatch.callers` that let its user ask.
    key_id: String,
    /// Policy that was applied; `""` for the built-in one.
    policy: String,
    /// Changes with what the policy says.
    policy_revision: i64,
    /// Largest file in bytes; null: the server's limit.
    max_size: Option<u64>,
    /// Allowed extensions; empty: any.
    types: Vec<String>,
    /// Longest video in seconds; null: no limit.
    max_duration: Option<u32>,
    /// Uploads of the user on one UTC day; null: no limit.
    daily_uploads: Option<u64>,
    /// Bytes of the user on one UTC day; null: no limit.
    daily_bytes: Option<u64>,
    /// Sessions open at once; null: no limit.
    open_sessions: Option<u32>,
    /// Bytes that open sessions may announce together; null: no limit.
    bytes_in_flight: Option<u64>,
    /// Client addresses it may be used from; null: no limit.
    addresses: Option<u32>,
}

/// Explain a signature
#[utoipa::path(
    post, path = "/v1/signatures/explain", tag = "signatures", request_body = ExplainRequest,
    responses((status = 200, body = SignatureExplanation), (status = 401, body = Problem)),
)]
pub async fn explain(
    State(app): State<App>,
    caller: Caller<Any>,
    Body(request): Body<ExplainRequest>,
) -> Result<Json<SignatureExplanation>, Problem> {
    let explanation = dispatch::explain(&app, &caller.scope, &request.signature).await;
    Ok(Json(answer(explanation.map_err(|cause| Problem::internal(&cause))?)))
}

/// The answer to an explanation; the command line tells it, too.
pub fn answer(explanation: Explanation) -> SignatureExplanation {
    let refusal = explanation.refusal().map(rule);
    let now = explanation.now;
    SignatureExplanation {
        ok: refusal.is_none(),
        refusal,
        checks: explanation.checks.iter().map(rule).collect(),
        signed_string: explanation.signed_string,
        fields: explanation.fields.into_iter().map(|(name, value)| SignedField { name, value }).collect(),
        key: match explanation.key {
            KeyState::Known => "known",
            KeyState::Unknown => "unknown",
            KeyState::NotChecked => "not_checked",
        },
        mac: match explanation.mac {
            MacState::Matches => "matches",
            MacState::Differs => "differs",
            MacState::NotChecked => "not_checked",
        },
        clock: explanation.parameters.map(|parameters| SignatureClock {
            server_time: now,
            signed_ahead: parameters.current_time_stamp.saturating_sub(now),
            remaining: parameters.expire_time.saturating_sub(now),
            validity: parameters.expire_time.saturating_sub(parameters.current_time_stamp),
        }),
        permission: explanation.permission.map(|permission| SignedPermission {
            id: permission.id,
            user: permission.user,
            key_id: permission.key_id,
            policy: permission.policy,
            policy_revision: permission.policy_revision,
            max_size: permission.max_size,
            types: permission.types,
            max_duration: permission.max_duration,
            daily_uploads: permission.daily_uploads,
            daily_bytes: permission.daily_bytes,
            open_sessions: permission.open_sessions,
            bytes_in_flight: permission.bytes_in_flight,
            addresses: permission.addresses,
        }),
    }
}

fn rule(check: &Check) -> RuleCheck {
    let (outcome, failure) = match &check.outcome {
        Outcome::Pass => ("pass", None),
        Outcome::NotChecked => ("not_checked", None),
        Outcome::Fail { vendor_code, sentence, advice } => {
            ("fail", Some((*vendor_code, sentence.clone(), *advice)))
        }
    };
    RuleCheck {
        step: check.step,
        rule: check.rule,
        outcome,
        vendor_code: failure.as_ref().map(|(code, _, _)| *code),
        advice: failure.as_ref().map(|(_, _, advice)| *advice),
        sentence: failure.map(|(_, sentence, _)| sentence),
    }
}
