//! A command line under construction.

/// Arguments of ffmpeg or ffprobe, in order. Nothing passes a shell; an argument may hold anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    /// Adds words written with spaces between them; for texts of ours.
    pub(crate) fn words(&mut self, words: &str) -> &mut Self {
        self.0.extend(words.split_whitespace().map(str::to_owned));
        self
    }

    /// Adds one argument as it is.
    pub(crate) fn one(&mut self, argument: impl Into<String>) -> &mut Self {
        self.0.push(argument.into());
        self
    }

    /// Adds an option and its value.
    pub(crate) fn option(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.one(name).one(value.to_string())
    }

    pub(crate) fn into_vec(self) -> Vec<String> {
        self.0
    }
}

impl std::fmt::Display for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
