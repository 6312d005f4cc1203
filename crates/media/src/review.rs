//! The frame classifier: raw pixels in, a verdict out. Nothing here decodes a picture.

mod models;
mod rule;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::stills::Frame;

pub use models::{NsfwModels, Precision};
pub use rule::{FrameScores, Label, Segment, Suggestion, Thresholds, Verdict, judge};

/// What the models say about one frame, each between 0 and 1. The first five add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// First model: a harmless drawing.
    pub drawing: f32,
    /// First model: an explicit drawing.
    pub hentai: f32,
    /// First model: nothing of the kind.
    pub neutral: f32,
    /// First model: explicit.
    pub porn: f32,
    /// First model: suggestive, not explicit.
    pub sexy: f32,
    /// Second model: not safe for work. `None` when it was not asked, because no answer could matter.
    pub nsfw: Option<f32>,
}

impl Scores {
    /// What both models agree on, between 0 and 1: `sqrt((porn + hentai) * nsfw)`. `None` when only one was asked.
    pub fn fused(&self) -> Option<f32> {
        self.nsfw.map(|nsfw| ((self.porn + self.hentai) * nsfw).max(0.0).sqrt())
    }
}

/// A model by name and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIdentity {
    /// Its file's name without the ending.
    pub name: &'static str,
    /// Hex SHA-256 of its file.
    pub sha256: String,
}

/// A model could not be loaded or run: our own fault, never the frame's.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the model {model}: {reason}")]
pub struct ClassifyError {
    /// `load`, `run` or `trust`.
    pub doing: &'static str,
    /// Which model.
    pub model: &'static str,
    /// What the runtime said.
    pub reason: String,
}

/// Scores frames. Blocking: call it where blocking is allowed.
pub trait Classifier: Send + Sync {
    /// What the models say about a frame.
    fn classify(&self, frame: &Frame) -> Result<Scores, ClassifyError>;

    /// The models behind it, for the record of a review.
    fn models(&self) -> Vec<ModelIdentity>;
}

/// Scores frames as they come from [`crate::stills::stills`], in their order, off the runtime's own threads. Run both
/// at once: when a model fails, the frames end too, and it is this error that says why.
pub async fn score_all(
    classifier: Arc<dyn Classifier>,
    mut frames: mpsc::Receiver<Frame>,
) -> Result<Vec<FrameScores>, ClassifyError> {
    let scoring = tokio::task::spawn_blocking(move || {
        let mut scored = Vec::new();
        while let Some(frame) = frames.blocking_recv() {
            let Frame { time_ms, until_ms, .. } = frame;
            scored.push(FrameScores { time_ms, until_ms, scores: classifier.classify(&frame)? });
        }
        Ok(scored)
    });
    scoring.await.unwrap_or_else(|ended| {
        Err(ClassifyError {
            doing: "run",
            model: "of a frame",
            reason: format!("the scoring thread ended: {ended}"),
        })
    })
}
