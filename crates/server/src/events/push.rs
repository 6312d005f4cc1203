//! One push: an event in the shape that an endpoint wants, signed with the endpoint's secrets.

use std::fmt;

use anyhow::Result;
use http::{HeaderMap, HeaderName, HeaderValue};
use reelgate_model::Time;
use reelgate_store::{EndpointSecret, Event};
use reelgate_wire::standard_webhooks::{self, Secret};
use reelgate_wire::vod::callback_sign;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::own;
use super::render::{self, RenderError};
use crate::http::api::rfc3339;
use crate::vault::Vault;

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The vendor's 3.0 format (wire reference 5.1), with `Sign` and `T` when there is a secret.
    Vendor3,
    /// The vendor's old 2.0 format (wire reference 5.4), signed in the same way.
    Vendor2,
    /// Standard Webhooks.
    Standard,
}

impl Shape {
    /// The word in rows and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor3 => "vendor3",
            Self::Vendor2 => "vendor2",
            Self::Standard => "standard",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Vendor3, Self::Vendor2, Self::Standard].into_iter().find(|shape| shape.as_str() == word)
    }

    /// Whether secrets made for one are good for the other: a SignKey is none for Standard Webhooks, nor the other way round.
    pub(super) fn shares_secrets_with(self, other: Self) -> bool {
        (self == Self::Standard) == (other == Self::Standard)
    }

    /// A new secret of the form that receivers of this shape take.
    pub(super) fn new_secret(self) -> SecretString {
        match self {
            Self::Standard => Secret::text(&rand::random()).into(),
            Self::Vendor3 | Self::Vendor2 => {
                const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
                let letter = |_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
                (0..32).map(letter).collect::<String>().into()
            }
        }
    }

    /// The secret, if it has the form that this shape needs; else what form that is.
    pub(super) fn checked(self, secret: SecretString) -> Result<SecretString, String> {
        let text = secret.expose_secret();
        match self {
            Self::Standard => Secret::parse(text).map(drop).map_err(|error| error.to_string())?,
            Self::Vendor3 | Self::Vendor2 => {
                if !callback_sign::is_key(text) {
                    return Err("a SignKey is 1 to 32 letters and digits".to_owned());
                }
            }
        }
        Ok(secret)
    }
}

/// What is posted.
pub struct Push {
    /// Beside the content type.
    pub headers: HeaderMap,
    /// JSON.
    pub body: Vec<u8>,
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// An event that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The record is not what this version writes.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The record is no JSON.
    #[error("the recorded event is not JSON text")]
    NotJson,
    /// A secret in a form of another shape: the shape was changed after it.
    #[error("the endpoint's secret does not fit its shape; rotate the secret")]
    Secret,
    /// The row says something that this version does not know.
    #[error("the endpoint's shape {0:?} is not known to this version")]
    Shape(String),
}

/// Writes and signs one event; `None` if the shape has no such event.
pub(super) fn pack(
    event: &Event,
    shape: &str,
    secrets: &[SecretString],
    now: Time,
) -> Result<Option<Push>, PushError> {
    let shape = Shape::parse(shape).ok_or_else(|| PushError::Shape(shape.to_owned()))?;
    let mut headers = headers(event);
    let body = match shape {
        Shape::Vendor3 => render::vendor3_of(event)?.map_or_else(|| foreign(event), |body| Ok(Some(body)))?,
        Shape::Vendor2 => render::vendor2_of(event)?,
        Shape::Standard => Some(standard(event)?),
    };
    let Some(mut body) = body else { return Ok(None) };
    match shape {
        Shape::Standard => sign_standard(&mut headers, event, secrets, now, &body)?,
        // One key at a time fits into the body. While two are good it is the older: the receiver may not know the newer
        // yet, and knows both when the older ends.
        Shape::Vendor3 | Shape::Vendor2 => {
            if let Some(key) = secrets.last() {
                let t = now.seconds() + callback_sign::VALID_FOR;
                body = callback_sign::signed(&body, key.expose_secret(), t);
            }
        }
    }
    Ok(Some(Push { headers, body }))
}

/// The secrets of an endpoint, opened.
pub(super) fn open_secrets(
    vault: &Vault,
    endpoint: &str,
    sealed: &[EndpointSecret],
) -> Result<Vec<SecretString>> {
    let context = seal_context(endpoint);
    sealed.iter().map(|one| vault.open_sealed(&context, &one.sealed)).collect()
}

/// What the secrets of an endpoint are sealed for.
pub(super) fn seal_context(endpoint: &str) -> String {
    format!("event endpoint {endpoint}")
}

fn headers(event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    add("reelgate-event-id", &event.id);
    add("reelgate-event-seq", &event.seq.to_string());
    add("reelgate-event-type", &event.kind);
    if event.test {
        add("reelgate-event-test", "true");
    }
    headers
}

/// Our own types have no vendor shape; who asks for them all the same gets them in the same frame.
fn foreign(event: &Event) -> Result<Option<Vec<u8>>, PushError> {
    let content = json!({"EventType": event.kind, "ReelgateEvent": own::own_fields(event)?});
    Ok(Some(content.to_string().into_bytes()))
}

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Box<RawValue>,
}

fn standard(event: &Event) -> Result<Vec<u8>, PushError> {
    let message =
        Message { r#type: &event.kind, timestamp: rfc3339(event.recorded_at), data: own::data(event)? };
    serde_json::to_vec(&message).map_err(|_| PushError::NotJson)
}

fn sign_standard(
    headers: &mut HeaderMap,
    event: &Event,
    secrets: &[SecretString],
    now: Time,
    body: &[u8],
) -> Result<(), PushError> {
    let parse = |secret: &SecretString| Secret::parse(secret.expose_secret()).map_err(|_| PushError::Secret);
    let secrets = secrets.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let timestamp = now.seconds();
    let signature = standard_webhooks::sign(&secrets, &event.id, timestamp, body);
    for (name, value) in [
        (standard_webhooks::ID, event.id.clone()),
        (standard_webhooks::TIMESTAMP, timestamp.to_string()),
        (standard_webhooks::SIGNATURE, signature),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(&value).map_err(|_| PushError::NotJson)?,
        );
    }
    Ok(())
}
