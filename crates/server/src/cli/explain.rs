//! `reelgate explain`: what a signature holds and which rule it fails. Without a token no server is asked: then the MAC
//! is checked only if the SecretKey is given, and what rows say is left open.

use std::io::Read;

use anyhow::Context;
use clap::Args;
use reelgate_model::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::exit::Failure;
use super::remote::{Remote, block_on};
use super::tell::{cell, line, table};
use crate::dispatch::explain_alone;
use crate::http::api::explain_signature;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// The signature as the client sends it; `-` reads it from standard input.
    #[arg(value_name = "SIGNATURE")]
    signature: String,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Ask no server, even with a token; the MAC is checked if REELGATE_SECRET_KEY is set.
    #[arg(long)]
    offline: bool,
}

/// Environment variable of the SecretKey: other users can see command lines.
const SECRET_KEY: &str = "REELGATE_SECRET_KEY";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let signature = match arguments.signature.as_str() {
        "-" => from_stdin()?,
        text => text.to_owned(),
    };
    if arguments.offline || !arguments.remote.has_token() {
        let key = std::env::var(SECRET_KEY).ok().filter(|key| !key.is_empty()).map(SecretString::from);
        let key = key.as_ref().map(|key| key.expose_secret().as_bytes());
        let explanation = explain_alone(&signature, key, Clock::machine().now().seconds());
        let answer = serde_json::to_value(explain_signature::answer(explanation));
        return print(arguments, &answer.context("the explanation cannot be written as JSON")?);
    }
    let server = arguments.remote.server()?;
    block_on(async {
        let answer = server.post("/v1/signatures/explain", &json!({"signature": signature.trim()})).await?;
        print(arguments, &answer)
    })
}

fn print(arguments: &Arguments, answer: &Value) -> Result<(), Failure> {
    if arguments.json {
        return Ok(line(&format!("{answer:#}"))?);
    }
    Ok(tell(answer)?)
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let most = 1 << 20;
    std::io::stdin().take(most).read_to_string(&mut text).context("standard input cannot be read")?;
    Ok(text)
}

fn tell(answer: &Value) -> anyhow::Result<()> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![row("signed", cell(&answer["signed_string"]))];
    for field in answer["fields"].as_array().into_iter().flatten() {
        rows.push(row(&format!("  {}", cell(&field["name"])), cell(&field["value"])));
    }
    rows.push(row("key", cell(&answer["key"])));
    rows.push(row("MAC", cell(&answer["mac"])));
    if let Some(remaining) = answer["clock"]["remaining"].as_i64() {
        let ago = -answer["clock"]["signed_ahead"].as_i64().unwrap_or(0);
        rows.push(row("clock", format!("signed {ago} s ago by the server's clock, {remaining} s left")));
    }
    for (name, value) in answer["permission"].as_object().into_iter().flatten() {
        if !value.is_null() && *value != json!([]) && *value != json!("") {
            rows.push(row(&format!("permission {name}"), cell(value)));
        }
    }
    table(&rows)?;
    for check in answer["checks"].as_array().into_iter().flatten() {
        line(&format!("  {:<11} {}", cell(&check["outcome"]), cell(&check["rule"])))?;
    }
    if answer["ok"] == true {
        return line(match answer["key"].as_str() {
            Some("not_checked") => {
                "No rule that can be checked without a server fails; REELGATE_TOKEN asks the server about the rest."
            }
            _ => "The upload doors would take it now.",
        });
    }
    let refusal = &answer["refusal"];
    line(&format!("Refused with code {}: {}", cell(&refusal["vendor_code"]), cell(&refusal["sentence"])))?;
    line(&format!("To do: {}", cell(&refusal["advice"])))
}
