//! `reelgate events`: the event log on the command line.

mod feed;
mod listen;
mod replay;
mod tail;
mod trigger;

use clap::{Args, Subcommand};

use super::exit::Failure;
use super::remote::Remote;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Print events as they happen.
    Tail(tail::Arguments),
    /// Post events to an address near this command, such as a server on your laptop behind NAT.
    Listen(listen::Arguments),
    /// Send events again to the endpoints of the application.
    Replay(replay::Arguments),
    /// Record a made-up event, marked as a test, to see that it arrives.
    Trigger(trigger::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    match &arguments.action {
        Action::Tail(arguments) => tail::run(&server, arguments),
        Action::Listen(arguments) => listen::run(&server, arguments),
        Action::Replay(arguments) => replay::run(&server, arguments),
        Action::Trigger(arguments) => trigger::run(&server, arguments),
    }
}
