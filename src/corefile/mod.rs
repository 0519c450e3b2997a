//! What the operator typed: a Corefile's text → server blocks whose every word knows its file and line.
//!
//! The rules are those of the `caddyfile` package of coredns/caddy, odd ones included: a Corefile that `CoreDNS` reads
//! gives the same blocks and the same words here. What the words mean is not this room's business.
//!
//! Two things are stricter, since they never end there: a variable whose value leads back to itself is an error, and
//! everything read counts against one limit. One thing is done only there: which directives exist is checked later.
//!
//! There is one copy of the text. A [`Token`] is a place in it, 16 bytes long, and files are cut into words only as the
//! parser asks for them, so a word is stored once: in the directive that it belongs to.

mod env;
mod error;
mod glob;
mod import;
mod lexer;
mod lines;
mod parser;
mod reading;
mod snippet;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod token;

use std::fmt;
use std::io;

use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::Escaped;

pub use error::{Error, Word};
pub use lines::{Lines, Occurrence, Occurrences};
use text::Text;
pub use token::Token;

/// A Corefile with its imports, snippets and variables resolved.
#[derive(Debug)]
pub struct Corefile {
    text: Text,
    files: Vec<String>,
    blocks: Vec<ServerBlock>,
    warnings: Vec<Warning>,
}

/// Directives for a set of addresses.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServerBlock {
    /// The addresses, variables resolved, as written otherwise.
    pub keys: Vec<String>,
    /// By name, in the order in which the names first appear.
    pub directives: Vec<Directive>,
}

/// What a server block says under one name.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive {
    /// The name, variables resolved.
    pub name: String,
    /// All words, the name itself and braces included; of a repeated directive one occurrence after the other.
    pub tokens: Vec<Token>,
}

/// Something that `CoreDNS` lets pass and only logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file, as in [`Corefile::file`].
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// What is odd.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = (Escaped(&self.file), self.line);
        write!(f, "{file}:{line}: import: {}", self.message)
    }
}

/// What the parser asks of the outside world.
pub trait Host {
    /// The content of a file.
    ///
    /// A folder is [`io::ErrorKind::IsADirectory`], more than `limit` bytes are [`io::ErrorKind::FileTooLarge`].
    fn read(&mut self, path: &str, limit: usize) -> io::Result<Vec<u8>>;

    /// The names in a folder, hidden ones included, `.` and `..` not, in any order. An error if it is none.
    fn list(&mut self, dir: &str) -> io::Result<Vec<String>>;

    /// Whether a path names anything at all, if only a symbolic link to nowhere (`lstat(2)`).
    fn exists(&mut self, path: &str) -> bool;

    /// The value of an environment variable.
    fn var(&mut self, name: &str) -> Option<String>;
}

impl Corefile {
    /// An error at `token`, whose file and line the Corefile knows.
    pub fn diagnostic(
        &self,
        token: Token,
        directive: &str,
        message: String,
        blame: Blame,
    ) -> Diagnostic {
        Diagnostic {
            file: self.file(token).to_owned(),
            line: token.line(),
            directive: directive.to_owned(),
            message,
            blame,
        }
    }

    /// Reads a Corefile, given as `bytes`, and all that it imports. Bytes that are a [`Vec`] are kept, not copied.
    ///
    /// `name` is what errors call it; `folder` is the absolute path from which its relative imports start. All files
    /// together, snippets counted each time they are imported, have at most `limit` bytes. The first error ends it.
    pub fn parse(
        name: &str,
        folder: &str,
        bytes: impl Into<Vec<u8>>,
        limit: usize,
        host: &mut dyn Host,
    ) -> Result<Self, Error> {
        parser::parse(name, folder, bytes.into(), limit, host)
    }

    /// The server blocks in order. Snippets are none, and neither are blocks without an address.
    pub fn blocks(&self) -> &[ServerBlock] {
        &self.blocks
    }

    /// The letters of a word of this Corefile.
    pub fn text(&self, token: Token) -> &str {
        self.text.get(token)
    }

    /// The file in which a word stands: the name given to [`Corefile::parse`], or an import's absolute path.
    pub fn file(&self, token: Token) -> &str {
        self.files
            .get(usize::from(token.file()))
            .map_or("", String::as_str)
    }

    /// What was odd, in the order in which it was met.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Every file that was read, once each: the Corefile itself, then imports in the order of their first reading.
    pub fn files(&self) -> &[String] {
        &self.files
    }
}
