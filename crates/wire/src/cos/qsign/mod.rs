//! The COS request signature, `q-sign-algorithm=sha1` (wire reference 3.6).
//!
//! A server reads an [`Authorization`] from the header or the query, looks up the credential by its `access_key`,
//! checks [`Authorization::check_window`] and [`Authorization::verify`], and compares the security token itself,
//! which clients may leave unsigned. A client uses a [`Signer`].

mod authorization;
mod canonical;
mod refusal;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use authorization::{Authorization, KeyTime};
pub use canonical::{Request, encode};
pub use refusal::Refusal;
pub use sign::Signer;
pub use verify::{OPERATION_PARAMETERS, START_TOLERANCE};
