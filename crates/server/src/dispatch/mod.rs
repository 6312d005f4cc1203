//! The signature service: who asks (`callers`), what they may have (`policy`, `rates`), the signature itself
//! (`issue`, `sample`), what was answered (`journal`), what a signature holds (`explain`), and taking permission back
//! (`revoke`). Signing writes no row; only the journal does, in batches.

mod callers;
pub mod explain;
mod issue;
mod journal;
mod policy;
mod rates;
mod refusal;
pub mod revoke;
mod sample;

use anyhow::{Context, Result};
use reelgate_model::Clock;
use reelgate_store::Store;

pub(crate) use callers::network;
pub use callers::{Ask, Asker};
pub use explain::{Check, Explanation, KeyState, MacState, Outcome, explain, explain_alone};
pub use issue::{Form, Issued, Order, Tags, issue};
pub use journal::Journal;
pub use policy::{Limits, self_signed};
pub use refusal::{IssueError, LimitedBy};

use crate::config::Config;
use callers::Callers;
use rates::Rates;

/// What the signature service of this process holds.
pub struct Dispatch {
    callers: Callers,
    rates: Rates,
    /// What was granted and refused.
    pub journal: Journal,
}

impl Dispatch {
    /// Prepares the service that `config` describes. Must be called in a Tokio runtime, which then runs the journal.
    pub fn open(config: &Config, clock: &Clock, store: &Store) -> Result<Self> {
        Ok(Self {
            callers: Callers::new(&config.dispatch.callers).context("dispatch.callers")?,
            rates: Rates::new(&config.dispatch, clock),
            journal: Journal::start(store.clone()),
        })
    }
}
