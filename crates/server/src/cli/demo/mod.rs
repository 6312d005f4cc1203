//! `reelgate demo`: the whole chain on a real video, seen from outside.
//!
//! The server is this same program, started as a child on a fresh data directory; everything goes through its public
//! doors. A step counts as seen only when the *other* side says so: the server's access log, the receiver that got
//! an event, ffprobe over what a player would download. Our own calls prove nothing.

mod access_log;
mod announce;
mod doors;
mod playback;
mod playlist;
mod process;
mod receiver;
mod review;
mod send;
mod server;
mod show;
mod sign;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use reelgate_media::Tools;
use reelgate_media::sandbox::{Mode, Sandbox};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Failure;
use access_log::AccessLog;
use doors::Doors;
use receiver::Receiver;
use server::Server;
use show::{Show, Step};

/// What the demonstration can be told.
#[derive(Args)]
pub(super) struct Arguments {
    /// Video to upload.
    #[arg(long, value_name = "FILE", default_value = "samples/bbb-excerpt-44s-720p.mp4")]
    video: PathBuf,
    /// Start only these roles of the server; without `worker` the demonstration has to fail.
    #[arg(long, value_name = "ROLES")]
    roles: Option<String>,
    /// Keep the temporary directory (rows, bytes, logs, what was played) also when all went well.
    #[arg(long)]
    keep: bool,
}

/// What every step works with.
struct Stage {
    /// For what is downloaded; removed at the end.
    directory: PathBuf,
    video: PathBuf,
    doors: Doors,
    log: AccessLog,
    receiver: Receiver,
    sandbox: Sandbox,
}

/// Runs the demonstration and stops what it started.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::serve::install_crypto();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(demonstrate(arguments))
}

async fn demonstrate(arguments: &Arguments) -> Result<(), Failure> {
    let began = Instant::now();
    let video = readable(&arguments.video).map_err(Failure::unavailable)?;
    let sandbox = sandbox().map_err(Failure::unavailable)?;
    let mut interrupted = Interrupted::watch()?;
    let scratch = tempfile::Builder::new().prefix("reelgate-demo-").tempdir();
    let scratch = scratch.context("a temporary directory cannot be made")?;
    let directory = scratch.path().to_owned();

    let mut show = Show::new();
    show.title(&format!("Reelgate: the whole chain on {}", arguments.video.display()));
    let mut server = Server::start(&directory, arguments.roles.as_deref())?;
    let outcome = tokio::select! {
        outcome = chain(&mut show, &mut server, sandbox, &directory, video) => outcome,
        name = interrupted.next() => Err(anyhow!("interrupted by {name}")),
    };
    show.end_bar();
    server.stop().await;
    let seconds = began.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            if arguments.keep {
                show.line(&format!("kept: {}", scratch.keep().display()));
            }
            show.title(&format!("all {} steps were seen in {seconds:.1} s", Step::ALL.len()));
            Ok(())
        }
        Err(error) => {
            let kept = scratch.keep();
            Err(error.context(show.what_is_missing(&kept, seconds)).into())
        }
    }
}

/// The steps in their order; the first one that is not seen ends it.
async fn chain(
    show: &mut Show,
    server: &mut Server,
    sandbox: Sandbox,
    directory: &Path,
    video: PathBuf,
) -> Result<()> {
    show.step(Step::Start);
    let origin = server.ready().await?;
    show.line(&format!(
        "the server says ready at {origin}, on SQLite and a directory; roles: {}",
        server.roles()
    ));

    show.step(Step::Subscribe);
    let doors = Doors::new(origin, server.api_key().to_owned())?;
    let receiver = Receiver::start().await?;
    let told = doors.put_endpoint(receiver.url()).await?;
    show.line(&format!("the server will post events to {told}, a receiver of this process"));

    let log = AccessLog::new(server.access_log());
    let stage = Stage { directory: directory.to_owned(), video, doors, log, receiver, sandbox };
    show.step(Step::Sign);
    sign::sign(&stage, show).await?;
    show.step(Step::Send);
    let file_id = send::send(&stage, show).await?;
    show.step(Step::Announce);
    announce::announce(&stage, show, &file_id).await?;
    show.step(Step::Process);
    process::process(&stage, show, &file_id).await?;
    show.step(Step::Tell);
    let task = process::tell(&stage, show, &file_id).await?;
    show.step(Step::Play);
    playback::play(&stage, show, &task).await?;
    show.step(Step::Review);
    review::review(&stage, show, &file_id, &task).await?;
    show.seen();
    Ok(())
}

/// The video as an absolute path, if it can be read.
fn readable(video: &Path) -> Result<PathBuf> {
    let opened = std::fs::File::open(video).and_then(|file| file.metadata());
    let about = opened
        .with_context(|| format!("video {} cannot be read; name another with --video", video.display()))?;
    if !about.is_file() || about.len() == 0 {
        bail!("video {} is not a file with bytes in it; name another with --video", video.display());
    }
    std::path::absolute(video).with_context(|| format!("video {} has no absolute form", video.display()))
}

/// For ffprobe over what was downloaded: what a server sends is no more trusted than what an uploader sends.
fn sandbox() -> Result<Sandbox> {
    let helper = std::env::current_exe().context("the path of this program is unknown")?;
    let tools = Tools::find(&std::env::var_os("PATH").unwrap_or_default())?;
    let off = std::env::var("REELGATE_MEDIA__SANDBOX").is_ok_and(|word| word == "off");
    Sandbox::new(helper, if off { Mode::Off } else { Mode::On }, tools)
        .context("the sandbox cannot be started")
}

/// Ctrl-C and SIGTERM, watched before there is anything to clean up.
struct Interrupted {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupted {
    fn watch() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?,
            terminate: signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
