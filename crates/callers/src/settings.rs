//! What can be wrong with settings. It stops the start of the server, with a sentence for its operator.

/// Why a [`crate::Jwt`], a [`crate::Forward`] or a [`crate::ClaimPath`] cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An HS256 secret that could be guessed.
    #[error("the HS256 secret of {name} has {bytes} bytes; give one of at least 32 random bytes")]
    ShortSecret {
        /// The entry.
        name: String,
        /// The length found.
        bytes: usize,
    },
    /// A PEM text that gives no usable key.
    #[error("the key of {name} cannot be used for {algorithm}: {problem}")]
    Key {
        /// The entry.
        name: String,
        /// The algorithm it was given for.
        algorithm: &'static str,
        /// What is wrong and what to give instead.
        problem: &'static str,
    },
    /// A claim path that names nothing.
    #[error(
        "the claim path `{text}` {problem}; write it as realm_access.roles, or as a JSON pointer \
         such as /https:~1~1example.com~1roles when names hold dots"
    )]
    ClaimPath {
        /// As written.
        text: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A URL that cannot be asked.
    #[error("the URL of {name} {problem}")]
    Url {
        /// The entry.
        name: String,
        /// What is wrong and what to write instead.
        problem: &'static str,
    },
    /// Headers that cannot be copied.
    #[error("the headers of {name} cannot be copied: {problem}")]
    Headers {
        /// The entry.
        name: String,
        /// Which one, and what to do.
        problem: String,
    },
    /// No HTTP client, mostly for want of random numbers or certificates.
    #[error(
        "the HTTP client of {name} cannot be made; check that this machine has ca-certificates installed"
    )]
    Client {
        /// The entry.
        name: String,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
}
