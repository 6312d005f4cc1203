//! Transcoding: one decode of the source feeds every output that a task wants.
//!
//! [`TranscodePlan`] decides what is encoded (pure, from a probe), [`transcode`] does it in the sandbox. Where two
//! outputs want the same picture and sound, it is encoded once and packaged twice.

mod commands;
mod measure;
mod plan;
mod playlist;
mod run;
pub mod templates;

pub use measure::{Adaptive, File, Made, Variant};
pub use plan::{Refusal, Refused, TranscodePlan};
pub use run::transcode;

/// What a task wants of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// HLS in several sizes: `adp.{definition}.m3u8` beside `{definition}/v{short side}.m3u8` and its segments.
    Adaptive {
        /// Template id.
        definition: u32,
        /// From small to large. Those larger than the source are left out; the smallest always stays.
        rungs: Vec<Quality>,
    },
    /// One MP4 file, `v.f{definition}.mp4`, with its index in front.
    Mp4 {
        /// Template id.
        definition: u32,
        /// Its one quality. A smaller source keeps its size.
        quality: Quality,
    },
}

impl Output {
    /// Template id.
    pub fn definition(&self) -> u32 {
        match self {
            Self::Adaptive { definition, .. } | Self::Mp4 { definition, .. } => *definition,
        }
    }
}

/// Picture and sound of one encode, as a template says. All are upper bounds: neither size nor frame rate is ever
/// raised above the source's, and the bit rate stays below where the picture does not need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// The smaller of width and height, in pixels.
    pub short_side: u32,
    /// Frames in a second.
    pub fps: u32,
    /// Video, kilobits in a second.
    pub video_kbps: u32,
    /// Audio, kilobits in a second.
    pub audio_kbps: u32,
}
