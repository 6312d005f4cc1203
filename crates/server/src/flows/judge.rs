//! From the frames of a source to a verdict with its evidence.

use std::collections::BTreeSet;

use reelgate_media::review::{
    Classifier, ClassifyError, FrameScores, Label, NsfwModels, Scores, Suggestion as Found, Thresholds,
    Verdict, judge,
};
use reelgate_media::stills::Frame;
use reelgate_model::Suggestion;
use reelgate_store::ReviewFindings;
use tokio::sync::mpsc;

use super::evidence::{FrameRecord, ModelRecord};
use crate::events::outcome::{ReviewOutput, ReviewSegment};

/// Pictures kept of a review beside those of its findings: the strongest frames, so that a person can see what a pass
/// rests on. Keeping all would cost more than the video for long ones.
const KEPT: usize = 60;
/// Score from which either model alone asks for a review in strict mode.
const STRICT_SCORE: f32 = 0.8;

/// The rule of a mode.
pub(super) fn thresholds(strict: bool) -> Thresholds {
    Thresholds { strict: strict.then_some(STRICT_SCORE), ..Thresholds::default() }
}

/// Scores every frame that comes, until the sender is gone. Blocking.
pub(super) fn score(
    models: &NsfwModels,
    mut frames: mpsc::Receiver<Frame>,
) -> Result<Vec<FrameScores>, ClassifyError> {
    let mut scored = Vec::new();
    while let Some(frame) = frames.blocking_recv() {
        let scores = models.classify(&frame)?;
        scored.push(FrameScores { time_ms: frame.time_ms, until_ms: frame.until_ms, scores });
    }
    Ok(scored)
}

/// A review that is ready to be written.
pub(super) struct Judged {
    frames: Vec<FrameScores>,
    verdict: Verdict,
    kept: BTreeSet<usize>,
}

impl Judged {
    pub(super) fn new(frames: Vec<FrameScores>, strict: bool) -> Self {
        let verdict = judge(&frames, &thresholds(strict));
        let mut strongest: Vec<usize> = (0..frames.len()).collect();
        strongest.sort_by(|a, b| risk(&frames[*b].scores).total_cmp(&risk(&frames[*a].scores)));
        let kept =
            strongest.into_iter().take(KEPT).chain(verdict.segments.iter().map(|segment| segment.evidence));
        let kept = kept.collect();
        Self { frames, verdict, kept }
    }

    /// Whether the picture of a frame is kept.
    pub(super) fn keeps(&self, frame: usize) -> bool {
        self.kept.contains(&frame)
    }

    /// What to do with the video.
    pub(super) fn suggestion(&self) -> Suggestion {
        suggestion(self.verdict.suggestion)
    }

    /// As the review's row has it. `path` gives the path of a frame's picture below the media.
    pub(super) fn findings(&self, models: &NsfwModels, path: impl Fn(usize) -> String) -> ReviewFindings {
        let records: Vec<FrameRecord> = self
            .frames
            .iter()
            .enumerate()
            .map(|(index, frame)| record(frame, self.keeps(index).then(|| path(index))))
            .collect();
        let identity = |one: reelgate_media::review::ModelIdentity| ModelRecord {
            name: one.name.to_owned(),
            sha256: one.sha256,
        };
        let models: Vec<ModelRecord> = models.models().into_iter().map(identity).collect();
        ReviewFindings {
            suggestion: self.suggestion(),
            label: label(self.verdict.label).to_owned(),
            confidence: self.verdict.confidence.into(),
            models: serde_json::to_string(&models).expect("model records are plain"),
            frames: serde_json::to_string(&records).expect("frame records are plain, and scores are finite"),
        }
    }

    /// As the sub-task's output has it. `url` gives the public URL of a frame's picture.
    pub(super) fn output(&self, url: impl Fn(usize) -> String) -> ReviewOutput {
        let segments = self.verdict.segments.iter().map(|segment| ReviewSegment {
            start: segment.start,
            end: segment.end,
            confidence: segment.confidence.into(),
            label: label(Some(segment.label)).to_owned(),
            suggestion: suggestion(segment.suggestion).as_str().to_owned(),
            url: url(segment.evidence),
            url_expires_at: None,
        });
        ReviewOutput {
            confidence: self.verdict.confidence.into(),
            suggestion: self.suggestion().as_str().to_owned(),
            label: label(self.verdict.label).to_owned(),
            segments: segments.collect(),
        }
    }
}

/// How much a frame speaks for anything that a verdict can rest on.
fn risk(scores: &Scores) -> f32 {
    let explicit = scores.fused().unwrap_or(scores.porn.max(scores.hentai));
    explicit.max(scores.sexy)
}

fn record(frame: &FrameScores, picture: Option<String>) -> FrameRecord {
    let FrameScores { time_ms, until_ms, scores } = frame;
    FrameRecord {
        at_ms: *time_ms,
        until_ms: *until_ms,
        drawing: scores.drawing,
        hentai: scores.hentai,
        neutral: scores.neutral,
        porn: scores.porn,
        sexy: scores.sexy,
        nsfw: scores.nsfw,
        fused: scores.fused(),
        picture,
    }
}

fn suggestion(found: Found) -> Suggestion {
    match found {
        Found::Pass => Suggestion::Pass,
        Found::Review => Suggestion::Review,
        Found::Block => Suggestion::Block,
    }
}

fn label(label: Option<Label>) -> &'static str {
    match label {
        Some(Label::Porn) => "porn",
        Some(Label::Sexy) => "sexy",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_the_evidence_of_every_segment_and_names_it() {
        let frame = |index: usize| {
            let hot = index == 150 || (100..104).contains(&index);
            let score = if hot { 0.9 } else { 0.1 };
            let scores = Scores { porn: score, nsfw: Some(score), ..Scores::default() };
            FrameScores { time_ms: index as u64 * 1000, until_ms: index as u64 * 1000 + 1000, scores }
        };
        let judged = Judged::new((0..200).map(frame).collect(), false);
        assert_eq!(judged.suggestion(), Suggestion::Block);
        assert!(judged.keeps(100) && judged.keeps(150));
        assert_eq!((0..200).filter(|index| judged.keeps(*index)).count(), KEPT);
        let output = judged.output(|index| format!("/{index}.jpg"));
        assert_eq!(
            (output.suggestion.as_str(), output.label.as_str(), output.confidence),
            ("block", "porn", 90)
        );
        let urls: Vec<&str> = output.segments.iter().map(|segment| segment.url.as_str()).collect();
        assert_eq!(urls, ["/100.jpg", "/150.jpg"]);
    }
}
