//! `reelgate events trigger`.

use clap::Args;
use serde_json::json;

use crate::cli::exit::Failure;
use crate::cli::remote::{Server, block_on};
use crate::cli::tell::{cell, line};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Type of the event: NewFileUpload.
    #[arg(value_name = "TYPE")]
    kind: String,
}

pub(super) fn run(server: &Server, arguments: &Arguments) -> Result<(), Failure> {
    block_on(async {
        let answer = server.post("/v1/events/trigger", &json!({"type": arguments.kind})).await?;
        line(&format!(
            "{} {} about file {}, which does not exist, is on its way to every reader, marked as a test",
            arguments.kind,
            cell(&answer["event_id"]),
            cell(&answer["file_id"])
        ))?;
        Ok(())
    })
}
