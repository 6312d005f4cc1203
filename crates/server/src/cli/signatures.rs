//! `reelgate signatures`: what the signature service granted and refused.

use clap::Args;
use serde_json::Value;

use super::exit::Failure;
use super::remote::{Remote, block_on, encode};
use super::tell::{cell, line, table};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// Of this user only.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Not before this time, such as 2030-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Entries wanted, newest first.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    let filters = [("user", &arguments.user), ("since", &arguments.since), ("until", &arguments.until)];
    let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let query: String = filters.map(|(name, value)| format!("&{name}={}", encode(value))).collect();
    block_on(async {
        let page = server.get(&format!("/v1/signature-log?limit={}{query}", arguments.limit)).await?;
        if arguments.json {
            return Ok(line(&format!("{page:#}"))?);
        }
        let head =
            ["AT", "CODE", "USER", "CALLER", "FROM", "PERMISSION OR REASON"].map(str::to_owned).to_vec();
        let rows = page["items"].as_array().into_iter().flatten().map(row);
        Ok(table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())?)
    })
}

fn row(entry: &Value) -> Vec<String> {
    let detail = &entry["detail"];
    let detail = if detail["sentence"].is_null() { &detail["permission_id"] } else { &detail["sentence"] };
    let text = |name| cell(&entry[name]);
    vec![text("at"), text("code"), text("user"), text("caller"), text("remote"), cell(detail)]
}
