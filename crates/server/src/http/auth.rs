//! Who calls `/v1`: a backend with an API key, or a person signed in to the console.
//!
//! `Caller<N>` can only be had by being checked, and hands over the `Scope` that every store call demands.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use reelgate_model::{ApiScope, Principal, Scope};
use reelgate_store::ApiKey;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Problem;
use crate::app::App;

/// Name of the console's cookie.
pub const COOKIE: &str = "rg_console";
/// Header that proves that a request with the cookie was made by our own page.
const CSRF_HEADER: &str = "x-reelgate-csrf";

/// What a handler needs its caller to be allowed to do.
pub trait Need: Send + Sync + 'static {
    /// The scope that the caller's key must have; `None`: any key that is valid.
    const SCOPE: Option<ApiScope>;
}

macro_rules! needs {
    ($($(#[$meta:meta])* $name:ident = $scope:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl Need for $name {
            const SCOPE: Option<ApiScope> = $scope;
        }
    )+};
}

needs! {
    /// Any valid key.
    Any = None;
    /// May read media, tasks and timelines.
    Read = Some(ApiScope::Read);
    /// May change media and endpoints.
    Manage = Some(ApiScope::Manage);
    /// May manage applications and keys.
    Admin = Some(ApiScope::Admin);
}

/// A checked caller.
#[derive(Debug)]
pub struct Caller<N: Need> {
    /// What the caller may touch.
    pub scope: Scope,
    /// The key behind the request.
    pub key: Arc<ApiKey>,
    /// The console session, when the request came with its cookie.
    pub console: Option<ConsoleSession>,
    need: PhantomData<N>,
}

/// The console session behind a request.
#[derive(Debug, Clone)]
pub struct ConsoleSession {
    /// Hex SHA-256 of the cookie, the row's id.
    pub id: String,
    /// The token that every changing request repeats.
    pub csrf: String,
}

impl<N: Need> FromRequestParts<App> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (key, console) = identify(app, &parts.method, &parts.headers).await?;
        if let Some(needed) = N::SCOPE
            && !key.scopes.contains(&needed)
            && !key.scopes.contains(&ApiScope::Admin)
        {
            let detail = format!(
                "API key {} ({}) lacks the scope `{}`; use another key or create one with it",
                key.id,
                key.name,
                needed.as_str()
            );
            return Err(Problem::forbidden(detail));
        }
        let principal = match &console {
            Some(_) => Principal::Console(key.id.clone()),
            None => Principal::ApiKey(key.id.clone()),
        };
        Ok(Self { scope: Scope::new(key.app, principal), key, console, need: PhantomData })
    }
}

async fn identify(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Arc<ApiKey>, Option<ConsoleSession>), Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(|| {
            Problem::unauthenticated(
                "the Authorization header is not `Bearer <API key>`; send the key in that form",
            )
        })?;
        let key = app.directory.api_key(app, token.trim()).await?.ok_or_else(|| {
            Problem::unauthenticated("the API key is not known or was revoked; check it or create a new one")
        })?;
        return Ok((key, None));
    }
    if let Some((key, session)) = signed_in(app, method, headers).await? {
        return Ok((key, Some(session)));
    }
    Err(Problem::unauthenticated("no credentials; send `Authorization: Bearer <API key>`"))
}

/// The console session that a request came with, if it came with its cookie.
pub async fn signed_in(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<(Arc<ApiKey>, ConsoleSession)>, Problem> {
    let Some(cookie) = cookie(headers) else { return Ok(None) };
    let (id, now) = (digest(cookie), app.clock.now());
    let session = app.store.read().await?.console_session(&id, now).await?;
    let session = session.filter(|session| !session.key.is_expired(now));
    let session =
        session.ok_or_else(|| Problem::unauthenticated("the console session has ended; sign in again"))?;
    if !matches!(*method, Method::GET | Method::HEAD) {
        let sent = headers.get(CSRF_HEADER).map(http::HeaderValue::as_bytes).unwrap_or_default();
        if !bool::from(sent.ct_eq(session.csrf.as_bytes())) {
            return Err(Problem::forbidden("the request lacks the console's CSRF token; reload the page"));
        }
    }
    Ok(Some((Arc::new(session.key), ConsoleSession { id, csrf: session.csrf })))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// What rows hold instead of API keys and cookies: hex SHA-256.
pub fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
