//! `reelgate app`: applications of the account.

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
    /// Make an application.
    Create {
        /// What people call it.
        name: String,
        /// Its id (SubAppId) [default: drawn].
        #[arg(long)]
        id: Option<String>,
        /// Keep its media private until the verdict.
        #[arg(long)]
        private: bool,
    },
    /// Show all applications.
    List,
    /// Accept nothing more for an application; its media stay.
    Revoke {
        /// Its id.
        id: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    block_on(async {
        match &arguments.action {
            Action::Create { name, id, private } => {
                let body = json!({"name": name, "id": id, "private": private});
                let made = server.post("/v1/apps", &body).await?;
                line(&format!(
                    "application {} created; next: reelgate key create NAME --app {0}",
                    cell(&made["id"])
                ))?;
            }
            Action::List => {
                let head = ["ID", "NAME", "PRIVATE", "CREATED", "REVOKED"].map(str::to_owned).to_vec();
                let items = server.items("/v1/apps").await?;
                table(&std::iter::once(head).chain(items.iter().map(row)).collect::<Vec<_>>())?;
            }
            Action::Revoke { id } => {
                server.post(&format!("/v1/apps/{}/revoke", encode(id)), &json!({})).await?;
                line(&format!("application {id} revoked"))?;
            }
        }
        Ok(())
    })
}

fn row(app: &Value) -> Vec<String> {
    ["id", "name", "private", "created_at", "revoked_at"].map(|name| cell(&app[name])).to_vec()
}
