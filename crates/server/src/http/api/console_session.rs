//! `/v1/console/…`: people sign in to the console with an admin token and get a cookie for it.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use reelgate_model::{ApiScope, Principal, Scope};
use reelgate_store::{ApiKey, NewAudit, NewConsoleSession};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::Body;
use super::sign_in_limit::SignInLimit;
use crate::app::App;
use crate::bootstrap::random_text;
use crate::http::{Any, COOKIE, Caller, Origin, Problem, digest};

/// How long a person stays signed in.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Letters and digits of a cookie and of a CSRF token: more than 190 bits.
const TOKEN_LENGTH: usize = 32;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// An API key with the scope `admin`.
    token: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsoleSessionAnswer {
    /// To be sent as `X-Reelgate-Csrf` with every request that is not a GET.
    csrf: String,
    /// Name of the key.
    key_name: String,
    /// Its application, decimal.
    app: String,
    /// What it may do.
    scopes: Vec<&'static str>,
}

/// Sign in to the console
#[utoipa::path(
    post, path = "/v1/console/sign-in", tag = "console", request_body = SignIn, security(()),
    responses(
        (status = 200, body = ConsoleSessionAnswer, description = "Sets the cookie `rg_console`"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem),
    ),
)]
pub async fn sign_in(
    State(app): State<App>,
    Extension(limit): Extension<SignInLimit>,
    origin: Origin,
    Body(request): Body<SignIn>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    if let Err(wait) = limit.take(origin.client, now) {
        return Ok(too_many(wait));
    }
    let key = app.directory.api_key(&app, request.token.trim()).await?.ok_or_else(|| {
        Problem::unauthenticated(
            "the token is not known or was revoked; the server printed one at its first start",
        )
    })?;
    limit.give_back(origin.client);
    if !key.scopes.contains(&ApiScope::Admin) {
        return Err(Problem::forbidden(format!(
            "API key {} ({}) lacks the scope `admin`; sign in with the admin token",
            key.id, key.name
        )));
    }
    let (cookie, csrf) = (random_text(TOKEN_LENGTH), random_text(TOKEN_LENGTH));
    open(&app, &key, &cookie, &csrf, origin.client.to_string()).await?;
    Ok(with_cookie(&set_cookie(&cookie, LIFE, origin.scheme), Json(answer(&key, csrf))))
}

/// Who is signed in to the console
#[utoipa::path(
    get, path = "/v1/console/session", tag = "console",
    responses((status = 200, body = ConsoleSessionAnswer), (status = 401, body = Problem)),
)]
pub async fn session(caller: Caller<Any>) -> Result<Json<ConsoleSessionAnswer>, Problem> {
    let Some(console) = caller.console else {
        return Err(Problem::unauthenticated(
            "no console session: the request came with an API key, not the cookie",
        ));
    };
    Ok(Json(answer(&caller.key, console.csrf)))
}

/// Sign out of the console
#[utoipa::path(
    post, path = "/v1/console/sign-out", tag = "console",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)),
)]
pub async fn sign_out(
    State(app): State<App>,
    origin: Origin,
    caller: Caller<Any>,
) -> Result<Response, Problem> {
    if let Some(session) = caller.console {
        app.store.write(move |tx| Box::pin(async move { tx.end_console_session(&session.id).await })).await?;
    }
    Ok(with_cookie(&set_cookie("", Duration::ZERO, origin.scheme), StatusCode::NO_CONTENT))
}

async fn open(app: &App, key: &ApiKey, cookie: &str, csrf: &str, remote: String) -> Result<(), Problem> {
    let session = NewConsoleSession {
        id: digest(cookie),
        api_key: key.id.clone(),
        csrf: csrf.to_owned(),
        expires_at: app.clock.now() + LIFE,
    };
    let scope = Scope::new(key.app, Principal::Console(key.id.clone()));
    let entry = NewAudit { action: "console.sign_in".to_owned(), remote, ..NewAudit::default() };
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_console_session(&session).await?;
                Ok(tx.audit(&scope, &entry).await?)
            })
        })
        .await
}

fn answer(key: &ApiKey, csrf: String) -> ConsoleSessionAnswer {
    ConsoleSessionAnswer {
        csrf,
        key_name: key.name.clone(),
        app: key.app.to_string(),
        scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
    }
}

fn set_cookie(value: &str, life: Duration, scheme: &str) -> String {
    let secure = if scheme == "https" { "; Secure" } else { "" };
    format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}{secure}", life.as_secs())
}

fn with_cookie(cookie: &str, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let value = HeaderValue::try_from(cookie).expect("cookies are made of letters, digits and fixed words");
    response.headers_mut().insert(header::SET_COOKIE, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let sentence = format!("too many failed sign-ins from this address; try again in {seconds} s");
    let mut response =
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", sentence).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
