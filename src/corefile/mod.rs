//! The parser of Corefiles: from text to server blocks, whose every token has its file and line.
//!
//! The grammar is that of the `caddyfile` package of coredns/caddy, oddities included: a Corefile that `CoreDNS`
//! accepts gives the same blocks and tokens here. [`config`](crate::config) interprets the tokens.
//!
//! Two rules are stricter, because Caddy's parser does not terminate without them: a variable whose value refers to
//! itself is an error, and all text counts against one limit. One rule is missing: this parser does not know the names
//! of directives, so that it accepts unknown ones.
//!
//! There is one copy of the text. A [`Token`] is a range of that text and takes 16 bytes. The lexer returns tokens as the
//! parser needs them, so that each token is stored only once, in its directive.

mod env;
mod error;
mod glob;
mod import;
mod lexer;
mod lines;
mod parser;
mod snippet;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod words;

use std::fmt;
use std::io;

use crate::base::diagnostic::{Blame, Diagnostic, Fault};
use crate::base::escape::Escaped;

pub use error::{Error, Word};
pub use lines::{Lines, Occurrence, Occurrences};
use text::Text;
pub use token::Token;
pub use words::words;

/// Maximum number of warnings that are kept.
const MAX_WARNINGS: usize = 20;

/// A Corefile with imports, snippets and variables expanded.
#[derive(Debug)]
pub struct Corefile {
    text: Text,
    files: Vec<String>,
    blocks: Vec<ServerBlock>,
    warnings: Vec<Warning>,
    /// Number of warnings past [`MAX_WARNINGS`].
    omitted_warnings: usize,
}

/// Directives for a set of addresses.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerBlock {
    /// The addresses, variables expanded.
    pub keys: Vec<String>,
    /// Token of the first address.
    pub at: Token,
    /// The directives, one for each name, in the order in which the names first appear.
    pub directives: Vec<Directive>,
}

/// All occurrences of one directive in a server block.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive {
    /// The name, variables expanded.
    pub name: String,
    /// The tokens of all occurrences in order, with names and braces.
    pub tokens: Vec<Token>,
}

/// A probable mistake that `CoreDNS` accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file, as in [`Corefile::file`].
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The directive, or `server block`.
    pub directive: &'static str,
    /// The fault, without the place.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line, directive) = (Escaped(&self.file), self.line, self.directive);
        write!(f, "{file}:{line}: {directive}: {}", Escaped(&self.message))
    }
}

/// The parser's access to files and environment.
pub trait Host {
    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::IsADirectory`] for a folder, [`io::ErrorKind::FileTooLarge`] for more than `limit` bytes, and
    /// errors of reading.
    fn read(&mut self, path: &str, limit: usize) -> io::Result<Vec<u8>>;

    /// The names in a folder in any order, hidden names included, without `.` and `..`.
    ///
    /// # Errors
    /// When `dir` is not a folder, or cannot be read.
    fn list(&mut self, dir: &str) -> io::Result<Vec<String>>;

    /// True if a path exists, as `lstat(2)`: a dangling symbolic link exists.
    fn exists(&mut self, path: &str) -> bool;

    /// The value of an environment variable.
    fn var(&mut self, name: &str) -> Option<String>;
}

impl Corefile {
    /// Gives tokens of directives another text. `words` has the tokens in their order in the Corefile.
    pub fn rewrite(&mut self, words: &[(Token, String)]) {
        let mut words = words.iter();
        let mut next = words.next();
        for block in &mut self.blocks {
            for directive in &mut block.directives {
                for token in &mut directive.tokens {
                    if let Some((old, word)) = next
                        && old == token
                    {
                        // No Corefile is so large that a token cannot address its text.
                        *token = self.text.rewrite(*token, word).unwrap_or(*token);
                        next = words.next();
                    }
                }
            }
        }
    }

    /// True if `next` is on the line on which `token` ends.
    pub fn is_same_line(&self, token: Token, next: Token) -> bool {
        self.text.same_line(token, next)
    }

    /// An error at the file and line of `token`.
    pub fn diagnostic(
        &self,
        token: Token,
        directive: &str,
        message: String,
        blame: Blame,
    ) -> Diagnostic {
        Diagnostic::from(Fault {
            file: self.file(token).to_owned(),
            line: token.line(),
            directive: directive.to_owned(),
            message,
            blame,
        })
    }

    /// Parses the Corefile `bytes` and everything that it imports. A [`Vec`] is not copied.
    ///
    /// `name` is the file's name in errors, and `folder` the absolute path at which its relative imports start. All files
    /// together may have `limit` bytes; a snippet counts each time it is imported.
    ///
    /// # Errors
    /// The first error in the Corefile.
    pub fn parse(
        name: &str,
        folder: &str,
        bytes: impl Into<Vec<u8>>,
        limit: usize,
        host: &mut dyn Host,
    ) -> Result<Self, Error> {
        parser::parse(name, folder, bytes.into(), limit, host)
    }

    /// The server blocks in order. Snippets, and blocks without an address, are left out.
    pub fn blocks(&self) -> &[ServerBlock] {
        &self.blocks
    }

    /// The text of a token of this Corefile.
    pub fn text(&self, token: Token) -> &str {
        self.text.get(token)
    }

    /// The file of a token: the name given to [`Corefile::parse`], or the absolute path of an imported file.
    pub fn file(&self, token: Token) -> &str {
        self.files
            .get(usize::from(token.file()))
            .map_or("", String::as_str)
    }

    /// The first warnings, in the order of the text.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Number of warnings that [`Corefile::warnings`] omits.
    pub fn omitted_warnings(&self) -> usize {
        self.omitted_warnings
    }

    /// Every file that was read, once each: the Corefile, then imported files in the order of their first import.
    pub fn files(&self) -> &[String] {
        &self.files
    }
}
