//! Pictures from a video: cover, sprite sheets, and the frames that a review looks at, all from one decode.

mod plan;
mod run;
mod vtt;

pub use plan::{NoPicture, Sampling, Sprite, StillsPlan, Wanted};
pub use run::{Frame, Stills, stills};

/// Side of the square pictures that the review models see, in pixels.
pub const MODEL_SIDE: usize = 224;

/// Bytes of one model's picture: rows of RGB.
pub(crate) const PICTURE: usize = MODEL_SIDE * MODEL_SIDE * 3;
