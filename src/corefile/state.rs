//! State of the parser, and the methods that its steps share. The steps are in `parser.rs`, `import.rs` and
//! `snippet.rs`.

use std::rc::Rc;

use super::env::{self, ExpandError};
use super::error::{Error, Fields};
use super::lexer::Lexer;
use super::stream::{Source, TokenStream};
use super::text::{Text, TextFull};
use super::{Corefile, Host, MAX_WARNINGS, Token, Warning};
use crate::base::escape::Quoted;
use crate::base::index::Index;

/// Directive that an error outside of directives names.
pub(super) const BLOCK: &str = "server block";

/// The parser.
pub(super) struct Parser<'a> {
    /// The result so far.
    pub(super) corefile: Corefile,
    /// Absolute path at which relative imports of the Corefile itself start.
    pub(super) folder: &'a str,
    pub(super) host: &'a mut dyn Host,
    /// Maximum size of all text in bytes.
    limit: usize,
    /// Bytes of text that may still be added.
    pub(super) remaining: usize,
    pub(super) stream: TokenStream,
    pub(super) snippets: Snippets,
    pub(super) imports: Imports,
}

/// The snippets declared so far.
#[derive(Default)]
pub(super) struct Snippets {
    all: Vec<Snippet>,
    index: Index,
}

impl Snippets {
    pub(super) fn get(&self, name: &str) -> Option<&Snippet> {
        self.all.get(self.index.get(name)?)
    }

    /// Adds a snippet whose name is unused.
    pub(super) fn add(&mut self, name: &str, snippet: Snippet) {
        self.index.insert(name, self.all.len());
        self.all.push(snippet);
    }
}

/// A snippet's tokens.
#[derive(Clone)]
pub(super) struct Snippet {
    pub(super) tokens: Rc<[Token]>,
    /// Bytes that an import counts against the limit: the text of each token, and one byte more.
    pub(super) bytes: usize,
}

/// Imports executed so far.
#[derive(Default)]
pub(super) struct Imports {
    /// Imports of snippets.
    pub(super) snippets: u32,
    /// Imports of files and patterns.
    pub(super) files: u32,
    /// Index in [`Corefile::files`] of each imported file, by path.
    pub(super) file_index: Index,
}

impl<'a> Parser<'a> {
    /// A parser before the first token.
    pub(super) fn new(
        name: &str,
        folder: &'a str,
        bytes: Vec<u8>,
        limit: usize,
        host: &'a mut dyn Host,
    ) -> Result<Self, Error> {
        let mut parser = Self {
            corefile: Corefile {
                text: Text::default(),
                files: vec![name.to_owned()],
                blocks: Vec::new(),
                warnings: Vec::new(),
                omitted_warnings: 0,
            },
            folder,
            host,
            limit,
            remaining: limit,
            stream: TokenStream::default(),
            snippets: Snippets::default(),
            imports: Imports::default(),
        };
        parser.charge(bytes.len(), BLOCK)?;
        let source = parser.add_file(0, bytes, BLOCK)?;
        parser.stream.push(source);
        Ok(parser)
    }

    /// Adds a file's text, which the lexer reads later.
    pub(super) fn add_file(
        &mut self,
        number: u16,
        bytes: Vec<u8>,
        directive: &str,
    ) -> Result<Source, Error> {
        let start = self.corefile.text.len();
        let added = self.corefile.text.add_file(bytes);
        self.map_full(added, directive)?;
        Ok(Source::File(Lexer::new(number, start, &self.corefile.text)))
    }

    /// Expands the variables of the current token and replaces the token.
    pub(super) fn expand_in_place(&mut self, directive: &str) -> Result<Option<Token>, Error> {
        let Some(token) = self.stream.current() else {
            return Ok(None);
        };
        if token.is_plain() {
            return Ok(Some(token));
        }
        let Some(word) = self.expand(token, directive)? else {
            return Ok(Some(token));
        };
        let rewritten = self.corefile.text.rewrite(token, &word);
        let token = self.map_full(rewritten, directive)?;
        self.stream.set_current(token);
        Ok(Some(token))
    }

    /// The text of the current token with its variables expanded; empty without a current token. The token is not
    /// replaced.
    pub(super) fn expand_current(&mut self, directive: &str) -> Result<String, Error> {
        let Some(token) = self.stream.current() else {
            return Ok(String::new());
        };
        let expanded = self.expand(token, directive)?;
        Ok(expanded.unwrap_or_else(|| self.corefile.text(token).to_owned()))
    }

    /// The token's text with its variables expanded, if it has any.
    pub(super) fn expand(
        &mut self,
        token: Token,
        directive: &str,
    ) -> Result<Option<String>, Error> {
        if token.is_plain() {
            return Ok(None);
        }
        let message = match env::expand(self.corefile.text.get(token), self.limit, self.host) {
            Ok(None) => return Ok(None),
            Ok(Some(word)) => {
                self.charge(word.len(), directive)?;
                return Ok(Some(word));
            }
            Err(ExpandError::Recursive(name)) => format!(
                "variable {} refers to itself; give it a value that does not refer back to it",
                Quoted(&name)
            ),
            Err(ExpandError::TooLong(name)) => format!(
                "variable {} makes this word longer than COREXDP_MAX_COREFILE ({} bytes); give it a shorter value",
                Quoted(&name),
                self.limit
            ),
        };
        Err(self.error_at(Some(token), directive, &message))
    }

    /// Adds a warning. `message` is called only if the warning is kept.
    pub(super) fn warn(
        &mut self,
        at: Token,
        directive: &'static str,
        message: impl FnOnce() -> String,
    ) {
        if self.corefile.warnings.len() == MAX_WARNINGS {
            self.corefile.omitted_warnings += 1;
            return;
        }
        self.corefile.warnings.push(Warning {
            file: self.corefile.file(at).to_owned(),
            line: at.line(),
            directive,
            message: message(),
        });
    }

    pub(super) fn advance(&mut self) -> Result<bool, Error> {
        let moved = self.stream.advance(&mut self.corefile.text);
        self.map_full(moved, BLOCK)
    }

    pub(super) fn current_word(&self) -> &str {
        self.stream
            .current()
            .map_or("", |token| self.corefile.text.get(token))
    }

    /// True if the current token is `word`, variables not expanded.
    pub(super) fn is_current(&self, word: &str) -> bool {
        self.current_word() == word
    }

    /// Counts bytes against the limit of all text.
    pub(super) fn charge(&mut self, bytes: usize, directive: &str) -> Result<(), Error> {
        self.remaining = self
            .remaining
            .checked_sub(bytes)
            .ok_or_else(|| self.over_limit(directive))?;
        Ok(())
    }

    /// Converts [`TextFull`] to an error at the current token.
    pub(super) fn map_full<T>(
        &self,
        result: Result<T, TextFull>,
        directive: &str,
    ) -> Result<T, Error> {
        result.map_err(|TextFull| self.over_limit(directive))
    }

    pub(super) fn over_limit(&self, directive: &str) -> Error {
        self.error(
            directive,
            &format!(
                "the Corefile and all it imports exceed COREXDP_MAX_COREFILE ({} bytes); shorten them, or build with a larger COREXDP_MAX_COREFILE",
                self.limit
            ),
        )
    }

    /// An error at the current token.
    pub(super) fn error(&self, directive: &str, message: &str) -> Error {
        self.error_at(self.stream.current(), directive, message)
    }

    /// An error at a token; without one, at the current or the previous token.
    pub(super) fn error_at(&self, at: Option<Token>, directive: &str, message: &str) -> Error {
        let at = at.or(self.stream.current()).or(self.stream.previous());
        Error::new(Fields {
            file: at
                .map_or(
                    self.corefile.files.first().map_or("", String::as_str),
                    |token| self.corefile.file(token),
                )
                .to_owned(),
            line: at.map_or(1, Token::line),
            directive: directive.to_owned(),
            message: message.to_owned(),
            source: None,
        })
    }
}
