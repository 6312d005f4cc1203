//! What the library shows: a page of media, and one media with everything that was made of it.

use reelgate_model::{FileId, MediaStatus, Scope, SubtaskState, TaskState, Time};
use reelgate_store::{Media, MediaSearch, Read, Review, StoreError, Subtask, Task};

use crate::app::App;

/// Tasks of one file that are shown; a file has one or two.
const MOST_TASKS: u32 = 20;

/// One media in a list.
#[derive(Debug)]
pub struct Listed {
    /// Its row.
    pub media: Media,
    /// Its newest task: where it stands, and how far it is in percent.
    pub task: Option<(TaskState, i64)>,
}

/// One media with everything that was made of it.
#[derive(Debug)]
pub struct Whole {
    /// Its row.
    pub media: Media,
    /// The procedure that its permission named, or empty.
    pub procedure: String,
    /// The newest review.
    pub review: Option<Review>,
    /// Newest first, each with its sub-tasks.
    pub tasks: Vec<(Task, Vec<Subtask>)>,
}

/// Up to `limit` media, newest first; `before` is the last one of the page before.
pub async fn page(
    app: &App,
    scope: &Scope,
    before: Option<(Time, FileId)>,
    limit: u32,
) -> Result<Vec<Listed>, StoreError> {
    let mut read = app.store.read().await?;
    let mut page = Vec::new();
    for media in read.media_page(scope, before, limit).await? {
        let task = newest_task(&mut read, scope, media.file_id).await?;
        page.push(Listed { media, task });
    }
    Ok(page)
}

/// The media `file`, deleted or not; `None` if the application has no such file.
pub async fn whole(app: &App, scope: &Scope, file: FileId) -> Result<Option<Whole>, StoreError> {
    let mut read = app.store.read().await?;
    match read.media(scope, file).await? {
        Some(media) => whole_of(&mut read, scope, media).await.map(Some),
        None => Ok(None),
    }
}

/// Those of the media that meet the conditions of `search`: how many there are, and up to `limit` of them after the first
/// `offset`.
pub async fn search(
    app: &App,
    scope: &Scope,
    search: &MediaSearch,
    offset: u32,
    limit: u32,
) -> Result<(u64, Vec<Whole>), StoreError> {
    let mut read = app.store.read().await?;
    let count = read.media_count(scope, search).await?;
    let mut found = Vec::new();
    for media in read.media_search(scope, search, offset, limit).await? {
        found.push(whole_of(&mut read, scope, media).await?);
    }
    Ok((count, found))
}

async fn whole_of(read: &mut Read, scope: &Scope, media: Media) -> Result<Whole, StoreError> {
    let file = media.file_id;
    let session = read.session_of_file(scope, file).await?;
    let review = read.latest_review(scope, file).await?;
    let mut tasks = Vec::new();
    for task in read.file_tasks(scope, file, None, MOST_TASKS).await? {
        let subtasks = read.subtasks(scope, &task.id).await?;
        tasks.push((task, subtasks));
    }
    let procedure = session.map(|session| session.request.procedure).unwrap_or_default();
    Ok(Whole { media, procedure, review, tasks })
}

/// The same unless it is deleted.
pub async fn present(app: &App, scope: &Scope, file: FileId) -> Result<Option<Whole>, StoreError> {
    let found = whole(app, scope, file).await?;
    Ok(found.filter(|found| found.media.status == MediaStatus::Normal))
}

async fn newest_task(
    read: &mut Read,
    scope: &Scope,
    file: FileId,
) -> Result<Option<(TaskState, i64)>, StoreError> {
    let Some(task) = read.file_tasks(scope, file, None, 1).await?.pop() else { return Ok(None) };
    let subtasks = read.subtasks(scope, &task.id).await?;
    Ok(Some((task.state, progress(&subtasks))))
}

/// The mean over the sub-tasks; what has failed is as finished as what has succeeded.
fn progress(subtasks: &[Subtask]) -> i64 {
    let percent = |subtask: &Subtask| match subtask.state {
        SubtaskState::Success | SubtaskState::Fail => 100,
        SubtaskState::Waiting | SubtaskState::Processing => subtask.progress,
    };
    let count = i64::try_from(subtasks.len()).unwrap_or(i64::MAX);
    subtasks.iter().map(percent).sum::<i64>().checked_div(count).unwrap_or(100)
}
