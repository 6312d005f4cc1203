//! `reelgate events tail`.

use clap::Args;

use super::feed::{Event, Feed, Wanted};
use crate::cli::exit::Failure;
use crate::cli::remote::{Server, block_on};
use crate::cli::tell::{line_read, plain};

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
            let told = feed.next().await?;
            if !line_read(&if arguments.json { told.text } else { row(&told.event) })? {
                return Ok(());
            }
        }
    })
}

/// Time, number, type, file, and what there is to say besides.
pub(super) fn row(event: &Event) -> String {
    let file = match (&event.file_id, event.file_seq) {
        (Some(file), Some(seq)) => format!("  {} #{seq}", plain(file)),
        (Some(file), None) => format!("  {}", plain(file)),
        (None, _) => String::new(),
    };
    let test = if event.test { "  (test)" } else { "" };
    format!("{}  {:>8}  {}{file}{test}", plain(&event.recorded_at), plain(&event.seq), plain(&event.r#type))
}
