//! From a path to a blob that may be served, and how.

use reelgate_model::{AppId, FileId, MediaStatus, Scope, Suggestion, Time};
use reelgate_objects::BlobName;
use reelgate_store::StoredFile;

use super::types;
use crate::app::App;
use crate::http::Problem;

/// A file that may be served.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub blob: BlobName,
    pub content_type: String,
    /// When it came into being.
    pub since: Time,
    /// Whether the URL will always mean these bytes.
    pub output: bool,
    /// Whether shared caches may keep it.
    pub private: bool,
}

/// What `path` (behind `/play/`) names.
pub(super) async fn resolve(app: &App, path: &str) -> Result<Target, Problem> {
    let (owner, file, rest) = split(path).ok_or_else(|| nothing(path))?;
    let scope = Scope::system(owner);
    let mut read = app.store.read().await?;
    let application = read.app(owner).await?.filter(|found| found.revoked_at.is_none());
    let media = read.media(&scope, file).await?.filter(|media| media.status == MediaStatus::Normal);
    let (Some(application), Some(media)) = (application, media) else { return Err(nothing(path)) };
    if application.private && media.verdict != Some(Suggestion::Pass) {
        let detail = format!(
            "file {file} is not public: its application keeps media private until a review has passed them"
        );
        return Err(Problem::forbidden(detail));
    }
    let private = application.private;
    match rest.split_once('/') {
        None if rest == media.source.name && !media.source.blob.is_empty() => {
            stored(&media.source, media.created_at, private)
        }
        None if rest == media.cover.name => stored(&media.cover, media.updated_at, private),
        None => Err(nothing(path)),
        Some((dir, below)) => {
            let content_type = types::of_output(below).ok_or_else(|| nothing(path))?;
            let since = read.output(&scope, file, dir, below).await?.ok_or_else(|| nothing(path))?;
            let blob = BlobName::new(format!("{owner}/{file}/{rest}")).map_err(|_| nothing(path))?;
            Ok(Target { blob, content_type: content_type.to_owned(), since, output: true, private })
        }
    }
}

/// A file of the media's own row: the source, or a cover that was uploaded.
fn stored(file: &StoredFile, since: Time, private: bool) -> Result<Target, Problem> {
    let blob = BlobName::new(&file.blob).map_err(|error| Problem::internal(&error.into()))?;
    let content_type = if file.content_type.is_empty() { types::UNKNOWN } else { &file.content_type };
    Ok(Target { blob, content_type: content_type.to_owned(), since, output: false, private })
}

/// Application, file, and a name that is safe as a path.
fn split(path: &str) -> Option<(AppId, FileId, &str)> {
    let (owner, rest) = path.split_once('/')?;
    let (file, rest) = rest.split_once('/')?;
    BlobName::new(rest).ok()?;
    Some((owner.parse().ok()?, file.parse().ok()?, rest))
}

/// The same words for what never was, what is deleted and what may not be known.
pub(super) fn nothing(path: &str) -> Problem {
    Problem::not_found(format!(
        "there is nothing to play at {path:?}; take URLs from events or from GET /v1/media/{{file_id}}"
    ))
}
