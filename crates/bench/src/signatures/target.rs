//! What is measured: a running server and the requests it is asked with.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::scenario::Scenario;
use super::{Options, load};
use crate::choice::Choice;
use crate::machine;
use crate::server::{self, Server};

/// Characters of the peers' `sourceContext`: makes what they sign as long as what Reelgate signs.
const CONTEXT: usize = 212;

/// A server that has answered once.
pub(crate) struct Target {
    /// Which one.
    pub(crate) choice: Choice,
    /// Its process.
    pub(crate) server: Server,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What is sent to it, in turn.
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    /// Bytes that are signed.
    pub(crate) signed: usize,
    /// Rows and bytes of the server; deleted with it.
    _directory: Option<TempDir>,
}

/// A target, or why there is none on this machine.
pub(crate) enum Started {
    /// It runs.
    Running(Box<Target>),
    /// It needs something that is not here, and the others make sense without it.
    LeftOut(String),
}

impl Target {
    /// Starts what `choice` names and asks it once.
    pub(crate) async fn start(choice: Choice, options: &Options) -> Result<Started> {
        let target = match choice {
            Choice::Axum => Self::peer(choice, axum()?).await?,
            Choice::Express => match express(&options.express).await {
                Ok(command) => Self::peer(choice, command).await?,
                Err(missing) => return Ok(Started::LeftOut(missing.to_string())),
            },
            _ => Self::reelgate(choice, options).await?,
        };
        Ok(Started::Running(Box::new(target)))
    }

    async fn peer(choice: Choice, command: Command) -> Result<Self> {
        let server = Server::start(command).await?;
        let request = format!("GET /getUploadSignature HTTP/1.1\r\nHost: {}\r\n\r\n", server.address()?);
        Self::asked(choice, server, vec![request.into_bytes()], None).await
    }

    async fn reelgate(choice: Choice, options: &Options) -> Result<Self> {
        let directory = tempfile::tempdir_in(&options.scratch).context("a data directory cannot be made")?;
        let scenario = Scenario::of(choice, directory.path(), options.policy)?;
        let scenario = scenario.with_context(|| format!("{} is no scenario", choice.word()))?;
        let mut command = server::reelgate(&options.server, directory.path(), "dispatch");
        command.envs(scenario.environment.iter().map(|(name, value)| (name, value)));
        let server = Server::start(command).await?;
        let requests = scenario.requests(&server.address()?.to_string());
        Self::asked(choice, server, requests, Some(directory)).await
    }

    async fn asked(
        choice: Choice,
        server: Server,
        requests: Vec<Vec<u8>>,
        directory: Option<TempDir>,
    ) -> Result<Self> {
        let address = server.address()?;
        let first = requests.first().context("there is nothing to ask")?;
        let answer = load::once(address, first).await.context("the first request")?;
        let signed = signed(&answer)?;
        Ok(Self { choice, server, address, requests: Arc::new(requests), signed, _directory: directory })
    }
}

/// This program once more, as the peer.
fn axum() -> Result<Command> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = server::program(&program);
    command.arg("axum-peer").arg(CONTEXT.to_string());
    Ok(command)
}

/// The peer in `directory`, or what it lacks.
async fn express(directory: &Path) -> Result<Command> {
    if machine::ask("node", &["--version"]).await.is_none() {
        bail!("Node was not found");
    }
    if express_version(directory).is_none() {
        bail!("Express is not installed; run `npm ci` in {}", directory.display());
    }
    let mut command = server::program(Path::new("node"));
    command.arg(directory.join("server.js")).arg(CONTEXT.to_string()).env("NODE_ENV", "production");
    Ok(command)
}

/// The version of Express that is installed in `directory`.
pub(crate) fn express_version(directory: &Path) -> Option<String> {
    machine::node_package(directory, "express")
}

/// Bytes that the signature of an answer is of: Reelgate's own, or one in the sample's shape.
fn signed(answer: &[u8]) -> Result<usize> {
    const MAC: usize = 20;
    let found = || {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let signature = answer["signature"].as_str().or_else(|| answer["data"]["signature"].as_str())?;
        STANDARD.decode(signature).ok()?.len().checked_sub(MAC)
    };
    found().with_context(|| format!("no signature in the answer {}", String::from_utf8_lossy(answer)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_shapes_of_answers_tell_how_much_was_signed() {
        let signature = "A".repeat(40);
        for answer in [
            format!(r#"{{"signature":"{signature}"}}"#),
            format!(r#"{{"code":0,"data":{{"signature":"{signature}"}}}}"#),
        ] {
            assert_eq!(super::signed(answer.as_bytes()).unwrap(), 10);
        }
        assert!(super::signed(br#"{"code":1}"#).is_err());
    }
}
