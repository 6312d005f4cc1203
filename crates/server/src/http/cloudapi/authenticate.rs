//! Who signed a call, what it asks for, and for which application: the gate in front of every action.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, header};
use reelgate_model::{AppId, Principal, Scope};
use reelgate_wire::cloudapi::{Code, Fields, Refusal, form, tc3};
use secrecy::ExposeSecret;

use super::failed::Failed;
use crate::app::App;
use crate::directory::OpenKey;

/// A call whose signature was verified.
pub(super) struct Asked {
    pub action: String,
    pub version: String,
    pub fields: Fields,
    pub scope: Scope,
}

/// Verifies whichever signature the request has, then that its key reaches the application it names.
pub(super) async fn authenticate(app: &App, parts: &Parts, body: &[u8]) -> Result<Asked, Failed> {
    let is_form = content_type(parts) == "application/x-www-form-urlencoded";
    let pairs = match parts.method {
        Method::GET => decoded(parts.uri.query().unwrap_or_default().as_bytes()),
        _ if is_form => decoded(body),
        _ => Vec::new(),
    };
    let (key, action, version, mut fields) = if let Some(value) = text(parts, header::AUTHORIZATION.as_str())
    {
        let key = by_header(app, parts, body, value).await?;
        let fields = match parts.method {
            Method::GET => Fields::of_pairs(&form::of_action(&pairs))?,
            _ if is_form => Fields::of_pairs(&form::of_action(&pairs))?,
            _ if content_type(parts) == "application/json" => Fields::of_json(body)?,
            _ => return Err(other_type(parts).into()),
        };
        (key, needed(parts, "x-tc-action")?.to_owned(), needed(parts, "x-tc-version")?.to_owned(), fields)
    } else if form::Signed::is_in(&pairs) {
        let signed = form::Signed::of(&pairs)?;
        let key = by_form(app, parts, &signed).await?;
        let fields = Fields::of_pairs(&form::of_action(&pairs))?;
        (key, signed.action.to_owned(), signed.version.to_owned(), fields)
    } else {
        return Err(unsigned().into());
    };
    let scope = scope(app, &key, fields.number("SubAppId")?).await?;
    Ok(Asked { action, version, fields, scope })
}

/// TC3-HMAC-SHA256.
async fn by_header(app: &App, parts: &Parts, body: &[u8], value: &str) -> Result<Arc<OpenKey>, Failed> {
    let authorization = tc3::Authorization::parse(value)?;
    let timestamp = needed(parts, "x-tc-timestamp")?.parse().map_err(|_| {
        Refusal::new(Code::InvalidParameter, "X-TC-Timestamp is not a Unix time in whole seconds")
    })?;
    check_token(text(parts, "x-tc-token").unwrap_or_default())?;
    let key = key(app, &authorization.secret_id).await?;
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let request = tc3::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    };
    authorization.verify(key.secret.expose_secret(), &request, timestamp, app.clock.now().seconds())?;
    Ok(key)
}

/// Signature version 1.
async fn by_form(app: &App, parts: &Parts, signed: &form::Signed<'_>) -> Result<Arc<OpenKey>, Failed> {
    check_token(signed.token)?;
    let key = key(app, signed.secret_id).await?;
    let host = text(parts, header::HOST.as_str()).unwrap_or_default();
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    signed.verify(key.secret.expose_secret(), method, host, path, app.clock.now().seconds())?;
    Ok(key)
}

async fn key(app: &App, secret_id: &str) -> Result<Arc<OpenKey>, Failed> {
    app.directory.secret_key(app, secret_id).await?.ok_or_else(|| {
        let sentence = "the SecretId is not known here, has ended or was revoked; GET /v1/keys?kind=secret lists those that \
                        are good";
        Refusal::new(Code::SecretIdNotFound, sentence).into()
    })
}

/// Application keys have none, and temporary credentials are for the object leg.
fn check_token(token: &str) -> Result<(), Refusal> {
    if token.is_empty() {
        return Ok(());
    }
    let sentence =
        "this server's keys have no token; use the SecretId and SecretKey of an application without one";
    Err(Refusal::new(Code::TokenFailure, sentence))
}

/// The application that is meant. An application that is revoked is like one that never was.
async fn scope(app: &App, key: &OpenKey, sub_app_id: Option<i64>) -> Result<Scope, Failed> {
    let named = sub_app_id.filter(|id| *id != 0).map(AppId);
    let id = named.unwrap_or_else(|| app.main_app());
    let directory = app.directory.current(app).await?;
    if key.row.apps.contains(id) && directory.app(id).is_some() {
        return Ok(Scope::new(id, Principal::SecretId(key.row.secret_id.clone())));
    }
    let refusal = match named {
        Some(id) => {
            let sentence = format!("SubAppId {id} is not an application that this SecretId reaches");
            Refusal::new(Code::InvalidSubAppId, sentence)
        }
        None => {
            let sentence =
                "this SecretId does not reach the main application; name the one that is meant as SubAppId";
            Refusal::new(Code::UnauthorizedOperation, sentence)
        }
    };
    Err(refusal.into())
}

fn unsigned() -> Refusal {
    let sentence = "the request is not signed: it has neither the header Authorization (TC3-HMAC-SHA256) nor the \
                    parameters SecretId and Signature";
    Refusal::new(Code::MissingParameter, sentence)
}

fn other_type(parts: &Parts) -> Refusal {
    let sentence = format!(
        "bodies of the type {:.64?} are not read here; send the parameters as application/json",
        content_type(parts)
    );
    Refusal::new(Code::InvalidParameter, sentence)
}

/// Without its parameters, lower case.
fn content_type(parts: &Parts) -> String {
    let value = text(parts, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn decoded(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn needed<'a>(parts: &'a Parts, name: &str) -> Result<&'a str, Refusal> {
    text(parts, name).filter(|value| !value.is_empty()).ok_or_else(|| {
        Refusal::new(Code::MissingParameter, format!("the request lacks the header {name}; add it"))
    })
}

fn text<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}
