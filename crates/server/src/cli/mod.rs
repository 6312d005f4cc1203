//! The command line: one command, one file.

mod exit;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::CommandLine;

/// The whole of client video upload in one binary.
#[derive(Parser)]
#[command(name = "reelgate", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server: all roles, or those of --roles.
    Serve(ServeArgs),
}

/// Where the configuration comes from; shared by the commands that work on this machine.
#[derive(Args, Clone)]
struct ConfigArgs {
    /// Configuration file (TOML).
    #[arg(long, env = "REELGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where rows, bytes and the master key live [default: ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address and port to listen on [default: 127.0.0.1:8300].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Parts to start, separated by commas: dispatch, gateway, api, worker, delivery, upkeep [default: all].
    #[arg(long, value_name = "ROLES")]
    roles: Option<String>,
}

impl ConfigArgs {
    fn line(&self) -> CommandLine {
        CommandLine { config: self.config.clone(), data_dir: self.data_dir.clone(), ..CommandLine::default() }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(arguments) => serve::run(&arguments),
    };
    exit::report(outcome)
}
