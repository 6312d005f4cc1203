//! `reelgate why`: everything that happened to one file.

use clap::Args;
use serde_json::Value;

use super::exit::Failure;
use super::remote::{Remote, block_on, encode};
use super::tell::{cell, line, table};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// The file, as events and `reelgate upload` name it.
    #[arg(value_name = "FILE_ID")]
    file_id: String,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    block_on(async {
        let path = format!("/v1/media/{}/timeline", encode(&arguments.file_id));
        let answer = server.get(&path).await?;
        if arguments.json {
            return Ok(line(&format!("{answer:#}"))?);
        }
        let entries = answer["entries"].as_array().into_iter().flatten();
        Ok(table(&entries.map(row).collect::<Vec<_>>())?)
    })
}

fn row(entry: &Value) -> Vec<String> {
    let detail = entry["detail"].as_object().into_iter().flatten();
    let known = detail.filter(|(_, value)| !value.is_null() && *value != "");
    let detail: Vec<_> = known.map(|(name, value)| format!("{name}={}", cell(value))).collect();
    vec![cell(&entry["at"]), cell(&entry["kind"]), cell(&entry["title"]), detail.join(" ")]
}
