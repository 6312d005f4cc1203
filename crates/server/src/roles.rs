//! Which parts of Reelgate start in this process. The code is the same everywhere; only this differs.

use anyhow::{Result, bail};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::{events, flows, upkeep};

/// One part that a process can run (design section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signature service.
    Dispatch,
    /// Upload doors: UGC and object leg.
    Gateway,
    /// JSON API, console, playback.
    Api,
    /// Task flows.
    Worker,
    /// Event delivery.
    Delivery,
    /// Expiry and sweeping.
    Upkeep,
}

impl Role {
    /// All roles: what `serve` starts unless told otherwise.
    pub const ALL: [Self; 6] =
        [Self::Dispatch, Self::Gateway, Self::Api, Self::Worker, Self::Delivery, Self::Upkeep];

    /// The word used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Gateway => "gateway",
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Delivery => "delivery",
            Self::Upkeep => "upkeep",
        }
    }

    /// A list separated by commas; `None` means all.
    pub fn parse_list(text: Option<&str>) -> Result<Vec<Self>> {
        let Some(text) = text else { return Ok(Self::ALL.to_vec()) };
        let mut roles = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match Self::ALL.into_iter().find(|role| role.as_str() == word) {
                Some(role) if !roles.contains(&role) => roles.push(role),
                Some(_) => {}
                None => {
                    bail!("role {word:?} is not known; roles are {}", Self::ALL.map(Self::as_str).join(", "))
                }
            }
        }
        if roles.is_empty() {
            bail!("no role was given; leave --roles out to start all of them");
        }
        Ok(roles)
    }
}

/// The background work of this process.
pub struct Background {
    tasks: TaskTracker,
}

impl Background {
    /// Waits until everything has drained after the stop signal.
    pub async fn finished(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Starts the background roles of `app`; they end after `stop`.
pub fn start(app: &App, stop: &CancellationToken) -> Background {
    let tasks = TaskTracker::new();
    for role in &app.config.roles {
        match role {
            Role::Dispatch | Role::Gateway | Role::Api => {}
            Role::Worker => drop(tasks.spawn(flows::run(app.clone(), stop.clone()))),
            Role::Delivery => {
                tasks.spawn(events::delivery::run(app.clone(), stop.clone()));
                tasks.spawn(events::receive::puller::run(app.clone(), stop.clone()));
                tasks.spawn(events::receive::reconcile::run(app.clone(), stop.clone()));
            }
            Role::Upkeep => drop(tasks.spawn(upkeep::run(app.clone(), stop.clone()))),
        }
    }
    Background { tasks }
}
