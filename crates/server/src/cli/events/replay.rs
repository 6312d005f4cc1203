//! `reelgate events replay`.

use anyhow::anyhow;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::cli::exit::Failure;
use crate::cli::remote::{Server, block_on};
use crate::cli::tell::{cell, line};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Recorded from then on: a time (2026-05-28T20:26:40Z) or so long ago (90m, 36h, 3d).
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Recorded until then, written in the same way.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Only these types, separated by commas.
    #[arg(long = "type", value_name = "TYPE,…", value_delimiter = ',')]
    types: Vec<String>,
    /// Only events about this file.
    #[arg(long, value_name = "FILE_ID")]
    file: Option<String>,
    /// Only to this endpoint [default: to all that are enabled].
    #[arg(long, value_name = "ID")]
    endpoint: Option<String>,
    /// Only what was given up.
    #[arg(long)]
    dead: bool,
    /// Everything that is kept. Needed when nothing else says what.
    #[arg(long)]
    all: bool,
}

pub(super) fn run(server: &Server, arguments: &Arguments) -> Result<(), Failure> {
    let narrowed = arguments.since.is_some() || arguments.file.is_some() || arguments.dead;
    if !narrowed && !arguments.all {
        return Err(Failure::usage(anyhow!(
            "say which events: --since, --file or --dead; or --all for everything that is kept"
        )));
    }
    block_on(async {
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        set("since", arguments.since.map(|time| json!(time.to_string())));
        set("until", arguments.until.map(|time| json!(time.to_string())));
        set("types", (!arguments.types.is_empty()).then(|| json!(arguments.types)));
        set("file_id", arguments.file.as_ref().map(|file| json!(file)));
        set("endpoint_id", arguments.endpoint.as_ref().map(|id| json!(id)));
        set("state", arguments.dead.then(|| json!("dead")));
        let answer = server.post("/v1/events/replay", &Value::Object(body)).await?;
        for replay in answer["replays"].as_array().into_iter().flatten() {
            line(&format!(
                "replay {} to endpoint {} has begun",
                cell(&replay["id"]),
                cell(&replay["endpoint_id"])
            ))?;
        }
        Ok(())
    })
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let malformed =
        || format!("{text:?} is neither a time such as 2026-05-28T20:26:40Z nor so long ago such as 36h");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(malformed)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(malformed()),
    };
    let count: i64 =
        number.parse().ok().filter(|count| (0..=1_000_000).contains(count)).ok_or_else(malformed)?;
    Timestamp::now().checked_sub(SignedDuration::from_secs(count * seconds)).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        assert_eq!(time("2026-05-28T20:26:40Z").unwrap().as_second(), 1_780_000_000);
        let ago = Timestamp::now().as_second() - time("2h").unwrap().as_second();
        assert!((7199..=7201).contains(&ago), "{ago}");
        for bad in ["", "h", "5", "-1h", "1w", "99999999d", "ä"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
