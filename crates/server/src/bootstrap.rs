//! First run: the main application and its credentials, given by configuration or generated and told once.

use anyhow::{Context, Result};
use reelgate_model::{ApiScope, AppId, Scope};
use reelgate_store::{KeyApps, NewApiKey, NewApp, NewSecretKey, StoreError, unit};
use secrecy::ExposeSecret;

use crate::app::App;
use crate::config::Mode;
use crate::http::digest;

/// What was generated at this start, in clear, to be told once; empty when everything existed or was given.
#[derive(Default)]
pub struct Generated(Vec<(&'static str, String)>);

/// What is configured does not go with what the database holds. The sentence says what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Contradiction(String);

macro_rules! contradiction {
    ($($sentence:tt)+) => {
        return Err(Contradiction(format!($($sentence)+)).into())
    };
}

/// A backend's key does everything but administration.
const BACKEND_SCOPES: [ApiScope; 3] = [ApiScope::Sign, ApiScope::Read, ApiScope::Manage];

/// Makes sure that the main application has a key pair, a backend key and an admin token. Credentials of the
/// configuration are put in place at every start; missing ones are generated on the first start only.
pub async fn first_run(app: &App) -> Result<Generated> {
    let root = &app.config.root;
    let mut generated = Generated::default();
    let account = match &app.config.mode {
        Mode::Tencent(account) => Some(account),
        Mode::Local => None,
    };
    let wanted = root
        .app_id
        .or(account.and_then(|account| account.sub_app_id))
        .unwrap_or_else(|| AppId(rand::random_range(1_300_000_000..1_400_000_000)));
    let (main, fresh) = main_app(app, wanted).await?;
    let main = *app.main_app.get_or_init(|| main);
    if let Some(sub) = account.and_then(|account| account.sub_app_id).filter(|sub| *sub != main) {
        contradiction!(
            "tencent.sub_app_id {sub} is not {main}, the main application of root.app_id or of this database; give the same \
             number, or start with another database"
        );
    }
    let mut given_or_new = |name, given: Option<&str>, make: fn() -> String| match given {
        Some(text) => Some(text.to_owned()),
        None if fresh => {
            let text = make();
            generated.0.push((name, text.clone()));
            Some(text)
        }
        None => None,
    };
    let secret =
        |text: &Option<secrecy::SecretString>| text.as_ref().map(|text| text.expose_secret().to_owned());
    let (secret_id, secret_key) = match account {
        // The real cloud knows its own key pair only.
        Some(account) => {
            (Some(account.secret_id.clone()), Some(account.secret_key.expose_secret().to_owned()))
        }
        None => (
            given_or_new("SecretId", root.secret_id.as_deref(), || format!("AKID{}", random_text(32))),
            given_or_new("SecretKey", secret(&root.secret_key).as_deref(), || random_text(32)),
        ),
    };
    let api_key = given_or_new("API key", secret(&root.api_key).as_deref(), new_api_key);
    let admin = given_or_new("admin token", secret(&root.admin_token).as_deref(), new_api_key);
    if let (Some(id), Some(key)) = (secret_id, secret_key) {
        put_secret_key(app, &id, &key).await?;
    }
    if let Some(key) = api_key {
        put_api_key(app, main, &key, "backend", &BACKEND_SCOPES).await?;
    }
    if let Some(token) = admin {
        put_api_key(app, main, &token, "admin", &[ApiScope::Admin]).await?;
    }
    if fresh {
        generated.0.insert(0, ("application", main.to_string()));
    }
    app.directory.changed();
    Ok(generated)
}

/// The main application and whether it was made just now.
async fn main_app(app: &App, wanted: AppId) -> Result<(AppId, bool)> {
    let unit = unit::<(AppId, bool), StoreError, _>(move |tx| {
        Box::pin(async move {
            let stored = tx.set_meta_if_absent("main_app", &wanted.to_string()).await?;
            let main = stored.parse().unwrap_or(wanted);
            let fresh = tx.app(main).await?.is_none();
            if fresh {
                tx.create_app(&NewApp { id: main, name: "main".to_owned(), private: false }).await?;
            }
            Ok((main, fresh))
        })
    });
    app.store.write(unit).await.context("the main application cannot be made")
}

/// Stores a key pair. A SecretId that is stored already must be stored with this very key: silently keeping another one would make
/// every signature of the backend fail.
pub async fn put_secret_key(app: &App, id: &str, key: &str) -> Result<()> {
    if let Some(stored) = app.store.read().await?.secret_key(id).await? {
        if app.vault.open_sealed(id, &stored.sealed)?.expose_secret() == key {
            return Ok(());
        }
        contradiction!(
            "root.secret_key (or tencent.secret_key) is not the key that SecretId {id} is stored with; give the old key, or \
             another SecretId"
        );
    }
    let sealed = app.vault.seal(id, key)?;
    let new = NewSecretKey { secret_id: id.to_owned(), sealed, name: "first".to_owned(), apps: KeyApps::All };
    let put = app.store.write(move |tx| Box::pin(async move { tx.create_secret_key(&new).await })).await;
    match put {
        // Not found above, and yet there: it was revoked, so nothing could be signed or verified with it.
        Err(StoreError::AlreadyExists) => {
            contradiction!("SecretId {id} of the configuration was revoked here; give another SecretId")
        }
        put => put.context("the first SecretId cannot be stored"),
    }
}

async fn put_api_key(app: &App, main: AppId, key: &str, name: &str, scopes: &[ApiScope]) -> Result<()> {
    let scope = Scope::system(main);
    let new = NewApiKey { hash: digest(key), name: name.to_owned(), scopes: scopes.to_vec() };
    let put = app.store.write(move |tx| Box::pin(async move { tx.create_api_key(&scope, &new).await })).await;
    known_is_fine(put.map(drop)).context("an API key of the configuration cannot be stored")
}

fn known_is_fine(put: Result<(), StoreError>) -> Result<(), StoreError> {
    match put {
        Err(StoreError::AlreadyExists) => Ok(()),
        other => other,
    }
}

/// How every API key that is made here begins.
pub const API_KEY_PREFIX: &str = "rgk_";

/// A new API key: prefixed, so that a leaked one is recognised for what it is.
pub fn new_api_key() -> String {
    format!("{API_KEY_PREFIX}{}", random_text(40))
}

/// `length` random letters and digits.
pub fn random_text(length: usize) -> String {
    use rand::distr::{Alphanumeric, SampleString};
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// Tells where the server is, what was generated, and what to try next. The only place where secrets are printed.
#[expect(
    clippy::print_stderr,
    reason = "the greeting is for the person who starts the server, not for the log"
)]
pub fn announce(url: &str, generated: &Generated, is_tencent: bool) {
    eprintln!("\nReelgate listens on {url}\n  console: {url}/console");
    if generated.0.is_empty() {
        eprintln!("  credentials: as given, or as printed at the first start (`key create` makes new ones)");
    } else {
        eprintln!("\nCredentials, generated now and never shown again:");
    }
    for (name, text) in &generated.0 {
        eprintln!("  {name:<12} {text}");
    }
    let token = generated.0.iter().find(|(name, _)| *name == "API key").map_or("<API key>", |(_, key)| key);
    // As it was called: nobody has it in PATH after `make run`.
    let program = std::env::args().next().unwrap_or_else(|| "reelgate".to_owned());
    if is_tencent {
        eprintln!(
            "\nNext:\n  curl -s {url}/v1/upload-signatures -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \
             -d '{{\"user\":\"42\"}}'\n"
        );
        return;
    }
    eprintln!(
        "\nNext:\n  REELGATE_URL={url} REELGATE_TOKEN='{token}' {program} upload samples/bbb-excerpt-44s-720p.mp4\n"
    );
}
