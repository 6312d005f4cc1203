//! The command line: one command, one file.

mod allocator;
mod app;
mod demo;
mod doctor;
mod doctor_bytes;
mod events;
mod exit;
mod explain;
mod key;
mod migrate;
mod openapi;
mod remote;
mod revoke;
mod serve;
mod sign;
mod signatures;
mod tell;
mod upload;
mod why;

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
    /// Show the whole chain on a real video: a server of its own, upload, processing, events, playback.
    Demo(demo::Arguments),
    /// Get an upload signature.
    Sign(sign::Arguments),
    /// Say what an upload signature holds and which rule it fails.
    Explain(explain::Arguments),
    /// Upload a file; after an interruption the same command goes on where it was.
    Upload(upload::Arguments),
    /// Show everything that happened to a file.
    Why(why::Arguments),
    /// Follow the event log, bring it to a laptop, send events again, try it out.
    Events(events::Arguments),
    /// Create, list and revoke applications.
    App(app::Arguments),
    /// Take upload permission back: one, or all of a user or of a key.
    Revoke(revoke::Arguments),
    /// Show what the signature service granted and refused.
    Signatures(signatures::Arguments),
    /// Create, list, rotate and revoke API keys and SecretIds.
    Key(key::Arguments),
    /// Look at this machine: configuration, database, storage, ffmpeg, sandbox, models; or at the stored bytes.
    Doctor(doctor::Arguments),
    /// Bring the database to what this binary needs.
    Migrate(migrate::Arguments),
    /// Print the OpenAPI document of /v1.
    Openapi,
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version come this way too, on standard output.
            let _ = told.print();
            return if told.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    exit::report(match cli.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Upload(arguments) => upload::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Events(arguments) => events::run(&arguments),
        Command::App(arguments) => app::run(&arguments),
        Command::Revoke(arguments) => revoke::run(&arguments),
        Command::Signatures(arguments) => signatures::run(&arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Openapi => openapi::run(),
    })
}
