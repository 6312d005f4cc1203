//! Uploads: from a signature that was shown to a media that exists. One file for each verb; every door calls the
//! same ones, so that "finished" is defined once.

pub mod access;
pub mod begin;
pub mod bytes;
pub mod commit;
pub mod complete;
pub mod expire;
pub mod grant;
mod head;
pub mod open;
mod pace;
pub mod part;
pub mod permit;
pub mod put;
mod quota;
mod refusal;
mod room;
pub mod session;
pub mod take_back;
mod turns;
pub mod tus;

pub use bytes::BytesError;
pub use permit::Permit;
pub use refusal::Refusal;
pub use turns::Turns;
