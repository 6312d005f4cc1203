//! Uploads: from a signature that was shown to a media that exists. One file for each verb; every door calls the
//! same ones, so that "finished" is defined once.

pub mod commit;
pub mod expire;
pub mod grant;
pub mod open;
pub mod permit;
mod refusal;
pub mod session;

pub use permit::Permit;
pub use refusal::Refusal;
