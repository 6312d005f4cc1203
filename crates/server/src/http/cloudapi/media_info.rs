//! `MediaInfo` from rows.

use reelgate_model::{SubtaskState, Suggestion};
use reelgate_store::{Review, Subtask, Task};
use reelgate_wire::cloudapi::{
    FileReviewInfo, MediaAdaptiveDynamicStreamingInfo, MediaFilter, MediaFilters, MediaImageSpriteInfo,
    MediaInfo, MediaSampleSnapshotInfo, MediaSnapshotByTimeOffsetInfo, MediaTranscodeInfo, ReviewInfo,
};
use serde::de::DeserializeOwned;

use super::failed::Failed;
use crate::app::App;
use crate::events::outcome::is_deleted;
use crate::events::render;
use crate::library::announce::media_fact;
use crate::library::catalogue::Whole;
use crate::library::probe;

/// Template of a review of which only the verdict is known any more.
const REVIEW_TEMPLATE: i64 = 10;

/// The parts of `whole` that `filters` want.
pub(super) fn media_info(app: &App, whole: Whole, filters: &MediaFilters) -> Result<MediaInfo, Failed> {
    let Whole { media, review, tasks, .. } = whole;
    let wants = |part| filters.wants(part);
    let found = probe::of_row(&media.probe);
    let category = probe::category(&media.source.content_type);
    let mut info = MediaInfo {
        file_id: media.file_id.to_string(),
        basic_info: wants(MediaFilter::Basic).then(|| render::basic_info(&media_fact(app, &media, category))),
        meta_data: found.filter(|_| wants(MediaFilter::MetaData)).map(|found| render::meta_data(&found)),
        sample_snapshot_info: wants(MediaFilter::SampleSnapshot).then(MediaSampleSnapshotInfo::default),
        snapshot_by_time_offset_info: wants(MediaFilter::SnapshotByTimeOffset)
            .then(MediaSnapshotByTimeOffsetInfo::default),
        ..MediaInfo::default()
    };
    if wants(MediaFilter::Transcode) {
        let transcode_set = results(&tasks, "Transcode", render::transcode)?;
        info.transcode_info = Some(MediaTranscodeInfo { transcode_set });
    }
    if wants(MediaFilter::AdaptiveDynamicStreaming) {
        let adaptive_dynamic_streaming_set = results(&tasks, "AdaptiveDynamicStreaming", render::adaptive)?;
        info.adaptive_dynamic_streaming_info =
            Some(MediaAdaptiveDynamicStreamingInfo { adaptive_dynamic_streaming_set });
    }
    if wants(MediaFilter::ImageSprite) {
        let image_sprite_set = results(&tasks, "ImageSprites", render::sprite)?;
        info.image_sprite_info = Some(MediaImageSpriteInfo { image_sprite_set });
    }
    if wants(MediaFilter::Review) {
        info.review_info = review.map(|review| review_info(&review, &tasks));
    }
    Ok(info)
}

/// What was made of one kind: of each template the newest, as a later run replaces what an earlier one made.
fn results<R: DeserializeOwned, T>(
    tasks: &[(Task, Vec<Subtask>)],
    kind: &str,
    item: impl Fn(i64, R) -> T,
) -> Result<Vec<T>, Failed> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for subtask in tasks.iter().flat_map(|(_, subtasks)| subtasks) {
        if subtask.kind != kind
            || subtask.state != SubtaskState::Success
            || seen.contains(&subtask.definition)
            || is_deleted(&subtask.output)
        {
            continue;
        }
        seen.push(subtask.definition);
        let output = serde_json::from_str(&subtask.output).map_err(|error| Failed::Internal(error.into()))?;
        found.push(item(subtask.definition, output));
    }
    Ok(found)
}

fn review_info(review: &Review, tasks: &[(Task, Vec<Subtask>)]) -> FileReviewInfo {
    let of_task = tasks.iter().find(|(task, _)| task.id == review.task_id).map(|(_, subtasks)| subtasks);
    let definition = of_task
        .and_then(|subtasks| subtasks.iter().find(|one| one.kind.starts_with("Review.")))
        .map_or(REVIEW_TEMPLATE, |subtask| subtask.definition);
    // The one kind of thing that reviews look for here.
    let suspected = review.findings.suggestion != Suggestion::Pass;
    let info = ReviewInfo {
        definition,
        suggestion: review.findings.suggestion.as_str().to_owned(),
        type_set: if suspected { vec!["Porn".to_owned()] } else { Vec::new() },
        review_time: render::iso8601(review.created_at.0),
    };
    FileReviewInfo { media_review_info: Some(info), cover_review_info: None }
}
