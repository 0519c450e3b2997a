//! What is wrong with a Corefile, where, and what would be right.

use std::error;
use std::fmt;
use std::io;

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::{Escaped, Plain};

/// The first thing wrong in a Corefile.
///
/// Shown as one line: `FILE:LINE: DIRECTIVE: what is wrong; what would be right`.
#[derive(Debug)]
pub struct Error {
    /// Which file: the Corefile's name, or an import's absolute path.
    pub file: String,
    /// Which line, counted from 1.
    pub line: u32,
    /// In which directive, or in what else: `server block`, `snippet`.
    pub directive: String,
    pub(super) message: String,
    pub(super) source: Option<io::Error>,
}

impl Error {
    /// Which file: the Corefile's name, or an import's absolute path.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Which line, counted from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// In which directive, or in what else: `server block`, `snippet`.
    pub fn directive(&self) -> &str {
        &self.directive
    }

    /// What is wrong, and what would be right.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            Escaped(&self.file),
            self.line,
            Plain(&self.directive),
            self.message
        )
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| source as &(dyn error::Error + 'static))
    }
}

impl From<&Error> for Diagnostic {
    fn from(error: &Error) -> Self {
        Self {
            file: error.file().to_owned(),
            line: error.line(),
            directive: error.directive().to_owned(),
            message: error::Error::source(error).map_or_else(
                || error.message().to_owned(),
                |source| format!("{}: {source}", error.message()),
            ),
            blame: Blame::Corefile,
        }
    }
}

/// A word as a Corefile takes it, in quotes if it needs them. Only quotes have an escape there, so a backslash in front of
/// one, or at the end of what needs quotes, can't be said.
pub struct Word<'a>(pub &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./@=:[]".contains(c);
        if !self.0.is_empty() && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        let text = self.0.replace('"', "\\\"");
        write!(f, "\"{}\"", Escaped(&text))
    }
}
