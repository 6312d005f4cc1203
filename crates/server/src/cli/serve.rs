//! `reelgate serve`: the server itself.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use reelgate_model::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::exit::Failure;
use super::{ServeArgs, allocator};
use crate::app::App;
use crate::bootstrap;
use crate::config::{CommandLine, Config};
use crate::http::{install_metrics, router};
use crate::listen::{Listener, access_log};
use crate::roles;

/// Starts what the arguments ask for and returns when it has been stopped and drained.
pub(super) fn run(arguments: &ServeArgs) -> Result<(), Failure> {
    allocator::settle();
    // First, so that counters of the logs are there from the start.
    install_metrics();
    install_logs();
    let line = CommandLine {
        listen: arguments.listen.clone(),
        roles: arguments.roles.clone(),
        ..arguments.config.line()
    };
    let config = Config::load(&line, std::env::vars()).map_err(Failure::config)?;
    install_crypto();
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    watch_signals(stop.clone())?;
    let listener = Listener::bind(config.listen, config.tls.as_ref()).await.map_err(Failure::unavailable)?;
    let address = listener.addr()?;
    let app = App::open(config, address, Clock::machine()).await.map_err(Failure::unavailable)?;
    let generated =
        bootstrap::first_run(&app).await.map_err(|error| match error.is::<bootstrap::Contradiction>() {
            true => Failure::config(error),
            false => error.into(),
        })?;
    let url = app.config.public_url.as_deref().unwrap_or(&app.play_origin);
    bootstrap::announce(url, &generated, app.config.mode.is_tencent());
    let background = roles::start(&app, &stop);
    let router = router::router(&app);
    listener.serve(router, stop).await;
    background.finished().await;
    app.dispatch.journal.flush().await;
    app.store.close().await;
    access_log::flush();
    Ok(())
}

/// SIGTERM and SIGINT drain; a second one ends the process at once.
fn watch_signals(stop: CancellationToken) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    tokio::spawn(async move {
        for count in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if count > 0 {
                std::process::exit(75);
            }
            tracing::info!(
                "stopping: open requests and running steps are drained; a second signal ends at once"
            );
            stop.cancel();
        }
    });
    Ok(())
}

/// One TLS provider for the whole process, before the first client or listener is made.
pub(super) fn install_crypto() {
    // Refused only when one is installed already, which is then the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Sentences for people go to standard error; the access log goes to standard output as JSON lines.
fn install_logs() {
    let filter = EnvFilter::try_from_env("REELGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let people = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter);
    tracing_subscriber::registry().with(people).init();
    access_log::install(std::io::stdout());
}
