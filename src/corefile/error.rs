//! Errors of a Corefile: place, fault and remedy.

use std::error;
use std::fmt;
use std::io;

use crate::base::diagnostic::{Blame, Diagnostic, Fault};
use crate::base::escape::{Escaped, Plain, is_control};

/// The first error in a Corefile.
///
/// `Display` gives one line: `FILE:LINE: DIRECTIVE: what is wrong; what would be right`.
#[derive(Debug)]
pub struct Error(Box<Fields>);

#[derive(Debug)]
pub(super) struct Fields {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) directive: String,
    pub(super) message: String,
    /// The I/O error, if a file could not be read.
    pub(super) source: Option<io::Error>,
}

impl Error {
    pub(super) fn new(fields: Fields) -> Self {
        Self(Box::new(fields))
    }

    /// Adds the I/O error.
    pub(super) fn caused_by(mut self, cause: io::Error) -> Self {
        self.0.source = Some(cause);
        self
    }

    /// The Corefile's name, or the absolute path of an imported file.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The line, counted from 1.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// The directive; `server block` or `snippet` outside of directives.
    pub fn directive(&self) -> &str {
        &self.0.directive
    }

    /// The fault and its remedy, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            Escaped(&self.0.file),
            self.0.line,
            Plain(&self.0.directive),
            Escaped(&self.0.message)
        )
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| source as &(dyn error::Error + 'static))
    }
}

impl From<&Error> for Diagnostic {
    fn from(error: &Error) -> Self {
        Self::from(Fault {
            file: error.file().to_owned(),
            line: error.line(),
            directive: error.directive().to_owned(),
            message: match &error.0.source {
                Some(source) => format!("{}: {source}", error.message()),
                None => error.message().to_owned(),
            },
            blame: Blame::Corefile,
        })
    }
}

/// A word in the syntax of a Corefile, in quotes if necessary. A Corefile escapes only quotes, so that it cannot express
/// a backslash before a quote, or at the end of a quoted word.
pub struct Word<'a>(pub &'a str);

impl Word<'_> {
    /// True if the displayed word parses to exactly this text. A word with a reference to a variable, a control
    /// character or a backslash before a quote does not, nor does a single brace.
    pub fn is_exact(&self) -> bool {
        let inexact = ["{$", "{%", "\\\""];
        let is_brace = matches!(self.0, "{" | "}");
        !is_brace
            && !self.0.ends_with('\\')
            && !inexact.iter().any(|part| self.0.contains(part))
            && !self.0.contains(is_control)
    }
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./@=:[]()".contains(c);
        if !self.0.is_empty() && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        let text = self.0.replace('"', "\\\"");
        write!(f, "\"{}\"", Escaped(&text))
    }
}
