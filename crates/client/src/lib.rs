//! Upload client over the public wire: the UGC door and the COS object leg, nothing of the server's inside.
//!
//! ```no_run
//! # async fn example() -> Result<(), reelgate_client::UploadError> {
//! use reelgate_client::{Endpoint, SignatureSource, Upload};
//!
//! let endpoint = Endpoint::path_style("http://127.0.0.1:8080");
//! let signatures = SignatureSource::new(|| async { Ok("a signature from your backend".to_owned()) });
//! let upload = Upload::new(endpoint, signatures, "holiday.mp4").state_file("holiday.mp4.upload");
//! let progress = upload.progress();
//! let uploaded = upload.run().await?;
//! println!("{} ({:?})", uploaded.file_id, progress.borrow());
//! # Ok(())
//! # }
//! ```
//!
//! Parts are streamed from disk in parallel, failures are retried with a fresh signature, temporary credentials are
//! renewed before they end, and an interrupted upload goes on where its state file says. Dropping the future of
//! [`Upload::run`] cancels; what the server has acknowledged stays there for the next run.

mod endpoint;
mod error;
mod part;
mod plan;
mod progress;
mod retry;
mod session;
mod signatures;
mod state;
mod storage;
mod ugc;
mod upload;

pub use endpoint::Endpoint;
pub use error::UploadError;
pub use plan::{DEFAULT_PART_SIZE, MIN_PART_SIZE};
pub use progress::{Phase, Progress};
pub use retry::RetryPolicy;
pub use signatures::{BoxError, SignatureSource};
pub use upload::{Upload, Uploaded};
