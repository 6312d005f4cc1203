//! `flow.conclude`: ends the sub-tasks that no step can produce. It is a job rather than part of starting the task, so
//! that the task's events come after the one that announces its media.

use async_trait::async_trait;
use reelgate_jobs::{Failure, Handler, JobContext, Outcome, Writes};
use reelgate_model::Scope;
use reelgate_store::{Job, SubtaskEnd};
use serde::{Deserialize, Serialize};

use super::advance;
use super::reason::{Reason, Refusal};
use super::step::{give_up, unless_over};
use crate::app::App;

/// The job's payload.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Conclusion {
    /// What will not be made.
    pub refused: Vec<Refused>,
}

/// A sub-task and why it will not be made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    pub index: i64,
    #[serde(flatten)]
    pub refusal: Refusal,
}

pub(super) struct Conclude {
    pub app: App,
}

#[async_trait]
impl Handler for Conclude {
    async fn run(&self, job: Job, _context: JobContext) -> Outcome {
        let conclusion: Conclusion = match serde_json::from_str(&job.payload) {
            Ok(conclusion) => conclusion,
            Err(error) => {
                let error = format!("the payload of {} cannot be read: {error}", job.kind);
                return Outcome::Fail(Failure { code: Reason::InternalError.code().to_owned(), error });
            }
        };
        let ends: Vec<(i64, SubtaskEnd)> =
            conclusion.refused.iter().map(|refused| (refused.index, refused.refusal.end())).collect();
        let (app, scope, task) = (self.app.clone(), Scope::system(job.app), job.task.unwrap_or_default());
        Outcome::Done(Box::new(move |tx| {
            Box::pin(async move { unless_over(advance::end(tx, &app, &scope, &task, &ends, "").await) })
        }))
    }

    fn given_up(&self, job: &Job, failure: &Failure) -> Writes {
        give_up(&self.app, job, failure)
    }
}
