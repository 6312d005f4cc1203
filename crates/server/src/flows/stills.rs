//! `flow.stills`: everything of a task that is looked at, by people or by the models, from one decode of the source.

use std::sync::Arc;

use async_trait::async_trait;
use reelgate_jobs::{Failure, Handler, JobContext, Outcome, Writes, nothing};
use reelgate_media::Work;
use reelgate_media::review::{FrameScores, NsfwModels, Precision};
use reelgate_media::stills::{Sprite, Stills as Made, StillsPlan, Wanted, stills};
use reelgate_store::{Job, Subtask, SubtaskEnd};
use tokio::sync::mpsc;

use super::judge::{Judged, score};
use super::plan::{Kind, STRICT};
use super::progress::Progress;
use super::reason::{Reason, Refusal};
use super::scratch::{Room, Scratch};
use super::step::{Results, Step, StepError, give_up, outcome};
use super::transcode::success;
use crate::app::App;
use crate::events::outcome::{CoverOutput, SpriteOutput};

/// Frames between ffmpeg and the models; each is 300 KiB.
const FRAMES_AHEAD: usize = 4;
const SPRITE: Sprite = Sprite::TEMPLATE_10;

pub(super) struct Stills {
    app: App,
    scratch: Arc<Scratch>,
    usual: Arc<NsfwModels>,
    strict: Arc<NsfwModels>,
}

#[async_trait]
impl Handler for Stills {
    async fn run(&self, job: Job, context: JobContext) -> Outcome {
        outcome(self.attempt(job, &context).await)
    }

    fn given_up(&self, job: &Job, failure: &Failure) -> Writes {
        give_up(&self.app, job, failure)
    }
}

impl Stills {
    /// Loads no model yet.
    pub(super) fn new(app: App, scratch: Arc<Scratch>) -> Self {
        let models = |precision| Arc::new(NsfwModels::new(precision));
        Self { app, scratch, usual: models(Precision::WhereItMatters), strict: models(Precision::Both) }
    }

    async fn attempt(&self, job: Job, context: &JobContext) -> Result<Writes, StepError> {
        let Some(step) = Step::open(&self.app, job).await? else { return Ok(nothing()) };
        let asks = |kind: Kind| step.subtasks.iter().find(|subtask| Kind::of(&subtask.kind) == Some(kind));
        let review = asks(Kind::ReviewPorn);
        let wanted = Wanted {
            cover: asks(Kind::Cover).is_some(),
            sprite: asks(Kind::Sprite).map(|_| SPRITE),
            frames: review.is_some(),
        };
        let strict = review.is_some_and(is_strict);
        let (room, source) = step.room(&self.scratch).await?;
        let found = step.probe(&source).await?;
        let plan = StillsPlan::new(&found, wanted)
            .map_err(|error| StepError::Refused(Refusal::new(Reason::NoVideoMedia, error.to_string())))?;
        let models = if strict { &self.strict } else { &self.usual };
        let work = step.work(&room, source, context);
        let (made, scored) = take(&work, &plan, models, &step.progress()).await?;
        let judged = review.is_some().then(|| Judged::new(scored, strict));
        if let Some(judged) = &judged {
            keep_evidence(&room, &made, judged).await?;
        }
        step.publish(&room).await?;
        let results = results(&step, &made, judged.as_ref(), models);
        Ok(step.done(results))
    }
}

fn is_strict(review: &Subtask) -> bool {
    let input: Option<serde_json::Value> = serde_json::from_str(&review.input).ok();
    input.is_some_and(|input| input[STRICT] == true)
}

/// Takes the pictures while the models look at the frames.
async fn take(
    work: &Work,
    plan: &StillsPlan,
    models: &Arc<NsfwModels>,
    progress: &Progress,
) -> Result<(Made, Vec<FrameScores>), StepError> {
    let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
    let judge = Arc::clone(models);
    let judging = tokio::task::spawn_blocking(move || score(&judge, receiver));
    let made = stills(work, plan, sender, &mut |percent| progress.reach(percent)).await;
    // First the models: when they fail, ffmpeg is cancelled and its own error says nothing.
    let scored = judging.await.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
    Ok((made?, scored))
}

/// Removes the pictures of frames that are not kept.
async fn keep_evidence(room: &Room, made: &Made, judged: &Judged) -> Result<(), StepError> {
    for (_, path) in made.evidence.iter().enumerate().filter(|(index, _)| !judged.keeps(*index)) {
        let path = room.results().join(path);
        tokio::fs::remove_file(&path)
            .await
            .map_err(|error| StepError::Later(format!("cannot remove {}: {error}", path.display())))?;
    }
    Ok(())
}

fn results(step: &Step, made: &Made, judged: Option<&Judged>, models: &NsfwModels) -> Results {
    let picture = |index: usize| made.evidence.get(index).map_or("", String::as_str);
    let ends = step.subtasks.iter().map(|subtask| (subtask.index, end(step, subtask, made, judged)));
    let cover = made.cover.as_deref().filter(|_| step.media.cover.name.is_empty());
    Results {
        ends: ends.collect(),
        published: true,
        review: judged.map(|judged| judged.findings(models, |index| step.path(picture(index)))),
        cover: cover.map(|path| step.stored(path, "image/jpeg")),
    }
}

fn end(step: &Step, subtask: &Subtask, made: &Made, judged: Option<&Judged>) -> SubtaskEnd {
    let url = |path: &String| step.url(path);
    match (Kind::of(&subtask.kind), &made.cover, &made.vtt, judged) {
        (Some(Kind::Cover), Some(cover), _, _) => success(&CoverOutput { url: url(cover) }),
        (Some(Kind::Sprite), _, Some(vtt), _) => success(&SpriteOutput {
            width: SPRITE.cell_width.into(),
            height: SPRITE.cell_height.into(),
            total_count: i64::try_from(made.cells).unwrap_or(i64::MAX),
            image_urls: made.sheets.iter().map(url).collect(),
            vtt_url: url(vtt),
        }),
        (Some(Kind::ReviewPorn), _, _, Some(judged)) => {
            success(&judged.output(|index| made.evidence.get(index).map(url).unwrap_or_default()))
        }
        _ => {
            let message = format!("{} is not known to this worker", subtask.kind);
            Refusal::new(Reason::ConfigurationUnsupported, message).end()
        }
    }
}
