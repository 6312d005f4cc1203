//! `flow.transcode`: everything of a task that plays, from one decode of the source.

use std::sync::Arc;

use async_trait::async_trait;
use reelgate_jobs::{Failure, Handler, JobContext, Outcome, Writes, nothing};
use reelgate_media::encode::{
    Adaptive, File, Made, Output, Refusal as NotMade, TranscodePlan, templates, transcode,
};
use reelgate_store::{Job, Subtask, SubtaskEnd};
use serde::Serialize;

use super::plan::Kind;
use super::reason::{Reason, Refusal};
use super::scratch::Scratch;
use super::step::{Results, Step, StepError, give_up, outcome};
use crate::app::App;
use crate::events::outcome::{AdaptiveOutput, Rendition, TranscodeOutput};
use crate::library::probe::fact;

pub(super) struct Transcode {
    pub app: App,
    pub scratch: Arc<Scratch>,
}

#[async_trait]
impl Handler for Transcode {
    async fn run(&self, job: Job, context: JobContext) -> Outcome {
        outcome(self.attempt(job, &context).await)
    }

    fn given_up(&self, job: &Job, failure: &Failure) -> Writes {
        give_up(&self.app, job, failure)
    }
}

impl Transcode {
    async fn attempt(&self, job: Job, context: &JobContext) -> Result<Writes, StepError> {
        let Some(step) = Step::open(&self.app, job).await? else { return Ok(nothing()) };
        let (room, source) = step.room(&self.scratch).await?;
        let found = step.probe(&source).await?;
        let outputs: Vec<Output> = step.subtasks.iter().filter_map(output).collect();
        let plan = TranscodePlan::new(&found, &outputs);
        let progress = step.progress();
        let work = step.work(&room, source, context);
        let made = transcode(&work, &plan, &mut |percent| progress.reach(percent)).await?;
        let published = !made.is_empty();
        if published {
            step.publish(&room).await?;
        }
        let ends = step.subtasks.iter().map(|subtask| (subtask.index, end(&step, subtask, &plan, &made)));
        let results = Results { ends: ends.collect(), published, ..Results::default() };
        Ok(step.done(results))
    }
}

fn output(subtask: &Subtask) -> Option<Output> {
    let definition = u32::try_from(subtask.definition).ok()?;
    match Kind::of(&subtask.kind)? {
        Kind::Transcode => templates::transcode(definition),
        Kind::Adaptive => templates::adaptive(definition),
        Kind::Cover | Kind::Sprite | Kind::ReviewPorn | Kind::ReviewTerrorism | Kind::ReviewPolitical => None,
    }
}

fn end(step: &Step, subtask: &Subtask, plan: &TranscodePlan, made: &[Made]) -> SubtaskEnd {
    let wanted = output(subtask);
    let is_it = |made: &&Made| match (made, &wanted) {
        (Made::Adaptive(found), Some(Output::Adaptive { definition, .. })) => found.definition == *definition,
        (Made::File(found), Some(Output::Mp4 { definition, .. })) => found.definition == *definition,
        _ => false,
    };
    match made.iter().find(is_it) {
        Some(Made::Adaptive(found)) => success(&adaptive_output(step, found)),
        Some(Made::File(found)) => success(&file_output(step, found)),
        None => not_made(subtask, wanted.as_ref(), plan).end(),
    }
}

fn not_made(subtask: &Subtask, wanted: Option<&Output>, plan: &TranscodePlan) -> Refusal {
    let Some(wanted) = wanted else {
        // Written by a newer version, or a template has been taken away since.
        let message =
            format!("{} template {} does not exist on this server", subtask.kind, subtask.definition);
        return Refusal::new(Reason::DefinitionNotExist, message);
    };
    let refused = plan.refused().iter().find(|refused| refused.definition == wanted.definition());
    match refused.map(|refused| refused.reason) {
        Some(reason @ NotMade::Still) => Refusal::new(Reason::ContentUnsupported, reason.message()),
        Some(reason @ NotMade::NoVideo) => Refusal::new(Reason::NoVideoMedia, reason.message()),
        None => Refusal::new(Reason::NoVideoMedia, "the source has no track that can be played"),
    }
}

/// A sub-task that ended well.
pub(super) fn success(output: &impl Serialize) -> SubtaskEnd {
    let output = serde_json::to_string(output).expect("output records are plain structures with text keys");
    SubtaskEnd::Success { output }
}

fn adaptive_output(step: &Step, found: &Adaptive) -> AdaptiveOutput {
    let renditions = found.variants.iter().rev().map(|variant| Rendition {
        kind: if variant.width == 0 { "audio" } else { "video" }.to_owned(),
        width: variant.width.into(),
        height: variant.height.into(),
        size: signed(variant.size),
    });
    AdaptiveOutput {
        url: step.url(&found.master),
        package: "HLS".to_owned(),
        size: signed(found.size),
        renditions: renditions.collect(),
    }
}

fn file_output(step: &Step, found: &File) -> TranscodeOutput {
    let seen = fact(&found.probe);
    TranscodeOutput {
        url: step.url(&found.path),
        size: seen.size,
        container: seen.container,
        bitrate: seen.bitrate,
        width: seen.width,
        height: seen.height,
        duration: seen.duration,
        md5: found.md5.clone(),
        video: seen.video,
        audio: seen.audio,
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
