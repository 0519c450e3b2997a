//! What is wrong, and where: the one line that a refusal is.

use std::fmt;

use crate::base::escape::{Escaped, Plain};

/// Whose fault it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The Corefile's text.
    Corefile,
    /// A file that is missing or cannot be read.
    Input,
    /// What stands in the object file.
    Object,
    /// An interface that is missing, down, or somebody else's.
    Interface,
    /// The operating system.
    System,
    /// Missing privilege.
    Privilege,
}

/// One thing that is wrong. Shown as `FILE:LINE: DIRECTIVE: what is wrong; what would be right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The Corefile, or the import, in which it stands.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The directive or option at fault.
    pub directive: String,
    /// What is wrong, and what would be right.
    pub message: String,
    /// Whose fault it is.
    pub blame: Blame,
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, directive) = (Escaped(&self.file), Plain(&self.directive));
        let Self { line, message, .. } = self;
        if *line == 0 {
            // About the file as a whole.
            return write!(f, "{file}: {message}");
        }
        write!(f, "{file}:{line}: {directive}: {message}")
    }
}
