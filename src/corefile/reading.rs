//! A Corefile half read: what is known so far, and what each step of the reading needs.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::env::{self, Runaway};
use super::error::Error;
use super::lexer::Lexer;
use super::stream::{Source, Stream};
use super::text::{Full, Text};
use super::{Corefile, Host, Token};
use crate::base::escape::Quoted;

/// Where an error is that is in no directive.
pub(super) const BLOCK: &str = "server block";

/// A Corefile half read.
pub(super) struct Reading<'a> {
    pub(super) out: Corefile,
    /// Where relative imports of the Corefile itself start.
    pub(super) folder: &'a str,
    pub(super) host: &'a mut dyn Host,
    limit: usize,
    /// What is left of the limit.
    pub(super) left: usize,
    pub(super) stream: Stream,
    pub(super) snippets: Snippets,
    pub(super) imported: Imported,
}

/// Where in a list each name is. One type for all such, since each other would need its own code.
pub(super) type Places = BTreeMap<String, usize>;

/// The snippets declared so far.
#[derive(Default)]
pub(super) struct Snippets {
    all: Vec<Snippet>,
    places: Places,
}

impl Snippets {
    pub(super) fn get(&self, name: &str) -> Option<&Snippet> {
        self.all.get(*self.places.get(name)?)
    }

    /// Adds one whose name is not taken.
    pub(super) fn add(&mut self, name: &str, snippet: Snippet) {
        self.places.insert(name.to_owned(), self.all.len());
        self.all.push(snippet);
    }
}

/// Words to be imported by name.
#[derive(Clone)]
pub(super) struct Snippet {
    pub(super) tokens: Rc<[Token]>,
    /// Bytes as which an import of it counts: its words, and one after each.
    pub(super) bytes: usize,
}

/// What was imported so far.
#[derive(Default)]
pub(super) struct Imported {
    /// How often a snippet.
    pub(super) snippets: u32,
    /// How often a file, or a pattern.
    pub(super) files: u32,
    /// The place of each file among all, by its path.
    pub(super) places: Places,
}

impl<'a> Reading<'a> {
    /// A reading that has yet to come to the first word.
    pub(super) fn new(
        name: &str,
        folder: &'a str,
        bytes: Vec<u8>,
        limit: usize,
        host: &'a mut dyn Host,
    ) -> Result<Self, Error> {
        let mut reading = Self {
            out: Corefile {
                text: Text::default(),
                files: vec![name.to_owned()],
                blocks: Vec::new(),
                warnings: Vec::new(),
            },
            folder,
            host,
            limit,
            left: limit,
            stream: Stream::default(),
            snippets: Snippets::default(),
            imported: Imported::default(),
        };
        reading.take_room(bytes.len(), BLOCK)?;
        let source = reading.add_file(0, bytes, BLOCK)?;
        reading.stream.push(source);
        Ok(reading)
    }

    /// Adds a file's text, to be cut into words later.
    pub(super) fn add_file(
        &mut self,
        number: u16,
        bytes: Vec<u8>,
        directive: &str,
    ) -> Result<Source, Error> {
        let start = self.out.text.len();
        let added = self.out.text.add_file(bytes);
        self.fits(added, directive)?;
        Ok(Source::File(Lexer::new(number, start, &self.out.text)))
    }

    /// The present word with its variables replaced, for good.
    pub(super) fn resolve_in_place(&mut self, directive: &str) -> Result<Option<Token>, Error> {
        let Some(token) = self.stream.current() else {
            return Ok(None);
        };
        if token.is_plain() {
            return Ok(Some(token));
        }
        let Some(word) = self.resolve(token, directive)? else {
            return Ok(Some(token));
        };
        let rewritten = self.out.text.rewrite(token, &word);
        let token = self.fits(rewritten, directive)?;
        self.stream.set_current(token);
        Ok(Some(token))
    }

    /// The present word with its variables replaced, just to look at; empty where there is none.
    pub(super) fn resolved_current(&mut self, directive: &str) -> Result<String, Error> {
        let Some(token) = self.stream.current() else {
            return Ok(String::new());
        };
        let resolved = self.resolve(token, directive)?;
        Ok(resolved.unwrap_or_else(|| self.out.text(token).to_owned()))
    }

    /// The word with its variables replaced, if it has any.
    pub(super) fn resolve(
        &mut self,
        token: Token,
        directive: &str,
    ) -> Result<Option<String>, Error> {
        if token.is_plain() {
            return Ok(None);
        }
        let message = match env::replace(self.out.text.get(token), self.limit, self.host) {
            Ok(None) => return Ok(None),
            Ok(Some(word)) => {
                self.take_room(word.len(), directive)?;
                return Ok(Some(word));
            }
            Err(Runaway::Endless(name)) => format!(
                "variable {} refers to itself; give it a value that doesn't lead back to it",
                Quoted(&name)
            ),
            Err(Runaway::TooLong(name)) => format!(
                "variable {} makes this word longer than COREXDP_MAX_COREFILE ({} bytes); give it a shorter value",
                Quoted(&name),
                self.limit
            ),
        };
        Err(self.error_at(Some(token), directive, &message))
    }

    pub(super) fn advance(&mut self) -> Result<bool, Error> {
        let moved = self.stream.advance(&mut self.out.text);
        self.fits(moved, BLOCK)
    }

    pub(super) fn current_word(&self) -> &str {
        self.stream
            .current()
            .map_or("", |token| self.out.text.get(token))
    }

    /// Whether the present word is this one, as written.
    pub(super) fn is_current(&self, word: &str) -> bool {
        self.current_word() == word
    }

    /// Counts bytes against the limit.
    pub(super) fn take_room(&mut self, bytes: usize, directive: &str) -> Result<(), Error> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| self.too_much(directive))?;
        Ok(())
    }

    /// Passes on what fits into the text.
    pub(super) fn fits<T>(&self, done: Result<T, Full>, directive: &str) -> Result<T, Error> {
        done.map_err(|Full| self.too_much(directive))
    }

    pub(super) fn too_much(&self, directive: &str) -> Error {
        self.error(
            directive,
            &format!(
                "the Corefile and all it imports exceed COREXDP_MAX_COREFILE ({} bytes); shorten them, or build with a larger COREXDP_MAX_COREFILE",
                self.limit
            ),
        )
    }

    /// An error at the present word.
    pub(super) fn error(&self, directive: &str, message: &str) -> Error {
        self.error_at(self.stream.current(), directive, message)
    }

    /// An error at a word, or at the last one there was.
    pub(super) fn error_at(&self, at: Option<Token>, directive: &str, message: &str) -> Error {
        let at = at.or(self.stream.current()).or(self.stream.previous());
        Error {
            file: at
                .map_or(self.out.files.first().map_or("", String::as_str), |token| {
                    self.out.file(token)
                })
                .to_owned(),
            line: at.map_or(1, Token::line),
            directive: directive.to_owned(),
            message: message.to_owned(),
            source: None,
        }
    }
}
