//! The only door of Reelgate to ffprobe, ffmpeg and the frame classifier.
//!
//! Strangers' bytes are never decoded in our process (design promise 7): [`sandbox`] starts a confined child,
//! [`probe`] asks what a file is, [`encode`] and [`stills`] make what is played and looked at, [`review`] judges
//! raw pixels. Nothing here knows HTTP, SQL or a vendor format; the server converts.

mod arguments;
pub mod encode;
pub mod probe;
pub mod review;
pub mod sandbox;
pub mod stills;
mod tools;
mod work;

pub use tools::{Tools, ToolsError};
pub use work::{Work, WorkError};
