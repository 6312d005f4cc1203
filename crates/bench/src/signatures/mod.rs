//! Second measurement: what a signature costs the server, beside a bare handler and the vendor's sample. All targets
//! run in the same minutes: each round asks every one of them, and each round begins with another one.

mod answer;
mod axum_peer;
mod histogram;
mod load;
mod report;
mod scenario;
mod target;
mod tokens;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) use axum_peer::serve as serve_axum_peer;

use crate::choice::Choice;
use load::Timing;
use report::Report;
use target::{Started, Target};

/// Before each round's measurement: connections are made, caches fill.
const WARM_UP: Duration = Duration::from_secs(1);

/// What the command line says about this measurement.
pub(crate) struct Options {
    /// Reelgate's program.
    pub(crate) server: PathBuf,
    /// Where the Express peer is.
    pub(crate) express: PathBuf,
    /// Where data directories are made.
    pub(crate) scratch: PathBuf,
    /// What to measure.
    pub(crate) targets: Vec<Choice>,
    /// Times each target is measured.
    pub(crate) rounds: u32,
    /// How long each time.
    pub(crate) measure: Duration,
    /// Whether Reelgate runs under a policy.
    pub(crate) policy: bool,
}

/// Measures and prints. A target that does not start is told of, the others are measured, and then it is an error. A
/// wrong answer under load ends the run.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut report = Report::begin(options).await?;
    let mut targets = Vec::new();
    for choice in &options.targets {
        match Target::start(*choice, options).await {
            Ok(Started::Running(target)) => {
                report.started(*choice, target.signed);
                targets.push(target);
            }
            Ok(Started::LeftOut(reason)) => report.left_out(*choice, &reason),
            Err(error) => report.fail(*choice, &error),
        }
    }
    let timing = Timing { warm_up: WARM_UP, measure: options.measure };
    for number in 1..=options.rounds {
        for target in &targets {
            let round = load::round(target.address, target.server.pid(), &target.requests, timing).await;
            let round = round.with_context(|| format!("round {number} of {}", target.choice.word()))?;
            report.add(number, target.choice, round);
        }
        if !targets.is_empty() {
            targets.rotate_left(1);
        }
    }
    report.end();
    for target in targets {
        target.server.stop().await;
    }
    let failed: Vec<_> = report.failed_ones().iter().map(|choice| choice.word()).collect();
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(())
}
