//! Signature service: who may upload what, said in a signature. Nothing here writes a row.

mod explain;
mod issue;
mod sample;

pub use explain::{Check, Explanation, KeyState, MacState, Outcome, explain};
pub use issue::{IssueError, Issued, Order, issue};
pub use sample::issue_sample;
