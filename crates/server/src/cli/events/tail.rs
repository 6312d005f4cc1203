//! `reelgate events tail`.

use clap::Args;
use serde_json::Value;

use super::feed::{Feed, Wanted};
use crate::cli::exit::Failure;
use crate::cli::remote::{Server, block_on};
use crate::cli::tell::{cell, line};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: Wanted,
    /// Print each event as JSON, one on a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(server: &Server, arguments: &Arguments) -> Result<(), Failure> {
    block_on(async {
        let mut feed = Feed::new(server, &arguments.wanted, None);
        loop {
            let event = feed.next().await?.data;
            line(&if arguments.json { event.to_string() } else { row(&event) })?;
        }
    })
}

/// Time, number, type, file, and what there is to say besides.
pub(super) fn row(event: &Value) -> String {
    let file = match (&event["file_id"], &event["file_seq"]) {
        (Value::String(file), Value::Number(seq)) => format!("  {file} #{seq}"),
        (Value::String(file), _) => format!("  {file}"),
        _ => String::new(),
    };
    let test = if event["test"] == true { "  (test)" } else { "" };
    format!(
        "{}  {:>8}  {}{file}{test}",
        cell(&event["recorded_at"]),
        cell(&event["seq"]),
        cell(&event["type"])
    )
}
