//! AWS Signature Version 4 for the service `s3`, in the header and in the query (presigned).
//!
//! A server reads an [`Authorization`], looks up the credential by its `access_key`, then calls [`Authorization::verify`] and
//! [`Authorization::check_window`], and compares the security token itself. A client uses a [`Signer`].

mod authorization;
mod canonical;
mod payload;
mod refusal;
mod sign;
mod stamp;
#[cfg(test)]
mod tests;
mod verify;

pub use authorization::Authorization;
pub use canonical::Request;
pub use payload::PayloadHash;
pub use refusal::Refusal;
pub use sign::{ChunkKey, Signer};
pub use stamp::Stamp;
pub use verify::MAX_SKEW;
