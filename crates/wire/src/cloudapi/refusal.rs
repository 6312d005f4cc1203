//! Why a request is not answered with what it asked for.

use super::Code;

/// A code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Refusal {
    /// Which kind.
    pub code: Code,
    /// What happened, to what, and what to do next. Never a secret.
    pub message: String,
}

impl Refusal {
    /// A refusal in these words.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A required parameter is not there.
    pub fn missing(name: &str) -> Self {
        Self::new(Code::MissingParameter, format!("the request lacks the parameter {name}; add it"))
    }
}
