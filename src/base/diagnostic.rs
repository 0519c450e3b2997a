//! Diagnostics: one line for each error, with its place and the remedy.

use std::fmt;

use crate::base::escape::{Escaped, Plain};

/// Party at fault, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The Corefile's text.
    Corefile,
    /// A missing or unreadable file.
    Input,
    /// The content of the object file.
    Object,
    /// An interface that is missing, down, or held by another program.
    Interface,
    /// The operating system.
    System,
    /// Missing privilege.
    Privilege,
}

/// One error, displayed as `FILE:LINE: DIRECTIVE: what is wrong; what would be right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Corefile or imported file.
    pub file: String,
    /// Line, counted from 1; 0 for the file as a whole.
    pub line: u32,
    /// Directive or option at fault.
    pub directive: String,
    /// Error and remedy.
    pub message: String,
    /// Party at fault.
    pub blame: Blame,
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, directive) = (Escaped(&self.file), Plain(&self.directive));
        let (line, message) = (&self.line, Escaped(&self.message));
        if *line == 0 {
            return write!(f, "{file}: {message}");
        }
        write!(f, "{file}:{line}: {directive}: {message}")
    }
}
