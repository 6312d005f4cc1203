//! `reelgate migrate`: brings the database to what this binary needs. `serve` does so too; this is for who wants to
//! do it before the first new process starts.

use anyhow::Context;
use clap::Args;
use reelgate_model::Clock;
use reelgate_store::Store;

use super::exit::Failure;
use super::remote::block_on;
use super::{ConfigArgs, tell};
use crate::config::Config;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.config.line(), std::env::vars()).map_err(Failure::config)?;
    block_on(async {
        let opened = Store::open(&config.database_url, Clock::machine()).await;
        let store = opened.context("the database cannot be opened").map_err(Failure::unavailable)?;
        let migrated = store.migrate().await.context("the database cannot be migrated");
        store.close().await;
        migrated.map_err(Failure::unavailable)?;
        Ok(tell::line("the database has every migration of this binary")?)
    })
}
