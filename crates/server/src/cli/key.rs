//! `reelgate key`: API keys and SecretIds.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::Failure;
use super::remote::{Remote, block_on, encode};
use super::tell::{cell, line, table};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Make a key; its secret is printed now and never again.
    Create {
        /// What people call it.
        name: String,
        /// Make a SecretId with its SecretKey (signs uploads) instead of an API key.
        #[arg(long, conflicts_with = "scopes")]
        secret: bool,
        /// What an API key may do: sign, read, manage, review, admin; give it again for more [default: sign, read].
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Application it is good for [default: that of the token; all for a SecretId].
        #[arg(long, value_name = "ID")]
        app: Option<String>,
        /// Store this SecretId of the vendor's console instead of a new one; its SecretKey is read from
        /// REELGATE_IMPORT_SECRET_KEY.
        #[arg(long, value_name = "SECRET_ID", requires = "secret")]
        import: Option<String>,
    },
    /// Make another key like this one, which ends after an overlap.
    Rotate {
        /// Its id or SecretId, as `key list` shows it.
        id: String,
        /// How long the old one stays good, seconds [default: 86400 for an API key, 7776000 for a SecretId].
        #[arg(long, value_name = "SECONDS")]
        overlap: Option<u64>,
        /// Follow a SecretId by this one of the vendor's console; its SecretKey is read from
        /// REELGATE_IMPORT_SECRET_KEY.
        #[arg(long, value_name = "SECRET_ID")]
        import: Option<String>,
    },
    /// Show keys, without their secrets.
    List {
        /// Show SecretIds instead of API keys.
        #[arg(long)]
        secret: bool,
        /// Application whose API keys are wanted [default: that of the token].
        #[arg(long, value_name = "ID", conflicts_with = "secret")]
        app: Option<String>,
    },
    /// Refuse a key from now on.
    Revoke {
        /// Its id or SecretId, as `key list` shows it.
        id: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    block_on(async {
        match &arguments.action {
            Action::Create { name, secret, scopes, app, import } => {
                let mut body = body(name, *secret, scopes, app.as_deref());
                add_import(&mut body, import.as_deref())?;
                tell_new(&server.post("/v1/keys", &body).await?, import.is_some())?;
            }
            Action::Rotate { id, overlap, import } => {
                let mut body = json!({});
                if let Some(seconds) = overlap {
                    body["overlap_seconds"] = json!(seconds);
                }
                add_import(&mut body, import.as_deref())?;
                let made = server.post(&format!("/v1/keys/{}/rotate", encode(id)), &body).await?;
                tell_new(&made, import.is_some())?;
            }
            Action::List { secret, app } => {
                let kind = if *secret { "secret" } else { "api" };
                let of = app.as_ref().map(|app| format!("&app={}", encode(app))).unwrap_or_default();
                let items = server.items(&format!("/v1/keys?kind={kind}{of}")).await?;
                let head = ["ID", "NAME", "SCOPES", "APPS", "CREATED", "ENDS", "REVOKED"]
                    .map(str::to_owned)
                    .to_vec();
                table(&std::iter::once(head).chain(items.iter().map(row)).collect::<Vec<_>>())?;
            }
            Action::Revoke { id } => {
                server.post(&format!("/v1/keys/{}/revoke", encode(id)), &json!({})).await?;
                line(&format!("key {id} revoked"))?;
            }
        }
        Ok(())
    })
}

/// Environment variable of a SecretKey to be stored: other users can see command lines.
const IMPORT: &str = "REELGATE_IMPORT_SECRET_KEY";

fn add_import(body: &mut Value, secret_id: Option<&str>) -> Result<(), Failure> {
    let Some(secret_id) = secret_id else { return Ok(()) };
    let key = std::env::var(IMPORT).ok().filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Failure::usage(anyhow!("set {IMPORT} to the SecretKey of {secret_id}")))?;
    body["secret_id"] = json!(secret_id);
    body["secret_key"] = json!(key);
    Ok(())
}

/// The secret is told once; one that was given is known already.
fn tell_new(made: &Value, was_given: bool) -> anyhow::Result<()> {
    let names = if made["kind"] == "secret" { ["SecretId", "SecretKey"] } else { ["id", "key"] };
    line(&format!("{:<10} {}", names[0], cell(&made["id"])))?;
    if was_given {
        return Ok(());
    }
    line(&format!("{:<10} {}", names[1], cell(&made["secret"])))
}

fn body(name: &str, secret: bool, scopes: &[String], app: Option<&str>) -> Value {
    let mut body = json!({"name": name, "kind": if secret { "secret" } else { "api" }});
    if !scopes.is_empty() {
        body["scopes"] = json!(scopes);
    }
    if let Some(app) = app {
        body["app"] = json!(app);
    }
    body
}

fn row(key: &Value) -> Vec<String> {
    let apps = if key["apps"].is_null() { "all".to_owned() } else { cell(&key["apps"]) };
    let text = |name| cell(&key[name]);
    vec![
        text("id"),
        text("name"),
        text("scopes"),
        apps,
        text("created_at"),
        text("expires_at"),
        text("revoked_at"),
    ]
}
