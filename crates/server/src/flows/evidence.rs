//! Records in the row of a review: which models judged, and every frame they saw. Readers of the row (the API, the
//! console) read these; fields may be added with a default, never renamed.

use serde::{Deserialize, Serialize};

/// A model that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Its file's name without the ending.
    pub name: String,
    /// Hex SHA-256 of its file.
    pub sha256: String,
}

/// A frame that was looked at. Scores are between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// Its time, in milliseconds.
    pub at_ms: u64,
    /// Until when it stands for what is seen, in milliseconds.
    pub until_ms: u64,
    /// A harmless drawing.
    pub drawing: f32,
    /// An explicit drawing.
    pub hentai: f32,
    /// Nothing of the kind.
    pub neutral: f32,
    /// Explicit.
    pub porn: f32,
    /// Suggestive, not explicit.
    pub sexy: f32,
    /// Second model: not safe for work. `None` when it was not asked, because no answer could matter.
    pub nsfw: Option<f32>,
    /// What both models agree on; `None` when only one was asked.
    pub fused: Option<f32>,
    /// Its picture as a path below the media; `None` when it was not kept.
    pub picture: Option<String>,
}
