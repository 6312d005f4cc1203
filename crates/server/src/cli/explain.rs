//! `reelgate explain`: what a signature holds and which rule it fails.

use std::io::Read;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::exit::Failure;
use super::remote::{Remote, block_on};
use super::tell::{cell, line, table};

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
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    let signature = match arguments.signature.as_str() {
        "-" => from_stdin()?,
        text => text.to_owned(),
    };
    block_on(async {
        let answer = server.post("/v1/signatures/explain", &json!({"signature": signature.trim()})).await?;
        if arguments.json {
            return Ok(line(&format!("{answer:#}"))?);
        }
        Ok(tell(&answer)?)
    })
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
    table(&rows)?;
    for check in answer["checks"].as_array().into_iter().flatten() {
        line(&format!("  {:<11} {}", cell(&check["outcome"]), cell(&check["rule"])))?;
    }
    if answer["ok"] == true {
        return line("The upload doors would take it now.");
    }
    let refusal = &answer["refusal"];
    line(&format!("Refused with code {}: {}", cell(&refusal["vendor_code"]), cell(&refusal["sentence"])))?;
    line(&format!("To do: {}", cell(&refusal["advice"])))
}
