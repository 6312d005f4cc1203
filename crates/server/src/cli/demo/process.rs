//! Steps: the procedure runs, and the application learns how it ended.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reelgate_wire::vod::{AiContentReviewResult, Event, MediaProcessTaskResult, ProcedureTask};
use serde::Deserialize;

use super::Stage;
use super::show::{Show, bytes};

/// How long a task may lie there before some worker takes it up.
const TAKEN_UP: Duration = Duration::from_secs(25);
/// How long a running task may show no progress.
const STALL: Duration = Duration::from_secs(120);
/// How long the event may take from the end of the task to the receiver.
const ARRIVAL: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Media {
    tasks: Vec<Task>,
}

#[derive(Deserialize, Clone, PartialEq)]
struct Task {
    subtasks: Vec<Subtask>,
}

#[derive(Deserialize, Clone, PartialEq)]
struct Subtask {
    kind: String,
    state: String,
    progress: u64,
    #[serde(default)]
    message: String,
}

/// Follows the task through the API until every sub-task has ended well.
pub(super) async fn process(stage: &Stage, show: &mut Show, file_id: &str) -> Result<()> {
    let began = Instant::now();
    let mut last: Option<(Task, Instant)> = None;
    let task = loop {
        let media: Media = stage.doors.media(file_id).await?;
        let task = media.tasks.into_iter().next().context("the server knows no task of this file")?;
        show.progress("processing", task.percent(), &task.told());
        if task.ended() {
            break task;
        }
        let since = match &last {
            Some((before, since)) if *before == task => *since,
            _ => Instant::now(),
        };
        task.check_stall(since.elapsed())?;
        last = Some((task, since));
        tokio::time::sleep(PAUSE).await;
    };
    show.end_bar();
    for subtask in &task.subtasks {
        show.line(&format!("GET /v1/media: {} {}", subtask.kind, subtask.state));
    }
    match task.subtasks.iter().find(|subtask| subtask.state != "success") {
        Some(failed) => bail!("{} ended as {}: {}", failed.kind, failed.state, failed.message),
        None => show.line(&format!("all of them in {:.1} s", began.elapsed().as_secs_f64())),
    }
    Ok(())
}

impl Task {
    fn ended(&self) -> bool {
        !self.subtasks.is_empty()
            && self.subtasks.iter().all(|subtask| ["success", "fail"].contains(&subtask.state.as_str()))
    }

    fn percent(&self) -> u64 {
        let done: u64 = self.subtasks.iter().map(Subtask::percent).sum();
        done.checked_div(self.subtasks.len() as u64).unwrap_or(0)
    }

    fn told(&self) -> String {
        let open = self.subtasks.iter().filter(|subtask| subtask.state == "processing");
        open.map(|subtask| format!("{} {} %", subtask.kind, subtask.progress)).collect::<Vec<_>>().join(", ")
    }

    fn check_stall(&self, still: Duration) -> Result<()> {
        if still > TAKEN_UP && self.subtasks.iter().all(|subtask| subtask.state == "waiting") {
            bail!(
                "no worker has taken the task up within {} s; is the role worker running?",
                TAKEN_UP.as_secs()
            );
        }
        if still > STALL {
            bail!("the task made no progress for {} s; it stands at {}", STALL.as_secs(), self.told());
        }
        Ok(())
    }
}

impl Subtask {
    fn percent(&self) -> u64 {
        if self.state == "success" { 100 } else { self.progress.min(100) }
    }
}

/// Waits for the event that ends the task; returns what it carries.
pub(super) async fn tell(stage: &Stage, show: &mut Show, file_id: &str) -> Result<Box<ProcedureTask>> {
    let what = format!("ProcedureStateChanged of {file_id} with status FINISH");
    let pick = |event: &Event| match event {
        Event::ProcedureStateChanged(task) if task.file_id == file_id && task.status == "FINISH" => {
            Some(task.clone())
        }
        _ => None,
    };
    let (arrived, task) = stage.receiver.wait_for(&what, ARRIVAL, pick).await?;
    show.line(&format!(
        "the receiver got Reelgate-Event-Id {}, sequence {}, {}",
        arrived.id,
        arrived.seq,
        bytes(arrived.length as u64)
    ));
    let results: Vec<(&str, &str)> = task
        .media_process_result_set
        .iter()
        .map(media_result)
        .chain(task.ai_content_review_result_set.iter().map(review_result))
        .collect();
    let told: Vec<String> = results.iter().map(|(kind, status)| format!("{kind} {status}")).collect();
    show.line(&format!("it says: {}", told.join(", ")));
    if let Some((kind, status)) = results.iter().find(|(_, status)| *status != "SUCCESS") {
        bail!("the event says {kind} {status}");
    }
    Ok(task)
}

fn media_result(result: &MediaProcessTaskResult) -> (&str, &str) {
    let status = match result {
        MediaProcessTaskResult::Transcode(task) => &task.status,
        MediaProcessTaskResult::AdaptiveDynamicStreaming(task) => &task.status,
        MediaProcessTaskResult::CoverBySnapshot(task) => &task.status,
        MediaProcessTaskResult::ImageSprites(task) => &task.status,
    };
    (result.word(), status)
}

fn review_result(result: &AiContentReviewResult) -> (&str, &str) {
    let (AiContentReviewResult::Porn(task)
    | AiContentReviewResult::Terrorism(task)
    | AiContentReviewResult::Political(task)) = result;
    (result.word(), &task.status)
}
